"""Phases placed one after the other: a baseline that placing them together never loses to."""

from dataclasses import replace

import pytest
from placement_builders import tiny
from placement_oracle import best
from sweeps import sweep

from mapper.errors import Infeasible
from mapper.solve.budget import Budget
from mapper.solve.placement import problem as pb
from mapper.solve.placement.by_phase import by_phase
from mapper.solve.placement.driver import solve


def _budget() -> Budget:
    return Budget(0.3)


def _first_only(problem: pb.Problem) -> pb.Problem:
    """The first phase that has items, alone."""
    first = min(item.phase for item in problem.items)
    kept = [i for i, item in enumerate(problem.items) if item.phase == first]
    number = {i: k for k, i in enumerate(kept)}
    return replace(
        problem,
        items=tuple(problem.items[i] for i in kept),
        nets=tuple(
            replace(n, source=number.get(n.source, -1), sinks=tuple(number[s] for s in n.sinks))
            for n in problem.nets
            if n.phase == first
        ),
        ties=tuple(t for t in (tuple(number[i] for i in tie if i in number) for tie in problem.ties) if len(t) > 1),
    )


@pytest.mark.parametrize("seed", sweep(range(40), 15))
def test_the_first_phase_is_as_good_as_it_can_be_alone(seed: int) -> None:
    problem = tiny(seed)
    try:
        found = by_phase(problem, "throughput", _budget())
    except Infeasible:
        return
    pb.verify(problem, found)
    alone = _first_only(problem)
    first = min(item.phase for item in problem.items)
    mine = pb.Solution(tuple(o for item, o in zip(problem.items, found.choice, strict=True) if item.phase == first))
    least = best(alone, ("throughput",))
    assert least is not None
    assert pb.objective(alone, pb.totals(alone, mine), "throughput") == least["throughput"]


@pytest.mark.parametrize("seed", sweep(range(20), 8))
def test_all_phases_together_are_never_worse(seed: int) -> None:
    problem = tiny(seed)
    try:
        apart = by_phase(problem, "throughput", _budget())
    except Infeasible:
        return
    together = solve(problem, "throughput", _budget(), [apart]).value
    assert together <= pb.objective(problem, pb.totals(problem, apart), "throughput")


def _two_phases(capacity: int) -> pb.Problem:
    """Two phases with one weight each; memory 0 is quick and holds one of them, memory 1 is slow for the second."""
    quick = [pb.Option(f"quick{k}", 0, 10, 0, ((0, 10),), 0, (k,)) for k in range(2)]
    slow = [pb.Option("slow0", 1, 11, 1, ((1, 11),), 0, (2,)), pb.Option("slow1", 1, 90, 1, ((1, 90),), 0, (3,))]
    items = tuple(pb.Item(f"i{k}", f"r{k}", k, (quick[k], slow[k])) for k in range(2))
    residents = tuple(pb.Resident(f"w{k}", k // 2, 8) for k in range(4))
    routes = {(a, b): pb.Transfer(0, (), 0) for a in range(2) for b in range(2) if a != b}
    return pb.Problem(
        items, (), (routes,), residents, ("fast", "slow"), ("m0", "m1"), (capacity, 64), ("a", "b"), (1, 1)
    )


def test_what_the_first_phase_takes_is_gone_for_the_next() -> None:
    problem = _two_phases(8)
    apart = by_phase(problem, "throughput", _budget())
    assert apart.choice == (0, 1)
    assert pb.totals(problem, apart).interval == 90
    assert solve(problem, "throughput", _budget()).value == 11


def test_where_there_is_room_for_both_each_gets_its_best() -> None:
    assert by_phase(_two_phases(16), "latency", _budget()).choice == (0, 0)
