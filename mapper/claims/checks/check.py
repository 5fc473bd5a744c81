"""What every kind of check is: typed arguments, figures with units, and a way to compute them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from mapper.claims.bench import INTERRUPTED, Bench, Unanswered
from mapper.claims.claim import Assumption, Format, Published
from mapper.claims.found import Found
from mapper.cost.pricing import main_units
from mapper.hw.target import Target, Unit
from mapper.hw.work import DType
from mapper.report.units import percent

ARITHMETIC = ("compute", "dac", "cell", "adc", "shift-add", "driver")
"""Causes of energy that are the multiplication itself; all others move data, keep it, or keep the unit running."""

Publisheds = Mapping[str, Published]


class Check(Format):
    """A kind of check; the fields are its arguments in the file of claims."""

    kind: ClassVar[str]
    """Its name under `check:`."""
    units: ClassVar[Mapping[str, str]]
    """The figures that it computes, each with its unit; "" counts, or is a part."""

    @abstractmethod
    def run(self, bench: Bench, published: Publisheds) -> Found:
        """Compute the figures. published: what is said of them, for the reasons. Raises Unanswered where nothing can
        be computed, MapperError where an argument is wrong."""

    def questions_asked(self) -> Iterator[str]:
        """The questions of the file that it rests on."""
        yield from ()

    def targets_asked(self) -> Iterator[str]:
        """The targets, or patterns of their names, that it rests on besides those of questions."""
        yield from ()

    def models_asked(self) -> Iterator[str]:
        """The model files that it reads besides those of questions."""
        yield from ()

    def assumed(self) -> list[str]:
        """Its figures that have a source of their own, in words."""
        own = ((name, getattr(self, name)) for name in type(self).model_fields)
        return [assumption_words(name, a) for name, a in own if isinstance(a, Assumption)]


def assumption_words(name: str, a: Assumption) -> str:
    """An assumption as people read it: its name, value, range and source."""
    ends = f" ({a.low:g} to {a.high:g})" if a.range else ""
    return f"{name.replace('_', ' ')} {a.value:g}{ends}: {a.source}"


def main_unit(target: Target, dtype: DType) -> tuple[Unit, int]:
    """The unit of the highest peak in a type, and how many such units there are."""
    unit = main_units(target, dtype)[0]
    return unit, sum(other.kind == unit.kind for other in target.units)


def peak_of(unit: Unit, dtype: DType) -> float:
    """Operations a second of a unit in a type; the highest of its types where it lacks that one."""
    peaks = unit.model.peak_ops_per_s()
    return peaks.get(dtype) or max(peaks.values(), default=0.0)


def rests(bench: Bench, *questions: str) -> list[str]:
    """What questions rest on: each target with its source, how many of its figures were assumed, and the error bands of
    the answers on it."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(questions):
        answer = bench.asked(name)
        band = "no plan" if answer.why_not else f"± {percent(answer.band)}"
        found.setdefault(bench.questions[name].target, []).append(f"{name} {band}")
    return [f"{target_words(bench, target)}; throughput of {', '.join(each)}" for target, each in found.items()]


def answerable(bench: Bench, questions: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The questions that have a plan, and why the first of the others has none: what rests on targets alone needs no
    plan. Raises Unanswered where it was interrupted."""
    known, why = [], ""
    for name in questions:
        try:
            bench.answer(name)
        except Unanswered as problem:
            if problem.why == INTERRUPTED:
                raise
            why = why or "; ".join(filter(None, (problem.why, problem.hint)))
        else:
            known.append(name)
    return tuple(known), why


def target_words(bench: Bench, name: str) -> str:
    """A target with its source, and what its figures rest on."""
    bases = bench.survey(name).bases
    total = sum(bases.values()) or 1
    parts = (f"{percent(count / total)} {basis.value}" for basis, count in bases.items() if count)
    return f"{name}: {bench.target(name).source}; its figures: {', '.join(parts)}"


def ratio_words(ratio: float) -> str:
    """A ratio of any size: 0.062 x, 4.1 x, 167 x, 1,525 x."""
    return f"{ratio:,.0f} x" if ratio >= 99.5 else f"{ratio:.2g} x"
