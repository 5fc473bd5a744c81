"""Classes of a placement problem: items, private resources and residents that no table can tell apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from mapper.solve.placement.problem import Problem
from mapper.solve.placement.tables import Tables


@dataclass(frozen=True)
class Classes:
    """An equitable partition by colour refinement: every item of a class meets the same classes of resources,
    residents and ties, option by option. Sums of rows over a class then hold for the sums of its variables.

    item, resource, resident: the class of each. items[c]: the members, in order.
    """

    item: tuple[int, ...]
    resource: tuple[int, ...]
    resident: tuple[int, ...]
    items: tuple[tuple[int, ...], ...]


def classify(tables: Tables) -> Classes:
    """The coarsest such partition that respects phases and `repeat`."""
    problem = tables.problem
    shared = set(tables.shared.tolist())
    item = _numbered([_face(problem, i, shared) for i in range(len(problem.items))])
    resource = list(range(len(problem.resources)))
    resident = [0] * len(problem.residents)
    while True:
        resource = _numbered(_resources(problem, item, shared))
        resident = _numbered(_residents(problem, item))
        refined = _numbered(_items(problem, item, resource, resident))
        if len(set(refined)) == len(set(item)):
            break
        item = refined
    members: list[list[int]] = [[] for _ in range(len(set(item)))]
    for i, c in enumerate(item):
        members[c].append(i)
    return Classes(tuple(item), tuple(resource), tuple(resident), tuple(map(tuple, members)))


def _numbered(keys: Sequence[Hashable]) -> list[int]:
    number: dict[Hashable, int] = {}
    return [number.setdefault(key, len(number)) for key in keys]


def _face(problem: Problem, i: int, shared: set[int]) -> Hashable:
    """What can be seen of an item without following private resources and residents."""
    item = problem.items[i]
    rows = tuple(
        (
            o.place,
            o.reads_at,
            o.ticks,
            o.machine if o.machine < 0 or o.machine in shared else -2,
            o.cost,
            tuple(sorted(x for x in o.loads if x[0] in shared)),
        )
        for o in item.options
    )
    return (item.repeat, item.phase, rows)


def _resources(problem: Problem, item: Sequence[int], shared: set[int]) -> list[Hashable]:
    users: list[Counter[tuple[int, int, int]]] = [Counter() for _ in problem.resources]
    for i, one in enumerate(problem.items):
        for o, option in enumerate(one.options):
            for r, ticks in option.loads:
                if r not in shared:
                    users[r][item[i], o, ticks] += 1
    return [("shared", r) if r in shared else tuple(sorted(u.items())) for r, u in enumerate(users)]


def _residents(problem: Problem, item: Sequence[int]) -> list[Hashable]:
    users: list[Counter[tuple[int, int]]] = [Counter() for _ in problem.residents]
    for i, one in enumerate(problem.items):
        for o, option in enumerate(one.options):
            for k in set(option.needs):
                users[k][item[i], o] += 1
        for k in {k for o in one.options for k in o.needs}:
            users[k][item[i], -1] += 1
    return [(r.memory, r.bytes, tuple(sorted(users[k].items()))) for k, r in enumerate(problem.residents)]


def _items(problem: Problem, item: Sequence[int], resource: Sequence[int], resident: Sequence[int]) -> list[Hashable]:
    ties: list[list[tuple[int, ...]]] = [[] for _ in item]
    for tie in problem.ties:
        colour = tuple(sorted(item[i] for i in tie))
        for i in tie:
            ties[i].append(colour)
    keys: list[Hashable] = []
    for i, one in enumerate(problem.items):
        rows = tuple(
            (
                tuple(sorted((resource[r], t) for r, t in o.loads)),
                tuple(sorted(resident[k] for k in set(o.needs))),
            )
            for o in one.options
        )
        uses = Counter(k for o in one.options for k in set(o.needs))
        links = tuple(sorted((resident[k], many) for k, many in uses.items()))
        keys.append((item[i], rows, links, tuple(sorted(ties[i]))))
    return keys
