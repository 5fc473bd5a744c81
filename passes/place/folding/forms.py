"""Forms: the ways that tasks which lie together could run on a stage, beside those that a pooled solution gave them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from mapper.solve import refilling
from passes.place.translate import Translation

MOST = 4000
"""Combinations of options that are looked at for tasks that lie together; where there are more, only those that some
such tasks have already."""

Row = tuple[tuple[int, ...], tuple[int, ...]]
"""Ticks by resource and bytes by memory that tasks take of their stage."""

Combination = tuple[int, ...]
"""The option of each of some tasks, by number."""


@dataclass(frozen=True)
class Forms:
    """For groups of tasks: the family of each, the form it has, and all forms as a problem; combinations: the options
    that each form stands for."""

    families: tuple[int, ...]
    present: tuple[int, ...]
    combinations: tuple[Combination, ...]
    problem: refilling.Problem


def forms(
    t: Translation,
    choice: Sequence[int],
    groups: Sequence[Sequence[int]],
    taken: Callable[[Sequence[int], Combination], Row],
    row: Callable[[Sequence[int], Combination], Row | None],
    capacities: tuple[int, ...],
    bins: int,
) -> Forms:
    """The forms of groups of tasks (positions in t) that now have these options.

    A family is what groups of equal tasks form. Its forms are what its groups have, and other combinations that divide
    each task in one of the ways that one of its groups has: what values cost on their way then stays about what it is.
    taken: what a group takes with a combination; row: the same, None where a stage does not offer it."""
    keys = [_key(t, group) for group in groups]
    now = [tuple(choice[i] for i in group) for group in groups]
    numbers = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    first = dict(zip(reversed(keys), reversed(groups), strict=True))
    had: dict[object, dict[Combination, None]] = {}
    for key, combination in zip(keys, now, strict=True):
        had.setdefault(key, {})[combination] = None
    family: list[int] = []
    rows: list[Row] = []
    combinations: list[Combination] = []
    place: dict[tuple[int, Combination], int] = {}
    for key, number in numbers.items():
        for combination, found in _useful(t, first[key], [(c, taken(first[key], c)) for c in had[key]], row):
            place[number, combination] = len(family)
            family.append(number)
            rows.append(found)
            combinations.append(combination)
    problem = refilling.Problem(tuple(family), tuple(r for r, _ in rows), tuple(s for _, s in rows), capacities, bins)
    present = tuple(place[numbers[key], combination] for key, combination in zip(keys, now, strict=True))
    return Forms(tuple(numbers[key] for key in keys), present, tuple(combinations), problem)


def _key(t: Translation, group: Sequence[int]) -> tuple[object, ...]:
    """What equal groups of tasks have in common."""
    items = t.problem.items
    position = {i: n for n, i in enumerate(group)}
    ties = tuple(tuple(position[i] for i in tie if i in position) for tie in _ties(t, group))
    return (*((items[i].repeat, items[i].phase, len(items[i].options)) for i in group), ties)


def _ties(t: Translation, group: Sequence[int]) -> list[tuple[int, ...]]:
    """The ties that tasks of a group are in, each once."""
    met = dict.fromkeys(tie for i in group for tie in t.ties_of.get(i, ()))
    return list(met) if len(group) > 1 else []


def _useful(
    t: Translation,
    group: Sequence[int],
    known: Sequence[tuple[Combination, Row]],
    row: Callable[[Sequence[int], Combination], Row | None],
) -> list[tuple[Combination, Row]]:
    """The combinations of a group that are worth a form: those it has, and those that no other is better than."""
    had = [combination for combination, _ in known]
    ways = [{t.meaning[i][c[n]][1].shard for c in had} for n, i in enumerate(group)]
    allowed = [
        [o for o, (_, option) in enumerate(t.meaning[i]) if option.shard in ways[n]] for n, i in enumerate(group)
    ]
    if prod(map(len, allowed)) > MOST:
        return list(known)
    seen, others = {found for _, found in known}, []
    for combination in product(*allowed):
        if combination in had or not _tied(t, group, combination):
            continue
        found = row(group, combination)
        if found is not None and found not in seen:
            seen.add(found)
            others.append((combination, found))
    return [*known, *_undominated(known, others)]


def _tied(t: Translation, group: Sequence[int], combination: Combination) -> bool:
    """Whether tasks that share a state end in one place."""
    place = {i: t.problem.items[i].options[o].place for i, o in zip(group, combination, strict=True)}
    return all(len({place[i] for i in tie if i in place}) == 1 for tie in _ties(t, group))


def _undominated(
    known: Sequence[tuple[Combination, Row]], others: list[tuple[Combination, Row]]
) -> list[tuple[Combination, Row]]:
    """The others of which none, known or other, takes no more of anything."""
    if not others:
        return []
    flat = np.array([(*loads, *sizes) for _, (loads, sizes) in (*known, *others)], dtype=np.int64)
    kept = []
    for n, other in enumerate(others, start=len(known)):
        if not (np.delete(flat, n, axis=0) <= flat[n]).all(axis=1).any():
            kept.append(other)
    return kept
