"""Fits what a measured chip of systolic arrays reaches of its data sheet, with errors held out.

Usage: python -m benchmarks.fit_systolic FOLDER [--write] prints the constants of each unit file with measurements, the
errors of the two sides of the split, and those of products on weights of a shape that the fit did not see.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.fitting import Array, Constants, Range, fit
from benchmarks.gemm_samples import work_of
from benchmarks.measured import llmservingsim
from benchmarks.measured.points import Point
from benchmarks.unit_files import flow, replace_block, replace_line, replace_source
from mapper.cost.pricing import feed_of, main_units
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from mapper.hw.target import Target, Unit
from mapper.hw.work import TICKS_PER_SECOND, DType, Feed, Work
from targets.models.systolic import Systolic

PRODUCTS = {
    "array_efficiency": Range(0.86, 0.5, 1.0),
    "memory_efficiency": Range(0.94, 0.5, 1.0),
    "task_overhead_s": Range(1e-6, 1e-7, 1e-5),
}
LANES = {
    "lanes": Range(4096, 512, 32768),
    "start_s": Range(1e-7, 1e-8, 5e-6),
    "reduction_s": Range(5e-7, 1e-8, 5e-6),
}
TABLES = {"look_up_s": Range(1e-6, 1e-8, 1e-5), "look_up_efficiency": Range(0.4, 0.05, 1.0)}

PARTS = ((("gemm", "linear", "bmm"), PRODUCTS), (("norm", "softmax", "elementwise"), LANES), (("embedding",), TABLES))
"""First words of the lines, and the constants that are fitted on them; lanes start before tables are fitted."""


@dataclass(frozen=True)
class Sample:
    """Points of a unit: the works of each, and its seconds."""

    points: Sequence[Point]
    works: Sequence[Sequence[Work]]
    feeds: Sequence[Sequence[Feed]]
    seconds: Array

    def errors(self, model: Systolic) -> Array:
        """Relative errors of the model."""
        times = [
            sum(model.cost(w, f).ticks for w, f in zip(works, feeds, strict=True))
            for works, feeds in zip(self.works, self.feeds, strict=True)
        ]
        return np.array(times) / TICKS_PER_SECOND / self.seconds - 1


def sample_of(target: Target, unit: Unit, points: Sequence[Point]) -> Sample:
    """The points as work of the unit."""
    works = [[work_of(replace(p, columns=c)) for c in (p.columns, *p.also)] for p in points]
    feeds = [[feed_of(target, unit, w) for w in group] for group in works]
    return Sample(points, works, feeds, np.array([p.seconds for p in points]))


def with_constants(model: Systolic, x: Constants) -> Systolic:
    """The unit with other constants, those of the lanes in their block."""
    lanes = {name: int(value) if name == "lanes" else value for name, value in x.items() if name not in PRODUCTS}
    own = {name: value for name, value in x.items() if name in PRODUCTS}
    return model.scaled(**own, vector={**model.vector.model_dump(), **lanes})


def fitted(model: Systolic, ranges: Mapping[str, Range], sample: Sample) -> dict[str, float]:
    """Constants of least mean absolute error on the points, each point of equal weight."""
    weights = np.full(len(sample.points), 1 / len(sample.points))
    return fit(ranges, lambda x: np.log1p(sample.errors(with_constants(model, x))), weights)


def side(points: Sequence[Point], held_out: bool) -> list[Point]:
    """The points of one side of the split."""
    return [p for p in points if p.held_out is held_out]


def unseen_weights(model: Systolic, target: Target, unit: Unit, points: Sequence[Point]) -> str:
    """Errors on each shape of weights by constants of the others."""
    shapes = sorted({(int(p.columns["n"]), int(p.columns["k"])) for p in points})
    found = []
    for n, k in shapes:
        there = [p for p in points if (p.columns["n"], p.columns["k"]) == (n, k)]
        others = sample_of(target, unit, [p for p in points if p not in there])
        errors = sample_of(target, unit, there).errors(with_constants(model, fitted(model, PRODUCTS, others)))
        found.append(f"{k} x {n} {100 * float(np.mean(np.abs(errors))):.1f} % of {len(there)}")
    return ", ".join(found)


def fit_unit(target: Target, unit: Unit, lines: Mapping[str, Sequence[Point]], write: bool) -> None:
    """Fits, prints and writes the constants of one unit."""
    model = unit.model
    assert isinstance(model, Systolic)
    constants: dict[str, float] = {}
    notes: list[str] = []
    for words, ranges in PARTS:
        chosen = [p for op, points in lines.items() if op.split()[0] in words for p in points]
        if not chosen:
            continue
        constants |= fitted(model, ranges, sample_of(target, unit, side(chosen, held_out=False)))
        model = with_constants(model, constants)
        for op, points in lines.items():
            if op.split()[0] in words:
                errors = [sample_of(target, unit, side(points, held_out=out)).errors(model) for out in (False, True)]
                inside, outside = (100 * float(np.mean(np.abs(e))) for e in errors)
                notes.append(f"{op} {outside:.1f} % held out ({inside:.1f} % in the fit, {len(points)} points)")
        if ranges is PRODUCTS:
            print(f"{unit.kind}: weights left out: {unseen_weights(model, target, unit, chosen)}")
    print(f"{unit.kind}: {flow(constants)}; " + "; ".join(notes))
    if write:
        _write(unit.kind, model, constants, "; ".join(notes))


def _write(name: str, model: Systolic, constants: Constants, notes: str) -> None:
    source = f"measured: fitted (benchmarks/fit_systolic.py): {notes}"
    for key in (key for key in PRODUCTS if key in constants):
        said = source if key == "array_efficiency" else "measured, as array_efficiency"
        replace_line(name, key, f"{constants[key]:.3g}", said)
    lanes = {**model.vector.model_dump(exclude={"kinds"}, exclude_none=True), **constants}
    block = {key: f"{value:.3g}" for key, value in lanes.items() if key not in PRODUCTS}
    block["lanes"] = str(model.vector.lanes)
    block["kinds"] = f"[{', '.join(model.vector.kinds)}]"
    replace_block(name, "vector", block, "measured: lanes, starts and look-ups fitted as array_efficiency")
    replace_source(name, "vector.energy_pj_per_op", "assumed")


def main() -> None:
    """Fits every measured unit of systolic arrays."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measured", type=Path)
    parser.add_argument("--write", action="store_true", help="into targets/units")
    options = parser.parse_args()
    groups: defaultdict[str, defaultdict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for point in llmservingsim.points(options.measured):
        if point.columns["target"] in target_names():
            groups[str(point.columns["target"])][point.op].append(point)
    for name, lines in sorted(groups.items()):
        target = load_target(name)
        unit = main_units(target, DType.BF16)[0]
        if isinstance(unit.model, Systolic):
            fit_unit(target, unit, lines, options.write)


if __name__ == "__main__":
    main()
