"""Vidur (MIT): fp16 layers and collectives of A100, H100 and A40, split by model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measured.points import Point, records, target_of

SOURCE = "vidur"

FITTED_MODELS = {
    "a100": ("Llama-2-7b-hf", "phi-2"),
    "h100": ("Llama-2-7b-hf",),
    "a40": ("Llama-2-7b-hf",),
}
"""By device the models whose layers may be used for fitting; all others are held out."""

PARALLEL = ("phi-2",)
"""Models whose attention and MLP both start from the norm: `add` is two additions, of two results to the residual."""

_NORMS = ("input_layernorm", "post_attention_layernorm")
_PLAIN = {"add": "add", "emb": "embedding", "attn_rope": "rope"}


def points(folder: Path) -> Iterator[Point]:
    """Layers of the model files, then the collectives of the network files."""
    for path in sorted((folder / SOURCE).glob("*.csv")):
        yield from (_network(path) if path.name.startswith("net_") else _layers(path))


def _layers(path: Path) -> Iterator[Point]:
    rotated = _rotated(path)
    for row in records(path):
        device, model = row["device"], row["model"]
        target, held_out = target_of(device), model not in FITTED_MODELS.get(device, ())
        seconds = float(row["latency_us"]) * 1e-6
        common = {"target": target, "m": row["m"], "n": row["n"], "dtype": "f16"}
        if int(row["k"]):
            yield Point(SOURCE, device, "linear f16", {**common, "kind": "matmul", "k": row["k"]}, seconds, held_out)
            continue
        kind, op = _word(row["op"], model)
        columns = {**common, "kind": kind, **({"n": rotated.get(row["tp"], row["n"])} if kind == "rope" else {})}
        also = (columns,) if kind == "add" and model in PARALLEL else ()
        if seconds > 0:
            yield Point(SOURCE, device, op, columns, seconds, held_out, also)


def _rotated(path: Path) -> dict[str, int]:
    """Width of a token's queries and keys by ways of tensor parallelism; the `n` of attn_rope is that of the model.

    The projection before attention is queries, keys and values wide, the one after it reads as much as there are
    queries: (n before + k after) / 2.
    """
    before = {row["tp"]: int(row["n"]) for row in records(path) if row["op"] == "attn_pre_proj"}
    after = {row["tp"]: int(row["k"]) for row in records(path) if row["op"] == "attn_post_proj"}
    return {ways: (before[ways] + after[ways]) // 2 for ways in before if ways in after}


def _word(op: str, model: str) -> tuple[str, str]:
    """The kind of a layer that is no product, and its line in the table."""
    plain = model == "phi-2"
    if op in _NORMS:
        return ("layernorm" if plain else "rmsnorm"), "norm f16"
    if op == "mlp_act":
        return ("gelu" if plain else "swiglu"), "elementwise f16"
    return _PLAIN[op], "embedding f16" if op == "emb" else "elementwise f16"


def _network(path: Path) -> Iterator[Point]:
    """Collectives within a node; every other size is held out. Those between nodes have no target."""
    for row in records(path):
        ranks, inside = int(row["num_workers"]), row["num_workers"] == row["devices_per_node"]
        size = int(row["size"])
        target = target_of(row["cluster"]) if inside else f"{target_of(row['cluster'])}-nodes"
        yield Point(
            SOURCE,
            row["cluster"] if inside else f"{row['cluster']} over nodes",
            f"{row['op']} x{ranks}",
            {"target": target, "kind": row["op"], "bytes": size, "ranks": ranks},
            float(row["latency_us"]) * 1e-6,
            round(4 * math.log2(max(size, 1))) % 2 == 1,
        )
