"""Placements by dice: no mappings that a search would find, but valid ones, which cut models in unusual places."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from mapper.errors import MapperError
from mapper.hw.target import Target
from mapper.hw.teams import Arrangement, arranged, arrangements
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.place.baselines import assign, finish
from passes.place.folding.pooled import on_target
from passes.place.folding.teams import PlaceTeams
from passes.place.infeasible import finds_none
from passes.place.translate import Translation, translate

MOST_RANKS = 16
"""More ranks make more pieces of the same kinds."""
DIVIDED = 0.85
"""How often a task is divided rather than run by all ranks alike, where it can be."""


@dataclass(frozen=True)
class PlaceAtRandom(Pass):
    """Each task on any unit that can run and hold it."""

    name = "place-at-random"
    requires = ("options", "tasks")
    provides = ("placement", "residency", "bounds", "search")

    dice: int = 0

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with tasks on units by chance."""
        t, chance = translate(plan), random.Random(self.dice)

        def ranked(item: int) -> Iterator[int]:
            units = sorted({unit for unit, _ in t.meaning[item]})
            turn = {unit: chance.random() for unit in units}
            return iter(sorted(range(len(t.meaning[item])), key=lambda o: turn[t.meaning[item][o][0]]))

        found = assign(t, ranked)
        if found is None:
            raise finds_none(plan, self.name, "the weights do not fit its way", "place-cpsat searches all placements")
        return finish(plan, t, found, self.name, ctx)


@dataclass(frozen=True)
class PlaceTeamsAtRandom(Pass):
    """Equal chips in teams of any size, and tasks on any team in any of the ways in which its ranks divide them."""

    name = "place-teams-at-random"
    requires = PlaceTeams.requires
    provides = PlaceTeams.provides

    dice: int = 0

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan on a folded target, with tasks on teams by chance. Raises MapperError where there are none."""
        chance = random.Random(f"{self.dice} {plan.target.name} {plan.graph.name}")
        ways = team_arrangements(plan.target)
        if not ways:
            raise MapperError(f"{plan.target.name} has no equal chips that form teams", hint="give another target")
        ranks = chance.choice(sorted({way.ranks for way in ways}))
        folded = arranged(plan.target, chance.choice([way for way in ways if way.ranks == ranks]))
        plan = on_target(plan, folded, ctx)
        t = translate(plan)
        found = assign(t, lambda item: _teams_first(t, item, folded, chance))
        if found is None:
            raise finds_none(plan, self.name, "the weights do not fit its way", "place-teams searches all placements")
        return finish(plan, t, found, self.name, ctx)


def team_arrangements(target: Target) -> list[Arrangement]:
    """The arrangements of a target in teams of a few ranks."""
    return [way for way in arrangements(target) if 1 < way.ranks <= MOST_RANKS]


def _teams_first(t: Translation, item: int, target: Target, chance: random.Random) -> Iterator[int]:
    """A task's options: on teams before other units, mostly divided ones before copies, else by chance."""
    turn = {unit: chance.random() for unit in sorted({unit for unit, _ in t.meaning[item]})}
    wants_divided = chance.random() < DIVIDED

    def key(o: int) -> tuple[bool, bool, float, float]:
        unit, option = t.meaning[item][o]
        is_divided = option.shard not in ("", "copy")
        return target.unit[unit].ranks == 1, is_divided != wants_divided, turn[unit], chance.random()

    return iter(sorted(range(len(t.meaning[item])), key=key))
