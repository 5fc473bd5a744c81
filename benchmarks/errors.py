"""Errors of prices against measurements, line by line, in and out of the sample that constants were fitted on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.bars import Line
from benchmarks.measured.points import Point
from benchmarks.rooflines import Array, fit_bytes, fit_work, visible_part
from mapper.cost.pricing import Exchange, Price, Pricer, Question, Refused, main_units
from mapper.cost.rows import question_of
from mapper.hw.library import target_names
from mapper.hw.target import Target
from mapper.hw.work import Role, Work


@dataclass(frozen=True, slots=True)
class Score:
    """Relative errors of one model on some points."""

    errors: Array

    @property
    def mape(self) -> float:
        """Mean absolute error, in percent."""
        return float(100 * np.mean(np.abs(self.errors))) if len(self.errors) else float("nan")

    @property
    def p90(self) -> float:
        """The absolute error that nine in ten points stay below, in percent."""
        return float(100 * np.quantile(np.abs(self.errors), 0.9)) if len(self.errors) else float("nan")

    @property
    def bias(self) -> float:
        """Mean error, in percent."""
        return float(100 * np.mean(self.errors)) if len(self.errors) else float("nan")


MODELS = ("plain", "three", "ours")


@dataclass(frozen=True)
class Scored:
    """One line of the table: its points with the times of each model, or why there are none."""

    line: Line
    target: str
    seconds: Array
    held_out: Array
    times: dict[str, Array]
    within: Array
    why: str = ""

    def score(self, model: str, held_out: bool) -> Score:
        """Errors of a model on one side of the split."""
        side = self.held_out if held_out else ~self.held_out
        return Score(self.times[model][side] / self.seconds[side] - 1)

    @property
    def in_band(self) -> float:
        """The part of the held-out points between low_s and high_s, in percent."""
        return float(100 * self.within[self.held_out].mean()) if self.held_out.any() else float("nan")

    @cached_property
    def all(self) -> Score:
        """Errors of our model on all points."""
        return Score(self.times["ours"] / self.seconds - 1)


@dataclass(frozen=True)
class Sums:
    """Which point each priced row belongs to, and what each point's source adds to the time of kernels."""

    owner: NDArray[np.int64]
    overhead: Array

    def of(self, rows: Sequence[float]) -> Array:
        """Sums of a figure of the rows by point."""
        return np.bincount(self.owner, np.asarray(rows, dtype=np.float64), len(self.overhead))


def scored(points: Iterable[Point], pricer: Pricer) -> list[Scored]:
    """A line for each source, device and op, in the order of the points."""
    lines: dict[tuple[Line, str], list[Point]] = {}
    for point in points:
        key = (Line(point.source, point.device, point.op), str(point.columns["target"]))
        lines.setdefault(key, []).append(point)
    return [_line(line, target, group, pricer) for (line, target), group in lines.items()]


def _line(line: Line, target: str, points: Sequence[Point], pricer: Pricer) -> Scored:
    rows = [(i, columns) for i, p in enumerate(points) for columns in (p.columns, *p.also)]
    asked = [question_of({name: str(cell) for name, cell in columns.items()}) for _, columns in rows]
    overhead, owner = np.array([p.overhead_s for p in points]), np.array([i for i, _ in rows])
    seconds = np.array([p.seconds for p in points])
    held_out = np.array([p.held_out for p in points])
    known = pricer.target(target)
    if isinstance(known, Refused):
        return _nothing(line, target, seconds, held_out, "no target" if _absent(target) else known.why)
    questions = [q for q in asked if isinstance(q, Question)]
    answers = pricer.answers(questions) if len(questions) == len(asked) else asked
    refused = next((a for a in answers if isinstance(a, Refused)), None)
    if refused is not None:
        return _nothing(line, target, seconds, held_out, f"{refused.column}: {refused.why}")
    return _compared(line, known, seconds, held_out, questions, answers, Sums(owner, overhead))


def _absent(target: str) -> bool:
    """Whether there is no such target, rather than one that does not load."""
    return target not in target_names() and not Path(target).is_file()


def _nothing(line: Line, target: str, seconds: Array, held_out: Array, why: str) -> Scored:
    none = np.full(len(seconds), np.nan)
    return Scored(line, target, seconds, held_out, dict.fromkeys(MODELS, none), none, why)


def _compared(
    line: Line,
    target: Target,
    seconds: Array,
    held_out: Array,
    asked: Sequence[Question],
    answers: Sequence[object],
    sums: Sums,
) -> Scored:
    prices = [a for a in answers if isinstance(a, Price)]
    ours, low, high = (
        sums.of([getattr(p, name) for p in prices]) + sums.overhead for name in ("seconds", "low_s", "high_s")
    )
    fitted = ~held_out if (~held_out).any() else np.ones_like(held_out)
    if isinstance(asked[0].what, Exchange):
        plain, three = _exchanges(target, [q.what for q in asked if isinstance(q.what, Exchange)], seconds, fitted)
    else:
        plain, three = _works(target, [q.what for q in asked if isinstance(q.what, Work)], seconds, fitted, sums)
    within = (low <= seconds) & (seconds <= high)
    times = {"plain": plain, "three": three, "ours": ours}
    return Scored(line, target.name, seconds, held_out, times, within)


def _works(target: Target, works: Sequence[Work], seconds: Array, fitted: Array, sums: Sums) -> tuple[Array, Array]:
    """Times of the two rooflines, by the dense peak of the type and the bandwidth of the main unit."""
    unit = main_units(target, works[0].dtype)[0]
    peaks = unit.model.peak_ops_per_s()
    peak = peaks.get(works[0].dtype) or max(peaks.values())
    bandwidth = target.memory[unit.data].bandwidth_bytes_per_s
    parts = [visible_part(w) if w.kind == "attention" else 1.0 for w in works]
    compute = sums.of([w.flops * part / peak for w, part in zip(works, parts, strict=True)])
    memory = sums.of([w.bytes(*Role) / bandwidth for w in works])
    ef, eb, c = fit_work(compute[fitted], memory[fitted], seconds[fitted])
    return np.maximum(compute, memory), np.maximum(compute / ef, memory / eb) + c


def _exchanges(target: Target, whats: Sequence[Exchange], seconds: Array, fitted: Array) -> tuple[Array, Array]:
    """Times by bytes over the bandwidth of a link, and by three constants."""
    size = np.array([float(w.size_bytes) for w in whats])
    plain = size / max(link.bandwidth_bytes_per_s for link in target.links) if target.links else size * np.nan
    a, b, g = fit_bytes(size[fitted], seconds[fitted])
    return plain, a + b * size + g * np.sqrt(size)
