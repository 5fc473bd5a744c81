"""What the targets of compute-in-memory macros say about published figures."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.measured.cim import Rate
from mapper.cost.pricing import Pricer, Question, Refused, feed_of, fitted
from mapper.cost.rows import question_of
from mapper.hw.target import Target, Unit
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND, Cost, Work


@dataclass(frozen=True, slots=True)
class Macro:
    """A published figure of a macro and ours, or why there is none."""

    rate: Rate
    ours: float | None
    why: str = ""

    @property
    def error(self) -> float:
        """Relative error in percent; NaN where we have no figure."""
        return float("nan") if self.ours is None else 100 * (self.ours / self.rate.value - 1)


def macro(rate: Rate, pricer: Pricer) -> Macro:
    """What the macro's target says about one figure."""
    asked = question_of({name: str(cell) for name, cell in rate.columns.items()})
    if not isinstance(asked, Question) or not isinstance(asked.what, Work):
        return Macro(rate, None, getattr(asked, "why", "no work"))
    target = pricer.target(asked.target)
    if isinstance(target, Refused):
        return Macro(rate, None, "no target")
    unit = target.units[0]
    work = fitted(unit, asked.what, stated=True)
    if not isinstance(work, Work):
        return Macro(rate, None, work)
    return Macro(rate, figure(rate.metric, work, priced(target, unit, work)))


def priced(target: Target, unit: Unit, work: Work) -> Cost:
    """The cost of work that has the whole macro to itself."""
    return unit.model.cost(work, feed_of(target, unit, work))


def figure(metric: str, work: Work, cost: Cost) -> float | None:
    """Operations per second or per joule, or the part of a cause in the energy; None where the cause has no energy."""
    if metric == "TOPS":
        return work.flops * TICKS_PER_SECOND / cost.ticks
    total, causes = cost.total_pj, dict(cost.energy_pj)
    if metric == "TOPS/W":
        return work.flops * PJ_PER_J / total if total else None
    share = causes.get(metric.rsplit(" ", 1)[1], 0)
    if not share or not total:
        return None
    return share / total if metric.startswith("part") else work.flops * PJ_PER_J / share
