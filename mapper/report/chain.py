"""What limits the rate of requests, and what would next: resources by their load, and what fills them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mapper.cost.engines import POWER
from mapper.cost.judge import Verdict
from mapper.hw.target import Target
from mapper.report.limits import Share, fills

LONGEST = 4
"""Links of the chain at most: what lies behind them hardly matters."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Alike resources, of which the first is the busiest. busy: its part of the time between requests, with what fills
    it. twice: how much the rate of requests gains at most if they alone were twice as fast; relieved: if these and all
    limits before them took no time; then: what limits after that, empty where nothing is left. All with this placement:
    another one may gain more, by using what is idle now."""

    kind: str
    resources: tuple[str, ...]
    busy: float
    fills: tuple[Share, ...]
    twice: float
    relieved: float | None
    then: str

    def data(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {
            "kind": self.kind,
            "resources": list(self.resources),
            "busy": self.busy,
            "fills": [{"what": s.what, "part": s.part} for s in self.fills],
            "gain_twice_as_fast": self.twice,
            "gain_relieved": self.relieved,
            "then": self.then,
        }


def chain(verdict: Verdict, most: int = LONGEST) -> list[Limit]:
    """The busiest resources and those alike, then the busiest of the others, and so on."""
    loads = {r: t for r, t in verdict.loads.items() if t}
    interval = verdict.interval or 1
    whole = max(loads.values(), default=0)
    left = dict(loads)
    found: list[Limit] = []
    while left and len(found) < most:
        first = max(left, key=lambda r: (left[r], r))
        kind = kind_of_resource(verdict.plan.target, first)
        alike = [r for r in left if kind_of_resource(verdict.plan.target, r) == kind]
        alike.sort(key=lambda r: (left[r], r), reverse=True)
        left = {r: t for r, t in left.items() if r not in alike}
        others = max((t for r, t in loads.items() if r not in alike), default=0)
        then = max(left, key=lambda r: (left[r], r), default="")
        found.append(
            Limit(
                kind,
                tuple(alike),
                loads[first] / interval,
                tuple(fills(verdict, first)[:3]),
                whole / max(loads[first] / 2, others) - 1,
                whole / left[then] - 1 if then else None,
                then,
            )
        )
    return found


def kind_of_resource(target: Target, resource: str) -> str:
    """Which resources an architect would change together: units, memories or links of one kind."""
    if resource in target.unit:
        return target.unit[resource].kind
    if resource in target.memory:
        memory = target.memory[resource]
        return f"{memory.kind} of {target.unit[memory.unit].kind}" if memory.unit in target.unit else memory.kind
    if resource == POWER:
        return "power limit"
    unit = resource.partition("/")[0]
    if unit in target.unit:
        return f"arrays of {target.unit[unit].kind}"
    link = resource.rpartition(":")[0]
    return next((k.kind for k in target.links if k.name == link), "links")
