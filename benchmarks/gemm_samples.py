"""Measured matrix products of GPUs as arrays that the tile model prices: by target, source, number type and side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.fitting import Array, Constants
from benchmarks.measured import aiconfigurator, deepbench, llmcompass, llmservingsim, neusight, vidur
from benchmarks.measured.points import Point
from mapper.cost.pricing import Question, feed_of
from mapper.cost.rows import question_of
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from mapper.hw.work import DType, Work
from targets.models.gpu import Gpu, shape_of
from targets.models.tiles import Products, TileDevice, TileFit, gemm_seconds, launch_seconds

SOURCES = (aiconfigurator, deepbench, llmcompass, llmservingsim, neusight, vidur)

FAMILIES = {
    "f16": "f16", "bf16": "f16", "f8": "f8", "f32": "f32", "i8": "i8", "int8_wo": "int8_wo", "int4_wo": "int4_wo"
}  # fmt: skip
"""The block of constants that prices a type."""

ARITHMETIC = {"int8_wo": DType.F16, "int4_wo": DType.F16}
"""The type of the arithmetic where it is not the family's name."""

DISPATCH_S = {"neusight": 35e-6}
"""The least time that a source can measure: a program in Python launches each product (the quickest of 10,000 rows)."""

MOST = 1200
"""Points of one source that a fit uses; more change nothing."""


@dataclass(frozen=True)
class Sample:
    """Products of one source on one target in one family of types."""

    target: str
    source: str
    family: str
    products: Products
    device: TileDevice
    seconds: Array
    held_out: bool

    def predict(self, x: Constants) -> Array:
        """Seconds under the constants, without what the program around them adds."""
        constants = TileFit(**x)
        return launch_seconds(self.device, constants) + gemm_seconds(self.products, self.device, constants)

    def errors(self, x: Constants) -> Array:
        """Relative errors."""
        return self.predict(x) / self.seconds - 1

    def residuals(self, x: Constants) -> Array:
        """Natural logarithms of predicted over measured, no prediction below what the source can measure."""
        return np.log(np.maximum(self.predict(x), DISPATCH_S.get(self.source, 0.0)) / self.seconds)

    def thinned(self, most: int = MOST) -> Sample:
        """At most so many points, the same ones on every run."""
        pick = np.random.default_rng(0).permutation(len(self.seconds))[:most]
        fields = {name: getattr(self.products, name)[pick] for name in Products.__slots__}
        return replace(self, products=Products(**fields), seconds=self.seconds[pick])


def samples(folder: Path) -> Iterator[Sample]:
    """All measured products on GPUs that have a target."""
    groups: defaultdict[tuple[str, str, str, bool], list[Point]] = defaultdict(list)
    for source in SOURCES:
        for point in source.points(folder):
            family = family_of(point.columns)
            if family is not None:
                groups[str(point.columns["target"]), point.source, family, point.held_out].append(point)
    for key, points in sorted(groups.items()):
        sample = _sample(*key, points)
        if sample is not None:
            yield sample


def family_of(columns: Mapping[str, str | int]) -> str | None:
    """The block of constants that prices a row; None where none does."""
    return FAMILIES.get(str(columns["dtype"])) if columns["kind"] == "matmul" else None


def _sample(name: str, source: str, family: str, held_out: bool, points: Sequence[Point]) -> Sample | None:
    if name not in target_names():
        return None
    target = load_target(name)
    unit = next((u for u in target.units if isinstance(u.model, Gpu)), None)
    dtype = ARITHMETIC.get(family) or DType(family)
    if unit is None or not isinstance(unit.model, Gpu) or not unit.model.matrix_ops_per_s.of(dtype):
        return None
    works = [work_of(point) for point in points]
    shapes = [shape_of(work, feed_of(target, unit, work)) for work in works]
    products = Products(*np.array(shapes, dtype=np.float64).T)
    seconds = np.array([point.seconds for point in points])
    return Sample(name, source, family, products, unit.model.tile_device(dtype), seconds, held_out)


def work_of(point: Point) -> Work:
    """The work that a measured point asks for, read as `mapper cost --csv` reads its columns."""
    question = question_of({column: str(cell) for column, cell in point.columns.items()})
    if not isinstance(question, Question) or not isinstance(question.what, Work):
        raise ValueError(f"{point.source}: a row that `mapper cost --csv` does not read: {point.columns}")
    return question.what
