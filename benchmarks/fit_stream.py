"""Fits the constants of GPU kernels that are no product and no attention, with errors held out and left out.

Usage: python -m benchmarks.fit_stream FOLDER [TARGET...] [--write] prints a `stream:` line for every GPU, also one that
was never measured: it has the constants of a fit to all others by their kinship (benchmarks/kin.py). Measured ones have
such constants below benchmarks/left_out; their own start from those, and stay there where nothing was measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import left_out_files
from benchmarks.fitting import Array, Constants, Range, fit
from benchmarks.gemm_samples import work_of
from benchmarks.kin import BIRTHS, TWINS, kinship, mark_of
from benchmarks.measured import llmcompass, llmservingsim, neusight, vidur
from benchmarks.measured.points import Point
from benchmarks.options import folder_options
from benchmarks.unit_files import flow, replace_line
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
    "warp_cycles": Range(0.4, 0.02, 3.0),
    "embedding_cycles": Range(1.8, 0.05, 5.0),
    "layer_s": Range(1e-6, 2e-7, 1e-5),
    "serial_row_s": Range(5e-7, 1e-8, 2e-6),
    "element_s": Range(4e-10, 2e-11, 3e-9),
    "layer_reach": Range(1.0, 0.05, 10.0),
    "softmax_reach": Range(0.5, 0.05, 10.0),
}
CHOSEN = {"h100-sxm": ("vidur",), "a100-80": ("vidur", "llmcompass")}
"""Sources of a device of which others disagree: Vidur times kernels, LLMServingSim's first version times PyTorch's."""

PRIOR = 0.004
"""Weight of the logarithm of each constant over the joint one, where a line of measurements weighs 1: what a device
was not measured at stays at the joint constants."""

STARTS: tuple[Constants, ...] = ({}, {"element_s": 8e-10, "launch_s": 1.3e-6}, {"memory": 0.95, "plain_cycles": 0.05})
"""Where fits start from, beside the joint constants: the losses have kinks."""

MOST = 150
"""Points of one line that a fit uses; more change nothing."""

MOST_OF_KIN = 60
"""The same for a fit to all devices but one."""


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


def constants(samples: Sequence[Sample], near: Constants | None = None, device: str = "") -> dict[str, float]:
    """The best fit to the samples, each of equal weight or by its kinship to a device, near other constants."""
    names = list(RANGES) if near else []

    def residuals(x: Constants) -> Array:
        prior = [np.log(x[name] / near[name]) for name in names] if near else []
        return np.concatenate([*(s.errors(x) for s in samples), prior])

    share = np.array([kinship(device, s.target) if device else 1.0 for s in samples])
    share = share / share.mean() if device else share
    of = [np.full(len(s.seconds), w / len(s.seconds)) for s, w in zip(samples, share, strict=True)]
    weight = np.concatenate([*of, np.full(len(names), PRIOR)])
    first = {name: r.start for name, r in RANGES.items()}
    starts = (
        [dict(near)] if near and device else [{**first, **start} for start in STARTS] + ([dict(near)] if near else [])
    )
    found = [
        fit({name: replace(r, start=start[name]) for name, r in RANGES.items()}, residuals, weight) for start in starts
    ]
    return min(found, key=lambda x: float(weight @ np.abs(residuals(x))))


def fitted_on(found: Iterable[Sample]) -> list[Sample]:
    """The samples that constants may be fitted on: chosen sources, and no line that is held out."""
    return [s for s in found if not s.held_out and s.source in CHOSEN.get(s.target, (s.source,))]


def report(x: Constants, tested: Iterable[Sample]) -> str:
    """Mean absolute error of each sample and its sign."""
    words = []
    for s in tested:
        errors = np.expm1(s.errors(x))
        words.append(f"{s.source} {s.op} {np.abs(errors).mean():.1%} of {len(errors)} ({np.median(errors):+.0%})")
    return ", ".join(words)


def main(folder: Path, names: Sequence[str], write: bool) -> None:
    """Prints, device by device, constants by its kin and its own ones, each with its errors; then the joint ones."""
    whole, usable, few = samples(folder, None), fitted_on(samples(folder)), fitted_on(samples(folder, MOST_OF_KIN))
    joint = constants(usable)
    print(f"joint: {report(joint, [s for s in whole if s.held_out])}\n  {flow(joint)}", flush=True)
    for device in names or BIRTHS:
        tested = [s for s in whole if s.target == device]
        own = [s for s in usable if s.target == device]
        twin = [s for s in usable if s.target == TWINS.get(device)]
        kin = constants([s for s in few if s.target != device], joint, device)
        nearest = sorted({s.target for s in usable} - {device}, key=lambda other: -kinship(device, other))[:2]
        said = f"by others, most by {', '.join(nearest)}"
        print(f"{device} {said}: {report(kin, tested)}\n  {flow(kin)}", flush=True)
        x = constants(own or twin, kin) if own or twin else kin
        if own or twin:
            held_out = [s for s in whole if s.held_out and s.target == (own or twin)[0].target]
            said = f"on {(own or twin)[0].target}, mean error held out: {report(x, held_out)}"
            print(f"  {said}\n  {flow(x)}", flush=True)
        if write:
            mark = mark_of(device, {s.target for s in own or twin or usable})
            replace_line(f"gpu-{device}", "stream", flow(x), f"{mark}: benchmarks/fit_stream.py, {said}")
        if write and own:
            left_out_files.write(device, {"stream": kin})


if __name__ == "__main__":
    given = folder_options(__doc__, targets=True, write=True)
    main(given.folder, given.targets, given.write)
