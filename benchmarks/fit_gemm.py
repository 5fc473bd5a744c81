"""Fits the tile constants of every measured GPU, and joint ones for GPUs never measured, with held-out errors.

Usage: python benchmarks/fit_gemm.py /path/to/measured [TARGET...] prints a `products:` block for each unit file.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fitting import Array, Constants, Range, fit
from benchmarks.measured import aiconfigurator, deepbench, llmcompass, llmservingsim, neusight, vidur
from benchmarks.measured.points import Point
from mapper.cost.pricing import Question, feed_of
from mapper.cost.rows import question_of
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from mapper.hw.work import DType, Work
from targets.models.gpu import Gpu, shape_of
from targets.models.tiles import Products, TileDevice, TileFit, gemm_seconds

SOURCES = (aiconfigurator, deepbench, llmcompass, llmservingsim, neusight, vidur)

RANGES = {
    "launch_s": Range(3e-6, 1e-7, 5e-5),
    "compute": Range(0.9, 0.1, 1.25),
    "memory": Range(0.8, 0.3, 1.1),
    "overlap": Range(4.0, 1.0, 12.0),
    "k_overhead": Range(100.0, 1.0, 600.0),
    "l2_reach": Range(0.1, 0.01, 2.0),
    "l2": Range(1.0, 0.1, 4.0),
    "split_s": Range(1e-6, 1e-9, 2e-5),
    "ops_per_byte": Range(50.0, 3.0, 200.0),
    "throttle": Range(0.2, 0.001, 1.5),
    "throttle_s": Range(1e-3, 1e-5, 0.01),
}
"""Bounds are physical: a reached part near one, a throttle that at most quarters the clock."""

QUANTISE = {"quantise": Range(1.0, 0.05, 10.0)}

COMMON = {"choice": 24.0, "wave_share": 0.9, "split_traffic": 1.8}
"""Held for every device: fits on one device alone come near, and none gets better on what is held out."""

FIXED = {"overlap": 4.0, "l2_reach": 0.1, "split_s": 7e-7, "throttle_s": 1e-3}
"""Held in joint fits, near what single devices agree on: six devices cannot tell eleven constants."""

FAMILIES = {"f16": "f16", "bf16": "f16", "f8": "f8", "f32": "f32", "i8": "i8"}
WEIGHTS = {"vidur": 2.0, "llmservingsim": 0.3, "llmcompass": 0.1}
"""Vidur's bar is the tighter one; LLMCompass has twenty points with the launch from Python in them."""

FEW = 200
"""Points below which a device gets only the free constants of a joint fit."""

MOST = 1200
"""Points of one source that a fit uses; more change nothing."""


@dataclass(frozen=True)
class Sample:
    """Products of one source on one target in one family of types, as arrays."""

    target: str
    source: str
    family: str
    products: Products
    device: TileDevice
    seconds: Array
    held_out: bool

    def predict(self, x: Constants) -> Array:
        """Seconds under the constants."""
        constants = TileFit(**x)
        return constants.launch_s + gemm_seconds(self.products, self.device, constants)

    def errors(self, x: Constants) -> Array:
        """Relative errors."""
        return self.predict(x) / self.seconds - 1

    def thinned(self) -> Sample:
        """At most MOST points, the same ones on every run."""
        pick = np.random.default_rng(0).permutation(len(self.seconds))[:MOST]
        fields = {name: getattr(self.products, name)[pick] for name in Products.__slots__}
        return Sample(
            self.target, self.source, self.family, Products(**fields), self.device, self.seconds[pick], self.held_out
        )


def samples(folder: Path) -> Iterator[Sample]:
    """All measured products on GPUs, by target, source, family and side of the split."""
    groups: defaultdict[tuple[str, str, str, bool], list[Point]] = defaultdict(list)
    for source in SOURCES:
        for point in source.points(folder):
            columns = point.columns
            if columns["kind"] == "matmul" and "_wo" not in str(columns["dtype"]):
                family = FAMILIES.get(str(columns["dtype"]))
                if family is not None:
                    groups[str(columns["target"]), point.source, family, point.held_out].append(point)
    for key, points in sorted(groups.items()):
        sample = _sample(*key, points)
        if sample is not None:
            yield sample


def _sample(name: str, source: str, family: str, held_out: bool, points: Sequence[Point]) -> Sample | None:
    if name not in target_names():
        return None
    target = load_target(name)
    unit = next((u for u in target.units if isinstance(u.model, Gpu)), None)
    if unit is None or not isinstance(unit.model, Gpu) or not unit.model.matrix_ops_per_s.of(DType(family)):
        return None
    works = [work_of(point) for point in points]
    shapes = [shape_of(work, feed_of(target, unit, work)) for work in works]
    products = Products(*np.array(shapes, dtype=np.float64).T)
    seconds = np.array([point.seconds for point in points])
    return Sample(name, source, family, products, unit.model.tile_device(DType(family)), seconds, held_out)


def work_of(point: Point) -> Work:
    """The work that a measured point asks for, read as `mapper cost --csv` reads its columns."""
    question = question_of({column: str(cell) for column, cell in point.columns.items()})
    if not isinstance(question, Question) or not isinstance(question.what, Work):
        raise ValueError(f"{point.source}: a row that `mapper cost --csv` does not read: {point.columns}")
    return question.what


def constants(samples: Sequence[Sample], held: Constants) -> dict[str, float]:
    """The fit of one set of constants to all samples, each of equal weight but for WEIGHTS."""
    thin = [sample.thinned() for sample in samples]
    weights = np.concatenate([np.full(len(s.seconds), WEIGHTS.get(s.source, 1.0) / len(s.seconds)) for s in thin])
    ranges = RANGES | (QUANTISE if samples[0].family == "f8" else {})
    held = {**COMMON, **held}
    free = {name: r for name, r in ranges.items() if name not in held}

    def residuals(x: Constants) -> Array:
        return np.concatenate([np.log(s.predict({**x, **held}) / s.seconds) for s in thin])

    return {**fit(free, residuals, weights), **held}


def fitted(own: Sequence[Sample]) -> dict[str, float]:
    """Constants of one device; with few points most are held at what devices agree on."""
    points = sum(len(s.seconds) for s in own)
    return constants(own, FIXED if points < FEW else {})


def block(x: Constants) -> str:
    """Constants as a line of a unit file."""
    return "{" + ", ".join(f"{name}: {value:.3g}" for name, value in x.items()) + "}"


def report(x: Constants, tested: Iterable[Sample]) -> str:
    """Mean absolute error of each sample and its sign."""
    words = []
    for s in tested:
        errors = s.errors(x)
        side = "held out" if s.held_out else "fitted"
        words.append(f"{s.source} {side} {np.abs(errors).mean():.1%} of {len(errors)} ({np.median(errors):+.0%})")
    return "; ".join(words)


def main(folder: Path, names: Sequence[str]) -> None:
    """Prints constants and errors by device, then the joint ones, each device left out in turn."""
    found = list(samples(folder))
    for family in dict.fromkeys(s.family for s in found):
        devices = sorted({s.target for s in found if s.family == family})
        of = {name: [s for s in found if s.target == name and s.family == family] for name in devices}
        print(family)
        for name in names or devices:
            own = [s for s in of.get(name, []) if not s.held_out]
            if own:
                x = fitted(own)
                print(f"  {name}: {report(x, of[name])}\n    {family}: {block(x)}", flush=True)
        if not names and len(devices) > 1:
            _joint(family, of)


def _joint(family: str, of: dict[str, list[Sample]]) -> None:
    """Constants for devices never measured, and how wrong they are on each that was left out."""
    held = FIXED if family != "f8" else {}
    errors = []
    for name in of:
        others = [s for other in of for s in of[other] if other != name and not s.held_out]
        x = constants(others, held)
        errors.append(float(np.mean(np.concatenate([np.abs(s.errors(x)) for s in of[name]]))))
        print(f"  without {name}: {report(x, of[name])}", flush=True)
    x = constants([s for name in of for s in of[name] if not s.held_out], held)
    print(f"  joint; devices left out: {np.mean(errors):.1%} on average\n    {family}: {block(x)}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
