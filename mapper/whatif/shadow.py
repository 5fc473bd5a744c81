"""Shadow prices: what more of a resource, or a better figure of the target, is worth to the bound of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import log
from typing import Any

from mapper.compiled import Series
from mapper.errors import MapperError
from mapper.hw.parameters import Parameter
from mapper.hw.target import Target
from mapper.hw.what_if import Change, Refused, changed
from mapper.ir.goal import Objective
from mapper.ir.plan import DECISIONS, Bound, Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pipeline import Pipeline

STEP = 0.01
"""The relative change of a figure that its price is found by: large beside the rounding of times to picoseconds, small
beside what makes other options the better ones."""


NOISE = 2e-3
"""Prices below this are told as 0: times are rounded to whole ticks, and bounds proved to a few parts in a million."""


@dataclass(frozen=True)
class Proofs:
    """Proves bounds of a plan's question on its target with figures changed, by linear programs alone: without the
    search that a compilation sharpens its bound by."""

    plan: Plan
    series: Series = field(default_factory=lambda: Series.of({}))
    _known: dict[Objective, Bound] = field(default_factory=dict, compare=False, repr=False)

    def bound(self, changes: Sequence[Change] = (), objective: Objective | None = None) -> Bound:
        """What no placement on the changed target is below, of the plan's objective or of another one. Raises Refused
        where a figure takes no such value, Infeasible where nothing can run there."""
        plan = replace(self.plan, objective=objective or self.plan.objective)
        if not changes:
            return self._as_it_is(objective)
        moved = replace(plan, target=changed(plan.target, changes))
        if any(unit.team for unit in plan.target.units):  # the proof asks what units offer before they are folded
            return self._proved(moved, self._proof)
        later: dict[str, Any] = dict.fromkeys(DECISIONS[DECISIONS.index("options") :])
        fresh = self.series.resume(replace(moved, **later), "options").plan
        if fresh.options == plan.options and _elsewhere(fresh.target) == _elsewhere(plan.target):
            return self._as_it_is(objective)
        return self._proved(fresh, self._proof)

    def _as_it_is(self, objective: Objective | None) -> Bound:
        wanted = objective or self.plan.objective
        if wanted not in self._known:
            self._known[wanted] = self._proved(replace(self.plan, objective=wanted), self._proof)
        return self._known[wanted]

    def _proved(self, plan: Plan, passes: str) -> Bound:
        found = self.series.resume(plan, passes).plan.bounds or ()
        return next(b for b in found if b.objective == plan.objective.value)

    @property
    def _proof(self) -> str:
        """The pass that proves a bound over all that the plan's own placement decided."""
        if any(unit.team for unit in self.plan.target.units):
            return "bounds-of-teams"
        text = dict(self.plan.source).get("pipeline", "")
        try:
            steps: Pipeline = pipeline_of(text)
        except MapperError:  # passes of a package that is not installed here
            return "bounds"
        return next((step.proof for step in steps.passes if "placement" in step.provides), "bounds")


def _elsewhere(target: Target) -> tuple[object, ...]:
    """What a placement problem asks of a target beside the prices of options."""
    return target.memories, target.links, target.idle_power_w, target.power_limit_w


def rests_on(plan: Plan, objective: Objective | None = None) -> Bound:
    """The bound of a plan by linear programs, with what it rests on: `rests_on`, the most first, of `relaxed`."""
    return Proofs(plan).bound((), objective)


@dataclass(frozen=True, slots=True)
class Price:
    """The shadow price of a figure: by how many percent the bound falls for a change of it by one percent.

    change: the one that was tried. It is the slope towards that side; towards the other one it may differ, where the
    optimum is degenerate or another option becomes the best. known: the bound's name, the argument that both rest on.
    """

    change: Change
    percent: float
    known: str


def price(proofs: Proofs, parameter: Parameter, larger: bool, before: Bound | None = None) -> Price | None:
    """The shadow price of a figure that grows (or falls), found from the bounds of both targets, so that it holds for
    whatever argument gives them; None where the figure takes no near value. before: the bound as the target is.

    A figure of whole numbers goes to the next one.
    """
    known = before or proofs.bound()
    change = _near(parameter, larger)
    if change is None or not known.value:
        return None
    try:
        after = proofs.bound([change])
    except Refused:
        return None
    factor = change.factor if change.factor is not None else (change.value or 0.0) / parameter.value
    step = abs(log(factor))
    percent = log(known.value / after.value) / step if after.value else 0.0
    return Price(change, percent if abs(percent) > NOISE else 0.0, after.name)


def _near(parameter: Parameter, larger: bool) -> Change | None:
    """The figure a step off."""
    if not parameter.whole:
        return Change(parameter.name, factor=1 + STEP if larger else 1 / (1 + STEP))
    step = max(1.0, round(parameter.value * STEP))
    value = parameter.value + (step if larger else -step)
    return Change(parameter.name, value=value) if value > 0 else None
