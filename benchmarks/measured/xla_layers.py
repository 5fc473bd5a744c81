"""Layers of a program that XLA compiled: which measured names are work of their own, and which share work or weights.

The compiler moves work across the names of layers, and loads weights while other layers run. What shows in the times of
LLMServingSim's TPU v6e, by figures of the chip alone and by none of a model:
- Where no `up_proj` stands in the file, its weights were read under a neighbour's name: `gate_proj` takes two reads
  for one token, `down_proj` for more. The three are one point, of the sum of their times.
- Weights read quicker than the memory can were in the scratchpad before (up to 6.3 TB/s of a memory of 1.64 TB/s):
  another layer waited for them, or none. Such rows say nothing of a product with weights in memory.
- `post_layernorm` and `final_layernorm` take as long for 2048 rows as for one, at last more than eight times quicker
  than all lanes could: the rows are normed inside the products that read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

MEMORY_BYTES_PER_S = {"TPU-v6e-1": 1640e9}
"""Peak bandwidth of the memory (Google's system architecture page of TPU v6e)."""

MERGED_NORMS = ("post_layernorm", "final_layernorm")


@dataclass(frozen=True, slots=True)
class Row:
    """A measured row: the name of the layer, its tokens, and seconds."""

    layer: str
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that one time stands for; `apart` says why they are on a line of their own, and is empty else."""

    layers: tuple[str, ...]
    tokens: int
    seconds: float
    apart: str = ""


def groups(rows: Sequence[Row], device: str, weight_bytes: Callable[[str], int]) -> Iterator[Group]:
    """The rows as times of known work, in their order."""
    times = {(r.layer, r.tokens): r.seconds for r in rows}
    gated = {r.tokens for r in rows if r.layer == "gate_proj"}
    shared = {tokens for tokens in gated if _is_shared(times, tokens)}
    for row in rows:
        if row.tokens in shared and row.layer == "gate_proj":
            seconds = row.seconds + times["down_proj", row.tokens]
            yield Group(("gate_proj", "up_proj", "down_proj"), row.tokens, seconds)
        elif not (row.tokens in shared and row.layer == "down_proj"):
            yield Group((row.layer,), row.tokens, row.seconds, _apart(row, device, weight_bytes(row.layer)))


def _is_shared(times: Mapping[tuple[str, int], float], tokens: int) -> bool:
    return ("up_proj", tokens) not in times and ("down_proj", tokens) in times


def _apart(row: Row, device: str, weight_bytes: int) -> str:
    if row.layer in MERGED_NORMS:
        return "merged"
    return "resident" if weight_bytes > row.seconds * MEMORY_BYTES_PER_S[device] else ""
