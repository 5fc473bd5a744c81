"""What was found about a goal, as lines and as data."""

from __future__ import annotations

from math import isfinite
from typing import Any

from mapper.errors import plain
from mapper.hw.what_if import Change
from mapper.ir.goal import Quantity
from mapper.ir.plan import Plan
from mapper.report.units import figure, percent, shorten, si, times
from mapper.whatif.levers import OCTAVES, Lever
from mapper.whatif.reach import HELPS, Reached, Way
from mapper.whatif.wish import Wish, measured

ROOM = 66
"""Columns of a change."""

SHOWN = 8
"""Figures that may reach the goal alone, and figures that cannot, but help, shown at most."""

FARTHEST = 2**OCTAVES
"""The factor that figures are moved by at most."""


def lines(found: Reached, plan: Plan) -> list[str]:
    """The answer first, then the ways, then what may and what cannot reach the goal, then what cost means."""
    head = f"{plan.graph.name} on {plan.target.name}: {_goal(found.wish)}"
    if found.wish.holds:
        return [plain(f"{head} holds already; nothing needs to change")]
    if found.already is not None and found.already.after is not None:
        wanted, value = found.wish.objective.value, measured(found.already.after, found.wish.limit.quantity) or 0.0
        return [
            plain(f"{head} needs no change of the target"),
            f"  a plan for {wanted} has {_value(found.wish, value)}; mapper compile ... --objective {wanted} makes it",
        ]
    rows = [plain(head), ""]
    if found.out_of_reach:
        best = found.wish.told(found.farthest or 0.0)
        rows += [
            f"  out of reach: with every rate and size {FARTHEST} times as high, every time and energy a {FARTHEST}th,",
            f"  or as far as their limits, all at once, the proven best is {_value(found.wish, best)}",
        ]
    elif not found.ways:
        rows.append(f"  no change was found that reaches it, in {found.plans} plans made and judged")
    else:
        rows.append(
            f"  {'change':<{ROOM}}{'cost':>7}  {found.wish.limit.quantity.value:>14}  {'bound':>12}  {'gap':>7}"
        )
        rows += [line for way in found.ways for line in _way(found.wish, way, plan)]
    if found.stopped:
        rows += ["", f"  PARTIAL: stopped with {found.plans} plans made; there may be cheaper ways"]
    rows += _unproved(found) + _open(found) + _short(found)
    return [*rows, "", *_cost(found)]


def data(found: Reached, plan: Plan) -> dict[str, Any]:
    """The same as data: values in requests/s, seconds and joules."""
    wish = found.wish
    return {
        "schema": 1,
        "model": plan.graph.name,
        "target": plan.target.name,
        "quantity": wish.limit.quantity.value,
        "goal": wish.limit.value,
        "now": wish.now,
        "holds": wish.holds,
        "without_change": None
        if found.already is None or found.already.after is None
        else {"objective": wish.objective.value, "value": measured(found.already.after, wish.limit.quantity)},
        "out_of_reach": found.out_of_reach,
        "best_of_all_changes": None if found.farthest is None else _best(wish, found.farthest),
        "ways": [_row(wish, way) for way in found.ways],
        "may_reach": [{"set": _sets(way.changes), "cost_at_least": way.cost} for way in found.open],
        "cannot_alone": [
            {"name": x.parameter.name, "farthest": str(x.change(x.most)), "best": _best(wish, b)}
            for x, b in found.short
        ],
        "prices": list(found.prices),
        "plans_judged": found.plans,
        "stopped": found.stopped,
    }


def _best(wish: Wish, bound: float) -> float | None:
    """What a bound says of the quantity; None where there is no plan at all."""
    return wish.told(bound) if isfinite(bound) else None


def _row(wish: Wish, way: Way) -> dict[str, Any]:
    answer = way.answer
    assert answer is not None
    assert answer.after is not None
    return {
        "set": _sets(way.changes),
        "cost": way.cost,
        "value": measured(answer.after, wish.limit.quantity),
        "bound": None if answer.bound is None else wish.told(answer.bound),
        "gap": answer.gap,
        "found": answer.found,
    }


def _sets(changes: tuple[Change, ...]) -> list[str]:
    return [str(change) for change in changes]


def _goal(wish: Wish) -> str:
    sign = ">=" if wish.limit.quantity is Quantity.THROUGHPUT else "<="
    return (
        f"{wish.limit.quantity.value} {sign} {_value(wish, wish.limit.value)}"
        f" (now {_value(wish, wish.now)}, {times(wish.limit.value / wish.now)} that)"
    )


def _value(wish: Wish, value: float) -> str:
    if wish.limit.quantity is Quantity.THROUGHPUT:
        return f"{si(value, digits=4)} requests/s"
    return si(value, "J" if wish.limit.quantity is Quantity.ENERGY else "s", digits=4)


def _way(wish: Wish, way: Way, plan: Plan) -> list[str]:
    """A line for each figure that is moved; the figures of the plan on the first."""
    answer = way.answer
    assert answer is not None
    assert answer.after is not None
    value = measured(answer.after, wish.limit.quantity) or 0.0
    throughput = wish.limit.quantity is Quantity.THROUGHPUT
    unit = "/s" if throughput else "J" if wish.limit.quantity is Quantity.ENERGY else "s"
    bound = "-" if answer.bound is None else si(wish.told(answer.bound), "" if throughput else unit, 4)
    gap = "-" if answer.gap is None else percent(answer.gap)
    told = f"{way.cost:>7.2f}  {si(value, '' if throughput else unit, 4):>14}  {bound:>12}  {gap:>7}"
    first, *others = [shorten(plain(_moved(lever, steps)), ROOM - 2) for lever, steps in way.moves]
    return [f"  {first:<{ROOM}}{told}", *(f"    with {other}" for other in others)]


def _moved(lever: Lever, steps: int) -> str:
    """A figure, by how much it changes, from what to what."""
    unit = lever.parameter.unit_of_measure
    before = lever.parameter.value
    after = lever.change(steps).of(before, lever.parameter.whole)
    factor = f"x {after / before:.3g}" if after >= before else f"/ {before / after:.3g}"
    if lever.parameter.table:
        return f"{lever.parameter.name} {factor}"
    return f"{lever.parameter.name} {factor}  ({figure(before, unit)} -> {figure(after, unit, 4)})"


def _open(found: Reached) -> list[str]:
    """Those that may: the cheapest ones, and how many are left."""
    if not found.open:
        return []
    head = "  may reach it alone, at this cost or more (by its bounds; a plan was not made, or not good enough)"
    rows = ["", head] + [
        f"  {shorten(plain(_moved(*way.moves[0])), ROOM - 2):<{ROOM}}{way.cost:>7.2f}" for way in found.open[:SHOWN]
    ]
    left = len(found.open) - SHOWN
    return [*rows, f"  and {left} more (--json lists them)"] if left > 0 else rows


def _unproved(found: Reached) -> list[str]:
    """Words where the goal may need no change at all: then a way may be the luck of a search, not of its change."""
    if not 0 < found.bound <= found.wish.cost:
        return []
    best, goal = _value(found.wish, found.wish.told(found.bound)), found.wish.objective.value
    return [
        "",
        f"  the bound of the target as it is, {best}, does not rule the goal out:",
        f"  a longer search (mapper compile ... --objective {goal} --effort max) may reach it without a change",
    ]


def _short(found: Reached) -> list[str]:
    """Those that cannot: the ones that help, the best first, and how many help nothing."""
    if not found.short:
        return []
    wish = found.wish
    helping = sorted(
        ((bound, lever) for lever, bound in found.short if bound < found.bound * (1 - HELPS)),
        key=lambda row: (row[0], row[1].parameter.name),
    )
    many = f"up to {FARTHEST} times as much or as little"
    best = "; the proven best of those that help most" if helping else ""
    rows = ["", f"  cannot reach it alone, by proof, {many}{best}"]
    rows += [
        f"  {shorten(plain(_moved(lever, lever.most)), ROOM - 2):<{ROOM + 25}}{_value(wish, wish.told(bound))}"
        for bound, lever in helping[:SHOWN]
    ]
    left = len(found.short) - min(len(helping), SHOWN)
    return (
        [*rows, f"  {'and ' if helping else ''}{left} that bring {'less or ' if helping else ''}nothing"]
        if left
        else rows
    )


def _cost(found: Reached) -> list[str]:
    """What the costs are made of."""
    rows = [
        "  cost: octaves (factors of 2) that a figure is moved, times its price: 1, or what --price NAME=NUMBER says"
    ]
    if found.prices:
        rows.append(plain(f"  prices: {', '.join(found.prices)}"))
    return rows
