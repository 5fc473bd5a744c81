"""Forward passes of whole models against measurements: ops of the ONNX graph one after the other, in stated types."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from benchmarks.bars import Line
from benchmarks.errors import Scored
from benchmarks.generation import APART, Runtime
from benchmarks.measured.forwards import Forward, Sizes, forwards
from mapper.cost.pricing import Answer, Price, Pricer, Question, Refused
from mapper.frontend import load_model, parse_phase
from mapper.hw.target import Target
from mapper.hw.work import DType, Operand, Work
from mapper.ir.graph import Op
from mapper.ir.op_work import work
from mapper.ir.plan import Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context
from samples.models import bert, gpt2

EAGER = "simplify,partition-ops"
"""Each node of the file a kernel, as PyTorch launches them: masks, scales and the parts of gelu too."""

FUSED = APART.removesuffix(",options")
"""Attention, norms and activations in one kernel each."""

LAYERS = ("/transformer/h/1/", "/encoder/layer/1/")
"""Names of what stands for all layers; the first has no sum before its norm."""

_NO_TARGET = Target("none", "nothing is mapped", (), (), ())


def forwards_scored(folder: Path, pricer: Pricer) -> Iterator[Scored]:
    """A line for each source, device and model. No constant is fitted on any of them; 32 bit has PyTorch's launches in
    its constants, 16 bit the gaps of FasterTransformer."""
    groups: dict[tuple[str, str, str, Sizes, DType], list[Forward]] = {}
    for f in forwards(folder):
        groups.setdefault((f.source, f.device, f.target, f.sizes, f.dtype), []).append(f)
    for (source, device, target, sizes, dtype), asked in groups.items():
        line = Line(source, device, f"forward {sizes.name} {dtype}")
        gap = Runtime.load("fastertransformer").launch_gap_s if source == "fastertransformer" else 0.0
        yield _scored(line, target, asked, list(passes(asked, sizes, dtype, target, gap, pricer)))


def _scored(line: Line, target: str, asked: Sequence[Forward], found: Sequence[tuple[float, float] | str]) -> Scored:
    seconds, held_out = np.array([f.seconds for f in asked]), np.ones(len(asked), dtype=bool)
    nothing = np.full(len(asked), np.nan)
    why = next((f for f in found if isinstance(f, str)), "")
    if why:
        return Scored(line, target, seconds, held_out, dict.fromkeys(("plain", "three", "ours"), nothing), nothing, why)
    ours, band = (np.array([f[i] for f in found if not isinstance(f, str)]) for i in (0, 1))
    within = (ours / (1 + band) <= seconds) & (seconds <= ours * (1 + band))
    return Scored(line, target, seconds, held_out, {"plain": nothing, "three": nothing, "ours": ours}, within)


def passes(
    asked: Sequence[Forward], sizes: Sizes, dtype: DType, target: str, gap: float, pricer: Pricer
) -> Iterator[tuple[float, float] | str]:
    """Seconds and band of each pass, or why there is no price."""
    past = " past=0" if sizes.causal else ""
    phases = [f"{i}: batch={f.batch} seq={f.seq}{past}" for i, f in enumerate(asked)]
    for works in _works(_model(sizes), phases, EAGER if dtype is DType.F32 else FUSED, dtype):
        answers = pricer.answers([Question(target, "", w) for _, w in works])
        yield _sum([(sizes.layers if inside else 1, a) for (inside, _), a in zip(works, answers, strict=True)], gap)


def _sum(parts: Sequence[tuple[int, Answer]], gap: float) -> tuple[float, float] | str:
    refused = next((a for _, a in parts if isinstance(a, Refused)), None)
    if refused is not None:
        return refused.why
    prices = [(n, a) for n, a in parts if isinstance(a, Price)]
    total = sum(n * p.seconds for n, p in prices)
    return total + gap * sum(n for n, p in prices), sum(n * p.seconds * p.band for n, p in prices) / total


def _model(sizes: Sizes) -> onnx.ModelProto:
    if not sizes.causal:
        return bert.build(bert.Bert(sizes.name, 2, sizes.width, sizes.heads, 4 * sizes.width))
    return gpt2.build(gpt2.Gpt2(sizes.name, 2, sizes.width, sizes.heads, positions=4096))


def _works(
    model: onnx.ModelProto, phases: Sequence[str], pipeline: str, dtype: DType
) -> Iterator[list[tuple[bool, Work]]]:
    """For each phase the work of the ops, and whether it is that of a layer; those of the first layer are left out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        found = load_model(path, [parse_phase(p) for p in phases])
    graph = pipeline_of(pipeline).run(Plan(_NO_TARGET, found.graph, found.phases), Context()).graph
    kept = [op for op in graph.ops if _counts(op)]
    for phase in found.phases:
        (binding,) = phase.bindings()
        yield [(op.name.startswith(LAYERS), _typed(work(graph, op, binding), dtype)) for op in kept]


def _counts(op: Op) -> bool:
    first = tuple(name.replace("1/", "0/") for name in LAYERS)
    return op.kind != "view" and not op.name.startswith(first)


def _typed(found: Work, dtype: DType) -> Work:
    """The work with all its floats in one type."""

    def typed(operand: Operand) -> Operand:
        return replace(operand, dtype=dtype) if operand.dtype.is_float else operand

    arithmetic = dtype if found.dtype.is_float else found.dtype
    return replace(
        found, dtype=arithmetic, inputs=tuple(map(typed, found.inputs)), outputs=tuple(map(typed, found.outputs))
    )
