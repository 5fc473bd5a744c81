"""A placement problem as flat arrays that compiled kernels read, and a placement in the making."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mapper.solve.placement import problem as pb

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

OBJECTIVES = ("throughput", "latency", "energy", "edp")


class Arrays(NamedTuple):
    """The problem. Options are numbered through all items: those of item i are first[i] to first[i + 1]. A list of
    lists is two arrays: where each begins (`_at`) and all elements (`_of`). moves_*[size, from, to] are transfers, with
    -1 ticks where no route exists. group: of an item, its cluster, which may have an item in each phase."""

    first: Ints
    phase: Ints
    group: Ints
    place: Ints
    reads: Ints
    ticks: Ints
    machine: Ints
    cost: Ints
    unit: Ints
    load_at: Ints
    load_of: Ints
    load_ticks: Ints
    need_at: Ints
    need_of: Ints
    source: Ints
    origin: Ints
    size: Ints
    net_phase: Ints
    end_at: Ints
    end_of: Ints
    in_at: Ints
    in_of: Ints
    out_at: Ints
    out_of: Ints
    move_ticks: Ints
    move_cost: Ints
    move_at: Ints
    move_of: Ints
    move_load: Ints
    memory: Ints
    bytes: Ints
    capacity: Ints
    tie_at: Ints
    tie_of: Ints
    member_at: Ints
    member_of: Ints
    calls: Ints
    idle: Floats


class Now(NamedTuple):
    """A placement, whole or in part: chosen option of each item (-1: none), loads of resources, users of each resident,
    bytes in memories, how many ends want a net in a place, where it is made, places of each tie, and totals: energy,
    missing routes, ties that lie apart. ready, free and ends are room for the dispatch."""

    choice: Ints
    loads: Ints
    users: Ints
    used: Ints
    wanted: Ints
    made: Ints
    tied: Ints
    apart: Ints
    totals: Ints
    ready: Ints
    free: Ints
    ends: Ints


@dataclass(frozen=True)
class Space:
    """A placement problem, its arrays, and the names of its units and groups.

    A group's items are placed together by moves that speak of clusters; without names each item is its own group and
    an option's unit is its machine, or its place where it has none.
    """

    problem: pb.Problem
    arrays: Arrays
    units: int
    groups: int

    @classmethod
    def of(
        cls,
        problem: pb.Problem,
        groups: Sequence[str] | None = None,
        units: Sequence[Sequence[str]] | None = None,
    ) -> Space:
        """The space of a problem; `groups` names the cluster of each item, `units` the unit of each of its options."""
        named = units or [
            [f"machine {o.machine}" if o.machine >= 0 else f"place {o.place}" for o in item.options]
            for item in problem.items
        ]
        clusters = groups or [str(i) for i in range(len(problem.items))]
        unit_of = {name: k for k, name in enumerate(dict.fromkeys(n for names in named for n in names))}
        group_of = {name: k for k, name in enumerate(dict.fromkeys(clusters))}
        flat_units = [unit_of[n] for names in named for n in names]
        arrays = _arrays(problem, [group_of[c] for c in clusters], flat_units)
        return cls(problem, arrays, len(unit_of), len(group_of))

    def empty(self) -> Now:
        """A placement of nothing: only fixed values travel, to fixed places."""
        problem, a = self.problem, self.arrays
        now = Now(
            np.full(len(problem.items), -1, np.int64),
            _zeros(len(problem.resources)),
            _zeros(len(problem.residents)),
            _zeros(len(problem.memories)),
            np.zeros((len(problem.nets), len(problem.places)), np.int64),
            np.where(a.source < 0, a.origin, -1),
            np.zeros((len(problem.ties) + 1, len(problem.places)), np.int64),
            _zeros(len(problem.ties) + 1),
            _zeros(3),
            _zeros(len(problem.items)),
            np.zeros((len(problem.calls), max([*a.machine.tolist(), 0]) + 1), np.int64),
            _zeros(len(problem.calls)),
        )
        from benchmarks.rivals.move_kernels import begin

        begin(a, now)
        return now

    def solution(self, choice: Ints) -> pb.Solution:
        """A choice by options of all items as one by options of each."""
        return pb.Solution(tuple((choice - self.arrays.first[:-1]).tolist()))

    def flat(self, solution: pb.Solution) -> Ints:
        """A solution as options of all items."""
        found: Ints = np.array(solution.choice, np.int64) + self.arrays.first[:-1]
        return found


def _zeros(count: int) -> Ints:
    return np.zeros(count, np.int64)


def _lists(lists: Iterable[Iterable[int]]) -> tuple[Ints, Ints]:
    """Where each list begins, and all elements."""
    rows = [list(row) for row in lists]
    ends = np.cumsum([0, *(len(row) for row in rows)]).astype(np.int64)
    return ends, np.array([x for row in rows for x in row], np.int64)


def _ints(values: Iterable[int]) -> Ints:
    return np.array(list(values), np.int64)


def _arrays(problem: pb.Problem, groups: Sequence[int], units: Sequence[int]) -> Arrays:
    items, nets = problem.items, problem.nets
    options = [o for item in items for o in item.options]
    load_at, load_of = _lists([r for r, _ in o.loads] for o in options)
    need_at, need_of = _lists(o.needs for o in options)
    end_at, end_of = _lists(sorted(set(n.ends)) for n in nets)
    in_at, in_of = _lists(problem.inputs)
    out_at, out_of = _lists(problem.outputs)
    tie_at, tie_of = _lists([t for t, tie in enumerate(problem.ties) if i in tie] for i in range(len(items)))
    member_at, member_of = _lists([i for i, g in enumerate(groups) if g == k] for k in range(max(groups) + 1))
    return Arrays(
        first=np.cumsum([0, *(len(item.options) for item in items)]).astype(np.int64),
        phase=_ints(item.phase for item in items),
        group=_ints(groups),
        place=_ints(o.place for o in options),
        reads=_ints(o.reads_at for o in options),
        ticks=_ints(o.ticks for o in options),
        machine=_ints(o.machine for o in options),
        cost=_ints(o.cost for o in options),
        unit=_ints(units),
        load_at=load_at,
        load_of=load_of,
        load_ticks=_ints(t for o in options for _, t in o.loads),
        need_at=need_at,
        need_of=need_of,
        source=_ints(n.source for n in nets),
        origin=_ints(n.origin for n in nets),
        size=_ints(n.size for n in nets),
        net_phase=_ints(n.phase for n in nets),
        end_at=end_at,
        end_of=end_of,
        in_at=in_at,
        in_of=in_of,
        out_at=out_at,
        out_of=out_of,
        **_moves(problem),
        memory=_ints(r.memory for r in problem.residents),
        bytes=_ints(r.bytes for r in problem.residents),
        capacity=_ints(problem.capacities),
        tie_at=tie_at,
        tie_of=tie_of,
        member_at=member_at,
        member_of=member_of,
        calls=_ints(problem.calls),
        idle=np.array([problem.idle_pj_per_tick]),
    )


def _moves(problem: pb.Problem) -> dict[str, Any]:
    """The transfers as arrays; staying costs nothing."""
    sizes, places = len(problem.transfers), len(problem.places)
    ticks, cost = np.full((sizes, places, places), -1, np.int64), np.zeros((sizes, places, places), np.int64)
    loads: list[tuple[tuple[int, int], ...]] = [()] * (sizes * places * places)
    for s, table in enumerate(problem.transfers):
        ticks[s, range(places), range(places)] = 0
        for (a, b), transfer in table.items():
            ticks[s, a, b], cost[s, a, b] = transfer.ticks, transfer.cost
            loads[(s * places + a) * places + b] = transfer.loads
    at, of = _lists([r for r, _ in row] for row in loads)
    amounts = _ints(t for row in loads for _, t in row)
    return {"move_ticks": ticks, "move_cost": cost, "move_at": at, "move_of": of, "move_load": amounts}
