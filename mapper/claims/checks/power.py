"""Watts for a petaflops: at the rated power, of a large product with and without the data it moves, and as compiled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar

from pydantic import Field

from mapper.claims.bench import Bench
from mapper.claims.checks.check import ARITHMETIC, Check, Publisheds, answerable, main_unit, peak_of, rests
from mapper.claims.found import Figure, Found, Table
from mapper.cost.pricing import main_units
from mapper.cost.work_text import price, work_of_text
from mapper.errors import MapperError, UsageError
from mapper.hw.basis import Basis
from mapper.hw.library import target_names
from mapper.hw.provenance import Sheet
from mapper.hw.survey import class_of
from mapper.hw.target import Target, Unit
from mapper.hw.work import DType
from mapper.report.units import percent, si

PETA = 1e15
ENERGIES = ("energy_pj", "energy_pj_per_op", "energy_pj_per_mac")
"""Keys of the energies of operations in unit files; a unit without them has those of its technology, derived."""
OTHERS = ("attention heads=12 q=1 kv=128 head_dim=64", "norm rows=1 width=768", "elementwise elements=768")
"""What a chip runs besides products of weights, if it runs transformers alone."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A unit of a target in one type: watts for a petaflops, and the part of the peak that the product reaches. whole:
    whether the target runs transformers alone, not products only. basis: the weakest mark of the unit's energies."""

    target: str
    unit: str
    dtype: str
    peak: float
    rated: float | None
    arithmetic: float
    moved: float
    efficiency: float
    whole: bool
    class_: str
    basis: str


class Power(Check):
    """Every unit of the targets in every type it computes in: the product of `works` that costs least, priced with its
    traffic and with what the unit takes at rest; only those above `efficiency` count. technology: the class of units
    (as `mapper targets` names them) that the claim is of. questions: what whole models take as compiled."""

    kind: ClassVar[str] = "power"
    units: ClassVar[dict[str, str]] = {
        "least": "W/PFLOPS",
        "least_arithmetic": "W/PFLOPS",
        "least_of_technology": "W/PFLOPS",
        "least_of_whole_chips": "W/PFLOPS",
        "least_compiled": "W/PFLOPS",
        "targets_within": "",
        "targets_within_arithmetic": "",
    }
    targets: Annotated[list[str], Field(min_length=1)]
    works: Annotated[list[str], Field(min_length=1)]
    limit: Annotated[float, Field(gt=0)]
    efficiency: Annotated[float, Field(gt=0, le=1)]
    technology: str = ""
    questions: tuple[str, ...] = ()
    shown: Annotated[int, Field(ge=1)] = 16

    def questions_asked(self) -> Iterator[str]:
        return iter(self.questions)

    def targets_asked(self) -> Iterator[str]:
        return iter(self.targets)

    def run(self, bench: Bench, published: Publisheds) -> Found:
        rows = self._rows(bench)
        if not rows:
            raise UsageError(f"power: no unit of {', '.join(self.targets)} runs any of {', '.join(self.works)}")
        busy = [row for row in rows if row.efficiency > self.efficiency]
        within = _names(row for row in busy if row.moved <= self.limit)
        alone = _names(row for row in busy if row.arithmetic <= self.limit)
        known, no_plan = answerable(bench, self.questions)
        compiled = [self._compiled(bench, name) for name in known]
        least = min(busy, key=lambda r: r.moved, default=None)
        whole = min((r for r in busy if r.whole), key=lambda r: r.moved, default=None)
        own = min((r for r in busy if r.class_ == self.technology), key=lambda r: r.moved, default=None)
        figures = {
            "targets_within": Figure(len(within)),
            "targets_within_arithmetic": Figure(len(alone)),
            **({"least": Figure(least.moved)} if least else {}),
            **({"least_arithmetic": Figure(min(row.arithmetic for row in busy))} if busy else {}),
            **({"least_of_whole_chips": Figure(whole.moved)} if whole else {}),
            **({"least_of_technology": Figure(own.moved)} if own else {}),
            **({"least_compiled": Figure(min(w for w, _ in compiled))} if compiled and not no_plan else {}),
        }
        count = len({row.target for row in rows})
        because = {
            "targets_within": f"of {count} targets: {', '.join(within) or 'none'}",
            "targets_within_arithmetic": f"of {count} targets: {', '.join(alone) or 'none'}",
            "least": _because(least),
            "least_of_whole_chips": _because(whole),
            "least_of_technology": _because(own),
            "least_compiled": min(compiled)[1][0] if compiled else "",
        }
        idle = f"no such unit is above {percent(self.efficiency)} of its peak"
        why_not = {name: idle for name in self.units if name.startswith("least") and name not in figures}
        if no_plan:
            why_not["least_compiled"] = no_plan
        tables = tuple(self._tables(rows, compiled))
        return Found(figures, because, (), tables, tuple(rests(bench, *known)), why_not)

    def _rows(self, bench: Bench) -> list[_Row]:
        names = [n for n in target_names() if any(fnmatchcase(n, pattern) for pattern in self.targets)]
        found: list[_Row] = []
        for k, name in enumerate(names):
            bench.tell("power", f"target {name}", k / len(names))
            target = bench.target(name)
            for unit in main_units(target):
                for dtype in unit.model.peak_ops_per_s():
                    found += self._row(bench, target, unit, dtype)
        return sorted(found, key=lambda r: (r.moved, r.target, r.dtype))

    def _row(self, bench: Bench, target: Target, unit: Unit, dtype: DType) -> Iterator[_Row]:
        peak = peak_of(unit, dtype)
        number = sum(other.kind == unit.kind for other in target.units)
        priced = []
        for text in self.works:
            work, wanted = work_of_text(f"{text} dtype={dtype.value}")
            try:
                got = price(target, unit, work, wanted)
            except MapperError:
                continue
            if got["why_not"] or got["dtype"] != dtype.value or not got["energy_j"]:
                continue
            rest = unit.model.idle_power_w * got["time_s"]
            causes = got["energy_by_cause_j"]
            arithmetic = sum(joules for cause, joules in causes.items() if cause in ARITHMETIC)
            priced.append(
                ((got["energy_j"] + rest) / work.flops, arithmetic / work.flops, work.flops / got["time_s"] / peak)
            )
        if priced:
            moved, arithmetic, part = min(priced, key=lambda p: (p[2] <= self.efficiency, p[0]))
            rated = target.power_limit_w * PETA / (peak * number) if target.power_limit_w else None
            known = _known(bench.survey(target.name).sheets, unit)
            scale = (arithmetic * PETA, moved * PETA)
            yield _Row(target.name, unit.kind, dtype.value, peak, rated, *scale, part, _whole(target), *known)

    def _compiled(self, bench: Bench, name: str) -> tuple[float, tuple[str, ...]]:
        answer, target = bench.answer(name), bench.target(bench.questions[name].target)
        row = answer.row
        watts = row["energy_j"] / row["flops"] * PETA
        unit, number = main_unit(target, DType.F16)
        dtype = DType.F16 if DType.F16 in unit.model.peak_ops_per_s() else next(iter(unit.model.peak_ops_per_s()))
        used = row["flops"] * row["throughput_per_s"] / (number * peak_of(unit, dtype))
        return watts, (name, f"{watts:.0f}", percent(used), answer.limit)

    def _tables(self, rows: list[_Row], compiled: list[tuple[float, tuple[str, ...]]]) -> Iterator[Table]:
        kinds = _kinds(rows)
        most = [r for r in kinds if r.efficiency > self.efficiency]
        shown = [
            (
                r.target, r.class_, r.dtype, r.basis, "yes" if r.whole else "no", si(r.peak),
                "-" if r.rated is None else f"{r.rated:.0f}",
                f"{r.moved:.1f}", f"{r.arithmetic:.1f}", percent(r.efficiency),
            )
            for r in most[: self.shown]
        ]  # fmt: skip
        columns = ("target", "class", "type", "energy", "whole", "op/s", "rated", "moved", "alone", "peak")
        words = (
            "W for 10^15 op/s (rated: by the power limit; moved: a product with its traffic; alone: its arithmetic), "
            f"with the mark of the energies: the {len(shown)} least of {len(most)} units and types above "
            f"{percent(self.efficiency)} of their peak ({len(kinds)} in all), each on the target where it takes least"
        )
        yield Table(words, columns, tuple(shown))
        best: dict[str, _Row] = {}
        for row in most:
            best.setdefault(row.class_, row)
        classes = tuple(
            (c, r.target, r.dtype, r.basis, f"{r.moved:.1f}", f"{r.arithmetic:.1f}") for c, r in best.items()
        )
        yield Table("the least of each class", ("class", "target", "type", "energy", "moved", "alone"), classes)
        if compiled:
            names = ("question", "W/PFLOPS", "of peak", "limited by")
            yield Table("whole models as compiled", names, tuple(r for _, r in compiled))


def _kinds(rows: Sequence[_Row]) -> list[_Row]:
    """One row of each unit and type: of the targets that have it, that with the least; whole chips and others apart."""
    found: dict[tuple[str, str, bool], _Row] = {}
    for row in rows:
        found.setdefault((row.unit, row.dtype, row.whole), row)
    return list(found.values())


def _because(row: _Row | None) -> str:
    if row is None:
        return ""
    return (
        f"{row.unit} of {row.target} in {row.dtype}, with its traffic, at {percent(row.efficiency)} of its peak; "
        f"its energies are {row.basis}"
    )


def _whole(target: Target) -> bool:
    """Whether some unit runs each of the works that a transformer has besides products of weights."""
    works = [work_of_text(text)[0] for text in OTHERS]
    return all(any(unit.model.why_not(work) is None for unit in target.units) for work in works)


def _known(sheets: Sequence[Sheet], unit: Unit) -> tuple[str, str]:
    """The class of a unit, and the weakest mark of the energies in its file."""
    kind = unit.kind.partition("@")[0]
    own = [f for s in sheets if s.section == "units" and s.kind == kind for f in s.figures if f.path[0] in ENERGIES]
    basis = max((figure.basis for figure in own), key=lambda b: b.rank, default=Basis.DERIVED)
    return class_of(unit, sheets), basis.value


def _names(rows: Iterator[_Row]) -> list[str]:
    return sorted({f"{row.target} ({row.dtype})" for row in rows})
