"""Bounds proved with many figures better at once: each answers for all questions of a table that are no easier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mapper.cost.estimate import Estimator
from mapper.cost.offers import repriced
from mapper.errors import MapperError
from mapper.execution.forked import spread
from mapper.hw.parameters import Parameter
from mapper.hw.what_if import Change, changed
from mapper.ir.plan import Bound, Plan
from mapper.solve.placement.known import Proof
from mapper.whatif.answers import ENOUGH, Asker
from mapper.whatif.levers import better
from mapper.whatif.shadow import Proofs

FACTOR = 2.0
"""Every figure is multiplied and divided by this."""

ENERGIES, AT_ONCE = ("pJ", "pJ/bit", "W"), 3
"""Figures measured in these, and energies of all kinds, are mostly felt by the energy alone. So many figures are worth
a proof of all of them at once."""

AROUND = ("s", "B", "B/s")
"""What is around the work itself: delays, room and bandwidths. Such figures are halved apart from rates and numbers of
parallel pieces, which quicken all work of a unit at once."""

TRIES = 8
"""At most so many groups are tried: one that proves nothing costs half a question."""

FELT = 2.5e-3
"""A figure that by itself speeds up by this much what the plan does is left out of the groups: its own answer is a
better one, and no bound of a group would stay at the plan's value."""

Kind = tuple[Change, ...]
"""Improvements of the figures of one kind of part, or of energies."""


def learn(asker: Asker, some: Sequence[Parameter], proofs: Proofs, workers: int = 1) -> None:
    """Let the asker know bounds that hold with many of these figures better at once, and come within `ENOUGH` of the
    plan's value. What fails is halved, by kinds of parts and then by figures. The number of workers changes nothing.

    proofs: of the asker's plan.
    """
    if not asker.learns or asker.context.stop.is_set():
        return
    _ = asker.known, asker.before  # once, before there are several of it
    try:
        kinds = groups(asker, some, proofs.bound())
    except MapperError:  # no linear program tells what the plan rests on
        return
    first = _halves(kinds) if len(kinds) > 1 else [kinds]  # two at once
    waiting = [group for group in first if _size(group) >= AT_ONCE]
    left = TRIES
    while waiting and left > 0:
        wave, left = waiting[:left], left - len(waiting)
        found = dict(spread(partial(_proof, asker, wave), len(wave), workers, asker.context.stop))
        for proof in (found[i] for i in sorted(found)):
            if proof is not None:
                asker.learn(proof)
        failed = [wave[i] for i in sorted(found) if found[i] is None]
        waiting = [half for group in failed for half in _halves(group) if _size(half) >= AT_ONCE]


def _proof(asker: Asker, wave: Sequence[Sequence[Kind]], i: int) -> Proof | None:
    """The bound with all changes of a group at once, where it is as good as the plan's own."""
    own = max((p.value for p in asker.known[:1]), default=0.0)
    found = asker.proof([change for kind in wave[i] for change in kind], ENOUGH)
    return found if found is not None and found.value >= own * (1 - ENOUGH) else None


def _size(kinds: Sequence[Kind]) -> int:
    return sum(map(len, kinds))


def _halves(kinds: Sequence[Kind]) -> list[list[Kind]]:
    """Two groups of half the kinds each, or of half the changes of the only one."""
    if not kinds:
        return []
    if len(kinds) == 1:
        middle = (len(kinds[0]) + 1) // 2
        return [[kinds[0][:middle]], [kinds[0][middle:]]]
    middle = (len(kinds) + 1) // 2
    return [list(kinds[:middle]), list(kinds[middle:])]


def groups(asker: Asker, some: Sequence[Parameter], rests: Bound) -> list[Kind]:
    """The improvements that may each change nothing, by kind: energies, the figures of each kind of unit, and those of
    memories, links and the whole target.

    rests: the bound by linear programs, with what it rests on. Where such a program alone answers a question, a proof
    of several saves little: then energies alone are worth it.
    """
    worth = _Worth(asker.plan, dict(rests.rests_on))
    soon = (rests.relaxed or rests.value) >= asker.before.objective * (1 - asker.sought)
    found: dict[str, list[Change]] = {}
    for parameter in sorted(some, key=lambda p: p.unit_of_measure in AROUND):
        ways = better(parameter)
        if len(ways) != 1:
            continue
        kind = _kind(asker.plan, parameter)
        if soon and kind != "energies":
            continue
        change = Change(parameter.name, factor=FACTOR if ways[0] else 1 / FACTOR)
        if worth.of(parameter, change) < FELT:
            found.setdefault(kind, []).append(change)
    return [tuple(changes) for changes in found.values()]


def _kind(plan: Plan, parameter: Parameter) -> str:
    """What a figure is grouped by."""
    if ("energy" in parameter.name or parameter.unit_of_measure in ENERGIES) and better(parameter) == (False,):
        return "energies"
    is_unit = parameter.parts and parameter.parts[0] in plan.target.unit
    return parameter.name.partition(".")[0] if is_unit else "others"


@dataclass(frozen=True)
class _Worth:
    """What a figure changes of what a plan does. rests: by resource, the percent by which its bound falls for each
    percent that there is more of it."""

    plan: Plan
    rests: Mapping[str, float]

    def of(self, parameter: Parameter, change: Change) -> float:
        """By how much of itself the plan's value would fall if its tasks stayed: an estimate; 1 where they cannot."""
        units = [p for p in parameter.parts if p in self.plan.target.unit]
        if _kind(self.plan, parameter) == "energies" or not parameter.parts:
            return self.rests.get("power", 0.0) / FACTOR
        if not units:
            names = (f"room in {p}" if parameter.unit_of_measure == "B" else p for p in parameter.parts)
            return sum(self.rests.get(name, 0.0) for name in names) / FACTOR
        try:
            return sum(self.rests[u] * self._faster(u, change) for u in units if self.rests.get(u))
        except (MapperError, StopIteration):  # what the plan has chosen is no way to run it there
            return 1.0

    def _faster(self, unit: str, change: Change) -> float:
        """The part of the time of a unit's tasks that a change saves."""
        plan = self.plan
        estimator = Estimator(changed(plan.target, (change,)), plan.graph, plan.phases, plan.precision)
        before = after = 0
        known: dict[tuple[int, str], int] = {}
        for task in plan.tasks or ():
            if plan.place[task.name].unit != unit:
                continue
            option, key = plan.chosen(task.name), (id(plan.chosen(task.name)), task.phase)
            if key not in known:
                known[key] = repriced(estimator, plan.cluster[task.cluster], option).cost(task.phase).ticks
            calls = plan.phase[task.phase].calls
            before, after = before + calls * option.cost(task.phase).ticks, after + calls * known[key]
        return 1 - after / before if before else 0.0
