"""Measured forward passes of whole models: BERT of FasterTransformer in 16 bit, five models of NeuSight in 32 bit.

FasterTransformer's BERT-6B is left out: at batch 32 it does 400 TFLOP/s on a chip of 312, since padding was removed
from sequences whose lengths are not given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measured.points import TARGETS, records
from mapper.hw.work import DType

CARDS = {"A100": "a100-80", "V100": "v100", "T4": "t4"}
"""The targets of the devices in FasterTransformer's headings."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """A transformer by its layers; `causal` where a token sees only those before it."""

    name: str
    layers: int
    width: int
    heads: int
    causal: bool = True


BERT_BASE = Sizes("BERT-base", 12, 768, 12, causal=False)

NEUSIGHT = {
    "bert_large": Sizes("BERT-large", 24, 1024, 16, causal=False),
    "gpt2_large": Sizes("GPT2-large", 36, 1280, 20),
    "gpt3_xl": Sizes("GPT3-XL", 24, 3072, 24),  # 24 heads of 128, as the paper of GPT-3 has it, not 2048 / 128
    "gpt3_27": Sizes("GPT3-2.7B", 32, 2560, 32),
    "opt_13": Sizes("OPT-1.3B", 24, 2048, 32),
}
"""Sizes of the public configurations (recalled); its mixtures of experts are left out."""


@dataclass(frozen=True, slots=True)
class Forward:
    """One measured pass over `batch` sequences of `seq` tokens."""

    source: str
    device: str
    target: str
    sizes: Sizes
    dtype: DType
    batch: int
    seq: int
    seconds: float


def forwards(folder: Path) -> Iterator[Forward]:
    """All passes that can be compared."""
    yield from _bert(folder)
    yield from _neusight(folder)


def _bert(folder: Path) -> Iterator[Forward]:
    for row in records(folder / "fastertransformer" / "bert.csv"):
        card = re.search(r"on (\w+)", row["section"])
        plain = json.loads(row["cfg"]) == {"precision": "FP16"} and row["metric"].split()[0] == "FT"
        if card and plain and card[1] in CARDS and row["value"].replace(".", "", 1).isdecimal():
            sizes = int(row["batch"]), int(row["col1"])
            seconds = float(row["value"]) * 1e-3
            yield Forward("fastertransformer", card[1], CARDS[card[1]], BERT_BASE, DType.F16, *sizes, seconds)


def _neusight(folder: Path) -> Iterator[Forward]:
    """Passes for inference without PyTorch's fusion, on one device."""
    for row in records(folder / "neusight" / "e2e_models.csv"):
        device = row["device"].replace("_", " ")
        plain = row["mode"] == "inf" and not row["option"] and row["model"] in NEUSIGHT
        if plain and device in TARGETS:
            sizes, seconds = NEUSIGHT[row["model"]], float(row["fw_latency"]) * 1e-3
            batch, seq = int(row["batch"]), int(row["seqlen"])
            yield Forward("neusight", device, TARGETS[device], sizes, DType.F32, batch, seq, seconds)
