"""Whole requests and whole layers against measurements: rows of the table of benchmarks/fidelity.py."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.bars import Line
from benchmarks.errors import Scored
from benchmarks.generation import Runtime, Terms, terms
from benchmarks.measured import fastertransformer, llmcompass
from benchmarks.measured.fastertransformer import Request
from benchmarks.measured.points import records
from mapper.compiler import compile
from mapper.cost.pricing import main_units
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.hw.work import DType
from passes.pipelines import FINISH, PREPARE
from samples.models.decoder import GPT3_175B, Decoder, build_layer

LAYER_TARGETS = ("hgx-a100-4-rank", "a100-80-device")
LAYER_FILE = "prefill_gpt3_layer_4xA100_tp4_b8_s2048.csv"
LAYER_PHASE = "prefill: batch=8 seq=2048"
LAYER_RANKS = 4
IN_PIECES = f"{PREPARE},place-one-unit,{FINISH}".replace("fuse-attention,", "")
"""Scores, softmax and context as kernels of their own, as they were measured."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer's measured time and ours: on the target of the machine measured on, and on that of other A100s."""

    measured_s: float
    ours_s: float
    elsewhere_s: float


def requests_scored(folder: Path) -> Iterator[Scored]:
    """A line for each model of FasterTransformer; the plain roofline reads each weight once a call."""
    asked = list(fastertransformer.requests(folder))
    runtime = Runtime.load(fastertransformer.SOURCE)
    found = terms(asked, fastertransformer.TARGET)
    for model in dict.fromkeys(r.model for r in asked):
        for why in dict.fromkeys(f if isinstance(f, str) else "" for f in found):
            pairs = [(r, f) for r, f in zip(asked, found, strict=True) if r.model == model and _why(f) == why]
            if pairs:
                yield _line(model, [r for r, _ in pairs], [f for _, f in pairs if isinstance(f, Terms)], runtime, why)


def _why(found: Terms | str) -> str:
    return found if isinstance(found, str) else ""


def _line(model: str, asked: Sequence[Request], found: Sequence[Terms], runtime: Runtime, why: str) -> Scored:
    line = Line(fastertransformer.SOURCE, "A100", f"request {model}")
    seconds = np.array([r.seconds for r in asked])
    held_out = np.array([r.held_out for r in asked])
    nothing = np.full(len(asked), np.nan)
    if why:
        times = dict.fromkeys(("plain", "three", "ours"), nothing)
        return Scored(line, fastertransformer.TARGET, seconds, held_out, times, nothing, why)
    target = load_target(fastertransformer.TARGET)
    ours = np.array([t.seconds(runtime) for t in found])
    band = np.array([t.band for t in found])
    within = (ours / (1 + band) <= seconds) & (seconds <= ours * (1 + band))
    plain = np.array([_roofline(r, target) for r in asked])
    times = {"plain": plain, "three": nothing, "ours": ours}
    return Scored(line, fastertransformer.TARGET, seconds, held_out, times, within)


def _roofline(request: Request, target: Target) -> float:
    """Every call reads the rank's weights once or computes two operations a weight and token, whichever is longer."""
    unit = main_units(target, DType.F16)[0]
    peak = unit.model.peak_ops_per_s()[DType.F16]
    weights = parameters(request.config) / request.config.ranks
    reading = 2 * weights / target.memory[unit.data].bandwidth_bytes_per_s
    prompt, step = (2 * weights * request.batch * n / peak for n in (request.prompt, 1))
    return max(prompt, reading) + (request.tokens - 1) * max(step, reading)


def parameters(config: Decoder) -> int:
    """Weights of the products of all ranks, with the table of words."""
    attention = 2 * config.width * (config.heads + (config.kv_heads or config.heads)) * config.size
    inner = (3 if config.gated else 2) * config.width * config.inner * max(1, config.experts)
    return config.layers * (attention + inner) + config.width * config.vocabulary


def layer(folder: Path) -> Layer | None:
    """The layer of GPT-3 175B over a prompt on four A100, compiled from the ONNX graph of one rank; None without data.

    What was measured is the sum of its ops, each timed alone: products without biases, and no sum of the residual
    stream, which ours has.
    """
    rows = list(records(folder / llmcompass.SOURCE / LAYER_FILE))
    if not rows:
        return None
    measured = sum(float(row["latency_us"]) for row in rows) * 1e-6
    return Layer(measured, *(layer_seconds(load_target(name)) for name in LAYER_TARGETS))


def layer_seconds(target: Target) -> float:
    """The latency that compile finds for the layer."""
    model = build_layer(replace(GPT3_175B, bias=False, ranks=LAYER_RANKS))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gpt3-layer.onnx"
        path.write_bytes(model.SerializeToString())
        made = compile(path, target, [LAYER_PHASE], objective="latency", pipeline=IN_PIECES)
    return float(made.summary["latency_s"])
