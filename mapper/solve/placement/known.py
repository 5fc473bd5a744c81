"""Bounds that were proven of one problem and hold of another, because the other is harder in everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mapper.solve.placement.problem import Item, Option, Problem, Resident

TIMES = ("throughput", "latency")
"""Objectives in which energy does not count."""


@dataclass(frozen=True)
class Proof:
    """A value of the objective, in its problem's ticks or picojoules, that no solution undercuts, and the argument."""

    problem: Problem
    objective: str
    value: float
    name: str


def strongest(proofs: Iterable[Proof], problem: Problem, objective: str) -> Proof | None:
    """The proof with the largest value that holds of a problem: of one that is no harder anywhere."""
    found = [p for p in proofs if p.objective == objective and no_harder(p.problem, problem, objective)]
    return max(found, key=lambda p: p.value, default=None)


def no_harder(easy: Problem, hard: Problem, objective: str = "") -> bool:
    """Whether every solution of `hard` is one of `easy`, at no more time, load, energy or memory in any part; then a
    bound of `easy` is one of `hard`. Energies do not count where neither the objective nor a limit asks for them. Names
    tell what is the same in both."""
    if easy == hard:
        return True
    if objective in TIMES and not easy.limits:
        easy, hard = _timed(easy), _timed(hard)
    same = ("nets", "resources", "memories", "places", "calls", "ties", "limits")
    if any(getattr(easy, f) != getattr(hard, f) for f in same) or easy.idle_pj_per_tick > hard.idle_pj_per_tick:
        return False
    if any(a < b for a, b in zip(easy.capacities, hard.capacities, strict=True)):
        return False
    return (
        len(easy.items) == len(hard.items)
        and len(easy.transfers) == len(hard.transfers)
        and _less_to_keep(easy.residents, hard.residents)
        and _quicker_transfers(easy, hard)
        and _better_items(easy, hard)
    )


def _timed(problem: Problem) -> Problem:
    """The problem without its energies."""
    rows: dict[int, tuple[Option, ...]] = {}  # items of a class share their options
    for item in problem.items:
        if id(item.options) not in rows:
            rows[id(item.options)] = tuple(replace(option, cost=0) for option in item.options)
    return replace(
        problem,
        items=tuple(replace(item, options=rows[id(item.options)]) for item in problem.items),
        transfers=tuple({leg: replace(move, cost=0) for leg, move in t.items()} for t in problem.transfers),
        idle_pj_per_tick=0.0,
    )


def _less_to_keep(easy: Sequence[Resident], hard: Sequence[Resident]) -> bool:
    size = {(r.name, r.memory): r.bytes for r in hard}
    return len(easy) == len(hard) == len(size) and all(r.bytes <= size.get((r.name, r.memory), -1) for r in easy)


def _quicker_transfers(easy: Problem, hard: Problem) -> bool:
    for mine, other in zip(easy.transfers, hard.transfers, strict=True):
        if mine == other:
            continue
        for leg, move in other.items():
            best = mine.get(leg)
            if best is None or best.ticks > move.ticks or best.cost > move.cost or not _less(best.loads, move.loads):
                return False
    return True


def _better_items(easy: Problem, hard: Problem) -> bool:
    names = [{k: (r.name, r.memory) for k, r in enumerate(p.residents)} for p in (easy, hard)]
    same_numbers = names[0] == names[1]
    for mine, other in zip(easy.items, hard.items, strict=True):
        if (mine.name, mine.phase) != (other.name, other.phase):
            return False
        if mine.options == other.options and same_numbers:
            continue
        if not _better_options(mine, other, names[0], names[1]):
            return False
    return True


def _better_options(
    mine: Item, other: Item, names: dict[int, tuple[str, int]], others: dict[int, tuple[str, int]]
) -> bool:
    """Whether each way of the other item is one of mine, at no more."""
    known: dict[tuple[object, ...], list[Option]] = {}
    for option in mine.options:
        known.setdefault(_way(option), []).append(option)
    for option in other.options:
        needs = {others[k] for k in option.needs}
        if not any(
            best.ticks <= option.ticks
            and best.cost <= option.cost
            and _less(best.loads, option.loads)
            and {names[k] for k in best.needs} <= needs
            for best in known.get(_way(option), ())
        ):
            return False
    return True


def _way(option: Option) -> tuple[object, ...]:
    return option.name, option.place, option.takes, option.machine


def _less(a: tuple[tuple[int, int], ...], b: tuple[tuple[int, int], ...]) -> bool:
    """Whether no resource is busier in a than in b."""
    if a == b:
        return True
    most, mine = _sums(b), _sums(a)
    return all(ticks <= most.get(r, 0) for r, ticks in mine.items())


def _sums(loads: tuple[tuple[int, int], ...]) -> dict[int, int]:
    sums: dict[int, int] = {}
    for r, ticks in loads:
        sums[r] = sums.get(r, 0) + ticks
    return sums
