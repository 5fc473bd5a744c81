"""The difference of two finished plans: inputs, totals, what moved, and where each change of a total comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mapper.cost.judge import Verdict
from mapper.errors import MapperError
from mapper.ir.plan import DECISIONS, Plan
from mapper.report.diff.decompose import Decomposition, decompose, measured
from mapper.report.diff.doings import Side
from mapper.report.diff.inputs import Input, inputs
from mapper.report.diff.moves import Alone, Move, alone, moves
from mapper.report.diff.pairing import Pairing, pair
from mapper.report.diff.totals import Total, parts, totals
from mapper.report.summary import summarise

Summary = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """What differs between two plans.

    decisions: the decisions that differ. moved: tasks that run elsewhere or in another way. alone: clusters
        without a counterpart. decompositions: the objective's first.
    """

    before: Verdict
    after: Verdict
    sides: tuple[Side, Side]
    inputs: tuple[Input, ...]
    totals: tuple[Total, ...]
    parts: tuple[Total, ...]
    moved: tuple[Move, ...]
    alone: tuple[Alone, ...]
    decompositions: tuple[Decomposition, ...]
    decisions: tuple[str, ...]

    @property
    def pairing(self) -> Pairing:
        """What of one plan stands for what of the other."""
        return self.sides[0].pairing

    @cached_property
    def same(self) -> bool:
        """Whether every decision and every figure that decides is the same."""
        plans = [replace(v.plan, source=(), search=None, bounds=None) for v in (self.before, self.after)]
        return not self.decisions and plans[0] == plans[1]

    @property
    def renamed(self) -> tuple[tuple[str, str], ...]:
        """Equal units that do each other's work: (name before, name after)."""
        return self.pairing.machines.renamed

    @cached_property
    def figure(self) -> dict[str, Total]:
        """Totals and figures of parts by name."""
        return {t.name: t for t in (*self.totals, *self.parts)}

    @property
    def objective(self) -> Decomposition:
        """Where the change of the second plan's objective comes from."""
        return self.decompositions[0]


def difference(before: Verdict, after: Verdict, recorded: tuple[Summary, Summary] = ({}, {})) -> Difference:
    """The difference of two judged plans. recorded: the summaries written beside the plans, for the versions that made
    them; may be empty. Raises MapperError for plans that have nothing in common."""
    for verdict in (before, after):
        if verdict.plan.figures is None:
            raise MapperError(f"the plan of {verdict.plan.graph.name} is not finished: no figures")
    pairing = pair(before.plan, after.plan)
    first, second = Side(before, pairing, True), Side(after, pairing, False)
    was, now = (_summary(verdict) for verdict in (before, after))
    names = {
        "units": pairing.machines.units,
        "memories": pairing.machines.memories,
        "links": pairing.machines.links,
        "phases": pairing.phase,
    }
    found = (decompose(objective, first, second) for objective in measured(after, before))
    return Difference(
        before,
        after,
        (first, second),
        inputs(before.plan, after.plan, recorded),
        totals(was, now),
        parts(was, now, names),
        moves(first, second),
        alone(first, second),
        tuple(d for d in found if d is not None),
        _decisions(before.plan, after.plan),
    )


def _summary(verdict: Verdict) -> dict[str, Any]:
    """The fields of summary.json, and the requests in flight."""
    inflight = (verdict.plan.inflight or 1) * verdict.plan.requests_per_run
    return {**summarise(verdict, {}, {}), "inflight": inflight}


def _decisions(before: Plan, after: Plan) -> tuple[str, ...]:
    """The decisions that differ, in the order in which they are taken; how they were found and proved is none."""
    told = [name for name in DECISIONS if name not in ("bounds", "search", "figures")]
    return tuple(name for name in told if getattr(before, name) != getattr(after, name))
