"""What has to happen when each value has its way: firings with what they take, wait for and hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from mapper.solve.streaming.problem import Group, Held, Load, Node, Place, Problem, Role, Value, Way


@dataclass(slots=True)
class Step:
    """One firing of a node.

    load: cycles of lines at full speed. after: (step, lag) pairs: it starts no earlier than the lag after that end.
    position: how far in the rounds of its group it comes, from 0 to 1.
    """

    place: Place
    firing: int
    load: Load
    after: list[tuple[int, int]]
    position: float

    @property
    def cycles(self) -> int:
        """The fewest cycles it lasts."""
        return max((cycles for _, cycles in self.load), default=0)


@dataclass(frozen=True, slots=True)
class Stay:
    """Bits of stores that are taken from the earliest start of some steps to the latest end of others."""

    held: Held
    begins: tuple[int, ...]
    ends: tuple[int, ...]


@dataclass
class Work:
    """All steps and stays, and where the steps of each node are."""

    steps: list[Step] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    at: dict[Place, list[int]] = field(default_factory=dict)


def expand(problem: Problem, ways: Sequence[Way]) -> Work:
    """The work of a problem whose values go these ways, one for each value, in the order of the groups.

    Within a group a layer waits for the transfers that bring its tiles, round by round; with different numbers of
    rounds, in proportion. Across groups a reader waits for the whole value: how the tiles of two groups lie in it is
    not known.
    """
    work = Work()
    for g, group in enumerate(problem.groups):
        for n in range(len(group.nodes)):
            _add_steps(problem, ways, work, (g, n))
        for n, node in enumerate(group.nodes):
            if node.role is Role.COMPUTE:
                _chain(work, (g, n))
            for p in node.after:
                _wait(work, group, (g, p), (g, n))
    for value, way in zip(problem.values, ways, strict=True):
        _hand_over(problem, work, value, way)
    for g, group in enumerate(problem.groups):
        for n, node in enumerate(group.nodes):
            if node.role is not Role.COMPUTE:
                _stay(problem, ways, work, (g, n))
    return work


def _add_steps(problem: Problem, ways: Sequence[Way], work: Work, place: Place) -> None:
    node, load = problem.node(place), load_of(problem, ways, place)
    work.at[place] = []
    if load is None:
        return
    if node.role is Role.COMPUTE:
        turns = list(range(node.rounds))
    else:
        last = -1 if gathers(problem.groups[place[0]], place[1]) else 0
        turns = [served[last] for served in node.served()]
    for firing, turn in enumerate(turns):
        work.at[place].append(len(work.steps))
        work.steps.append(Step(place, firing, load, [], turn / node.rounds))


def load_of(problem: Problem, ways: Sequence[Way], place: Place) -> Load | None:
    """What a firing of a node takes of lines; None when the value's way does without it."""
    if place not in problem.value_at:
        return problem.node(place).load
    value, reader = problem.value_at[place]
    return ways[value].save if reader < 0 else ways[value].reads[reader]


def gathers(group: Group, position: int) -> bool:
    """Whether a transfer takes away what all rounds that it serves make together, and so waits for the last of them;
    others bring what the rounds that they serve use, and come before the first."""
    node = group.nodes[position]
    return node.role is Role.SAVE or any(group.nodes[p].rounds > node.firings for p in node.after)


def _chain(work: Work, place: Place) -> None:
    """The rounds of a layer run in their order."""
    indices = work.at[place]
    for before, step in pairwise(indices):
        work.steps[step].after.append((before, 0))


def until(index: int, rounds: int, of: int) -> int:
    """The last of `of` rounds that belongs to the rounds up to `index` of `rounds`, in proportion."""
    return -(-(index + 1) * of // rounds) - 1


def since(index: int, rounds: int, of: int) -> int:
    """The first of `of` rounds that belongs to round `index` of `rounds`, in proportion."""
    return index * of // rounds


def used(transfer: Node, layer: Node, index: int) -> list[int]:
    """The firings of a transfer that bring what round `index` of a layer reads."""
    first, last = since(index, layer.rounds, transfer.rounds), until(index, layer.rounds, transfer.rounds)
    return sorted({transfer.firing(r) for r in range(first, last + 1)})


def _wait(work: Work, group: Group, before: Place, place: Place) -> None:
    source, node = group.nodes[before[1]], group.nodes[place[1]]
    if node.role is Role.COMPUTE:
        for index, step in enumerate(work.at[place]):
            work.steps[step].after += [(work.at[before][f], 0) for f in used(source, node, index)]
        return
    lag = group.drain if node.role is Role.SAVE else 0
    last = -1 if gathers(group, place[1]) else 0
    for step, served in zip(work.at[place], node.served() if work.at[place] else (), strict=True):
        work.steps[step].after.append((work.at[before][until(served[last], node.rounds, source.rounds)], lag))


def _hand_over(problem: Problem, work: Work, value: Value, way: Way) -> None:
    """Readers wait for the whole value: for its transfers, or for its makers where it stays with them."""
    ready: list[tuple[int, int]] = []
    if value.maker is not None:
        ready = [(step, 0) for step in work.at[value.maker]]
        if way.save is None:
            ready = [(step, lag + way.lag) for step, lag in _made(problem, work, value.maker)]
    for r, reader in enumerate(value.readers):
        for step in work.at[reader]:
            work.steps[step].after += ready
        if way.lent and r == 0:
            ready = [(step, 0) for step in work.at[reader]]


def _made(problem: Problem, work: Work, maker: Place) -> list[tuple[int, int]]:
    group = problem.groups[maker[0]]
    return [(work.at[maker[0], p][-1], group.drain) for p in group.nodes[maker[1]].after]


def _stay(problem: Problem, ways: Sequence[Way], work: Work, place: Place) -> None:
    """What the tiles of a transfer take where they are made and where they go, and a value where it is put."""
    group, node = problem.groups[place[0]], problem.node(place)
    readers = _readers(work, group, place)
    later: tuple[int, ...] = ()
    placed = False
    if place in problem.value_at:
        v, r = problem.value_at[place]
        value, way = problem.values[v], ways[v]
        placed = way.placed and r >= 0
        rest = tuple(step for reader in value.readers for step in _end(problem, work, reader))
        if r < 0:
            later = rest
            if way.held and work.at[place]:
                work.stays.append(Stay(way.held, tuple(work.at[place]), (*work.at[place], *rest)))
        elif way.lent and r == 0:
            later = rest
    for firing, served in enumerate(node.served()):
        own = tuple(work.at[place][firing : firing + 1])
        if node.source:
            makers = [work.at[place[0], p][since(served[0], node.rounds, group.nodes[p].rounds)] for p in node.after]
            work.stays.append(Stay(node.source, tuple(makers), own or later or tuple(makers)))
        if node.target and own and not placed:
            work.stays.append(Stay(node.target, own, (*own, *readers[firing], *later)))


def _end(problem: Problem, work: Work, reader: Place) -> list[int]:
    """The steps of a reader, and of the layers that work on what it reads."""
    group = problem.groups[reader[0]]
    layers = [(reader[0], n) for n, node in enumerate(group.nodes) if reader[1] in node.after]
    return [*work.at[reader], *(step for place in layers for step in work.at[place])]


def _readers(work: Work, group: Group, place: Place) -> list[list[int]]:
    """For each firing of a transfer the steps of layers that read what it brings."""
    node = group.nodes[place[1]]
    found: list[list[int]] = [[] for _ in range(node.firings)]
    for n, layer in enumerate(group.nodes):
        if place[1] in layer.after:
            for index, step in enumerate(work.at[place[0], n]):
                for firing in used(node, layer, index):
                    found[firing].append(step)
    return found
