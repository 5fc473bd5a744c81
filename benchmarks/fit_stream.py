"""Fits the constants of GPU kernels that are no product and no attention, by device and jointly, with their errors.

Usage: python -m benchmarks.fit_stream FOLDER [TARGET...] prints a `stream:` block for each unit file. Without targets
also the joint constants, and those without each device, which it writes as targets below benchmarks/left_out.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import left_out_files
from benchmarks.fit_gemm import block, work_of
from benchmarks.fitting import Array, Constants, Range, fit
from benchmarks.measured import llmcompass, llmservingsim, neusight, vidur
from benchmarks.measured.points import Point
from mapper.cost.pricing import feed_of
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from targets.models.gpu import Gpu
from targets.models.stream import StreamDevice, StreamFit, Streams, stream_seconds, streams

SOURCES = (vidur, llmservingsim, llmcompass, neusight)

RANGES = {
    "launch_s": Range(2e-6, 5e-7, 1e-5),
    "memory": Range(0.85, 0.4, 1.0),
    "l2": Range(1.0, 0.2, 4.0),
    "l2_reach": Range(0.5, 0.05, 2.0),
    "plain_cycles": Range(0.1, 0.01, 1.0),
    "gated_cycles": Range(0.8, 0.05, 3.0),
    "rotary_cycles": Range(0.6, 0.05, 3.0),
    "norm_cycles": Range(0.7, 0.05, 3.0),
    "layer_cycles": Range(0.3, 0.02, 3.0),
    "softmax_cycles": Range(0.6, 0.05, 3.0),
    "embedding_cycles": Range(1.8, 0.05, 5.0),
    "layer_s": Range(1e-6, 2e-7, 1e-5),
    "serial_row_s": Range(5e-7, 1e-8, 2e-6),
    "element_s": Range(4e-10, 2e-11, 3e-9),
    "norm_reach": Range(1.0, 0.05, 10.0),
    "softmax_reach": Range(0.5, 0.05, 10.0),
}
CHOSEN = {"h100-sxm": ("vidur",), "a100-80": ("vidur", "llmcompass")}
"""Sources of a device of which others disagree: Vidur times kernels, LLMServingSim's first version times PyTorch's."""

LOOSE = (("llmcompass", "norm f16"),)
"""Lines that no constant is fitted on: LLMCompass' layer norm of twelve points is mostly the overhead of Python."""

SIBLINGS = {"a100-pcie-40": "a100-80"}
"""Devices whose constants start from those of the same chip with other memory."""

PRIOR = 0.004
"""Weight of the logarithm of each constant over the joint one, where a line of measurements weighs 1: what a device
was not measured at stays at the joint constants."""

STARTS: tuple[Constants, ...] = ({}, {"element_s": 8e-10, "launch_s": 1.3e-6}, {"memory": 0.95, "plain_cycles": 0.05})
"""Where fits start from, beside the joint constants: the losses have kinks."""

MOST = 150
"""Points of one line that a fit uses; more change nothing."""


@dataclass(frozen=True)
class Sample:
    """One line of the table of errors, on one side of the split: kernels, which point each belongs to, and seconds."""

    target: str
    source: str
    op: str
    held_out: bool
    kernels: Streams
    owner: Array
    overhead: Array
    device: StreamDevice
    seconds: Array

    def errors(self, x: Constants) -> Array:
        """Natural logarithms of predicted over measured seconds."""
        *_, each = stream_seconds(self.kernels, self.device, StreamFit(**x))
        times = np.bincount(self.owner, each, len(self.seconds)) + self.overhead
        return np.log(times / self.seconds)


def samples(folder: Path, most: int | None = MOST) -> list[Sample]:
    """All measured kernels of GPUs."""
    groups: defaultdict[tuple[str, str, str, bool], list[Point]] = defaultdict(list)
    for source in SOURCES:
        for point in source.points(folder):
            if point.columns["kind"] not in ("matmul", "attention") and "ranks" not in point.columns:
                groups[str(point.columns["target"]), point.source, point.op, point.held_out].append(point)
    found = [
        _sample(*key, _thinned(points, most)) for key, points in sorted(groups.items()) if key[0] in target_names()
    ]
    return [s for s in found if s is not None]


def _thinned(points: Sequence[Point], most: int | None) -> Sequence[Point]:
    """At most so many points, the same ones on every run."""
    if most is None or len(points) <= most:
        return points
    return [points[i] for i in np.sort(np.random.default_rng(0).permutation(len(points))[:most])]


def _sample(name: str, source: str, op: str, held_out: bool, points: Sequence[Point]) -> Sample | None:
    target = load_target(name)
    unit, model = next(((u, u.model) for u in target.units if isinstance(u.model, Gpu)), (None, None))
    if unit is None or model is None:
        return None
    rows = [(i, replace(p, columns=columns)) for i, p in enumerate(points) for columns in (p.columns, *p.also)]
    works = [work_of(point) for _, point in rows]
    device = model.stream_device()
    return Sample(
        name, source, op, held_out,
        kernels=streams(works, feed_of(target, unit, works[0]), device),
        owner=np.array([i for i, _ in rows]),
        overhead=np.array([p.overhead_s for p in points]),
        device=device,
        seconds=np.array([p.seconds for p in points]),
    )  # fmt: skip


def constants(own: Sequence[Sample], joint: Constants | None = None) -> dict[str, float]:
    """The best fit to the samples, each of equal weight, near the joint constants where there are any."""
    weights = [np.full(len(s.seconds), 1 / len(s.seconds)) for s in own]
    names = list(RANGES) if joint else []

    def residuals(x: Constants) -> Array:
        prior = [np.log(x[name] / joint[name]) for name in names] if joint else []
        return np.concatenate([*(s.errors(x) for s in own), prior])

    weight = np.concatenate([*weights, np.full(len(names), PRIOR)])
    first = {name: r.start for name, r in RANGES.items()}
    starts = [{**first, **start} for start in STARTS] + ([dict(joint)] if joint else [])
    found = [
        fit({name: replace(r, start=start[name]) for name, r in RANGES.items()}, residuals, weight) for start in starts
    ]
    return min(found, key=lambda x: float(weight @ np.abs(residuals(x))))


def fitted_on(found: Iterable[Sample]) -> list[Sample]:
    """The samples that constants may be fitted on: chosen sources, and no line that is held out."""
    return [
        s
        for s in found
        if not s.held_out and (s.source, s.op) not in LOOSE and s.source in CHOSEN.get(s.target, (s.source,))
    ]


def report(x: Constants, tested: Iterable[Sample]) -> str:
    """Mean absolute error of each sample and its sign."""
    words = []
    for s in tested:
        errors = np.expm1(s.errors(x))
        side = "held out" if s.held_out else "fitted"
        words.append(f"{s.source} {s.op} {side} {np.abs(errors).mean():.1%} of {len(errors)} ({errors.mean():+.0%})")
    return "; ".join(words)


def main(folder: Path, names: Sequence[str]) -> None:
    """Prints constants and errors by device and, without names, the joint ones with each device left out in turn."""
    found, whole = samples(folder), samples(folder, None)
    own = fitted_on(found)
    devices = list(dict.fromkeys(s.target for s in own))
    joint = constants(own)
    for name in names or sorted(devices, key=lambda name: name in SIBLINGS):
        near = constants([s for s in own if s.target == SIBLINGS[name]], joint) if name in SIBLINGS else joint
        x = constants([s for s in own if s.target == name], near)
        print(f"{name}: {report(x, [s for s in whole if s.target == name])}\n  stream: {block(x)}", flush=True)
    if names:
        return
    for name in devices:
        x = constants([s for s in own if s.target != name])
        print(f"without {name}: {report(x, [s for s in whole if s.target == name])}", flush=True)
        left_out_files.write(name, {"stream": x})
    print(f"joint: {report(joint, whole)}\n  stream: {block(joint)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
