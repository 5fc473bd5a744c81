"""FasterTransformer (Apache-2.0): latency of whole requests to GPT models on A100 servers, split by model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measured.points import records
from samples.models.decoder import Decoder

SOURCE = "fastertransformer"
TARGET = "a100-80"

FITTED_MODELS = ("GPT-350M", "GPT-89B")
"""Models whose rows may be used for fitting what the runtime adds, one on one GPU and one on eight; all others are held
out."""


@dataclass(frozen=True, slots=True)
class Request:
    """A measured request: `batch` prompts of `prompt` tokens, `tokens` new ones each.

    model: its name. config: one rank's sizes. stages: of the pipeline, one after the other. sampled: whether tokens
    are drawn (top-k, top-p) rather than taken by the largest logit.
    """

    model: str
    config: Decoder
    stages: int
    batch: int
    prompt: int
    tokens: int
    sampled: bool
    seconds: float
    held_out: bool


def requests(folder: Path) -> Iterator[Request]:
    """The GPT rows of FasterTransformer itself; those of other runtimes and of memory use are left out."""
    for row in records(folder / SOURCE / "gpt.csv"):
        if "latency" in row["metric"].lower() and "megatron" not in row["metric"].lower():
            found = _request(row)
            if found is not None:
                yield found


def _request(row: dict[str, str]) -> Request | None:
    sizes = json.loads(row["cfg"])
    try:
        seconds = float(row["value"]) * 1e-3
        batch, prompt, tokens = (int(row[name]) for name in ("batch", "col1", "col2"))
        heads, head_dim, layers = (int(sizes[name]) for name in ("head_num", "size_per_head", "num_layers"))
    except (KeyError, ValueError):  # a cell that is no number, as where memory ran out
        return None
    model = next(iter(re.findall(r"GPT-[\d.]+[MB]", row["section"])), row["section"])
    ranks, stages = (_parallel(row, sizes, *names) for names in (("TP", "tensor"), ("PP", "pipeline")))
    width = heads * head_dim
    config = Decoder(
        model,
        layers=layers,
        width=width,
        heads=heads,
        inner=int(sizes.get("inter_size", 4 * width)),
        vocabulary=int(sizes.get("vocab_size", 51200)),
        head_dim=head_dim,
        ranks=ranks,
    )
    sampled = any(name in sizes for name in ("top_p", "top_k"))
    return Request(model, config, stages, batch, prompt, tokens, sampled, seconds, model not in FITTED_MODELS)


def _parallel(row: dict[str, str], sizes: dict[str, str], short: str, name: str) -> int:
    """Ranks or stages: as the column says (TP8, TP=8), else as the configuration does, else one."""
    said = re.search(rf"{short}\s*=?\s*(\d+)", row["metric"])
    if said:
        return int(said[1])
    return next((int(size) for key, size in sizes.items() if key.startswith(name) and str(size).isdecimal()), 1)
