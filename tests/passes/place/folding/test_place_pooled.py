"""The pooled relaxation: no placement on any of the arrangements it stands for is below its bound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples
from tiny_machines import Abacus, Loom, layers, machine, prepared, sketch

from mapper.errors import MapperError
from mapper.hw.target import Target
from mapper.hw.teams import arranged, arrangements
from mapper.ir.graph import Graph, Phase
from mapper.ir.plan import Objective, Plan
from mapper.pipeline.pass_ import Context, Effort
from mapper.solve.placement import problem as pb
from passes.place.bounds import scale
from passes.place.folding.pooled import Pooled, on_target, pools, stands_for
from passes.place.translate import translate

QUICK = Context(effort=Effort.QUICK)
MOST = 3000


def farm(units: int, ticks: int = 100_000, room: int = 1 << 20, link: float = 1e9) -> Target:
    """Equal units with a memory each."""
    return machine(*[Abacus(ticks_per_element=ticks)] * units, capacities=[room] * units, link=link)


def fork() -> Graph:
    """Two products of one input and their sum."""
    return sketch("a = matmul(x, w0)", "b = matmul(x, w1)", "c = add(a, b)", "d = matmul(c, w2)")


def values(plan: Plan) -> Iterator[float]:
    """The objective of every placement that keeps the rules, up to some, in SI units."""
    problem = translate(plan).problem
    choices = product(*(range(len(item.options)) for item in problem.items))
    for choice in islice(choices, MOST):
        solution = pb.Solution(choice)
        try:
            pb.verify(problem, solution)
        except MapperError:
            continue
        total = pb.objective(problem, pb.totals(problem, solution), plan.objective.value)
        yield total * scale(plan)


@examples(5, 12)
@given(
    st.sampled_from([layers(2), layers(3), fork()]),
    st.integers(2, 4),
    st.sampled_from([1000, 90_001]),
    st.sampled_from([1e9, 3e6]),
    st.sampled_from([Objective.THROUGHPUT, Objective.LATENCY, Objective.ENERGY, Objective.EDP]),
)
def test_no_placement_undercuts_the_bound_of_its_pool(
    graph: Graph, units: int, ticks: int, link: float, objective: Objective
) -> None:
    plan = replace(prepared(farm(units, ticks, link=link), graph, (Phase("p", (), 2),)), objective=objective)
    bound = Pooled.of(plan, 1, QUICK).bound(QUICK.budget())
    for way in arrangements(plan.target):
        if way.ranks == 1:
            least = min(values(on_target(plan, arranged(plan.target, way), QUICK)))
            assert bound.value <= least * (1 + 1e-9), way


def lopsided(unit: type[Abacus], wide: float, narrow: float) -> Target:
    """Three equal units and a host, which a wide link joins to the first of them and narrow links to the others."""
    target = machine(*[unit(ticks_per_element=1000)] * 3, unit(ticks_per_element=200_000), capacities=[1 << 20] * 4)
    links = [replace(k, bandwidth_bytes_per_s=narrow) for k in target.links]
    links.append(replace(links[0], name="wide", a="u3", b="u0", bandwidth_bytes_per_s=wide))
    return replace(target, links=tuple(links), io="u3.mem")


PHASES = (Phase("p", (), 1), Phase("d", (), 3))


@pytest.mark.parametrize("unit", [Abacus, Loom])
@pytest.mark.parametrize("phases", [PHASES[:1], PHASES])
@pytest.mark.parametrize("objective", [Objective.THROUGHPUT, Objective.LATENCY])
def test_no_placement_undercuts_the_bound_where_links_differ_and_weights_sit_in_arrays(
    unit: type[Abacus], phases: tuple[Phase, ...], objective: Objective
) -> None:
    plan = replace(prepared(lopsided(unit, 5e9, 4e6), layers(2), phases), objective=objective)
    for pool in pools(plan, QUICK):
        bound = pool.bound(QUICK.budget())
        for way in arrangements(plan.target):
            if stands_for(plan, pool.arrangement, way):
                least = min(values(on_target(plan, arranged(plan.target, way), QUICK)))
                assert bound.value <= least * (1 + 1e-9), way
                assert pool.quick(QUICK.budget()).value <= least * (1 + 1e-9), way


def in_a_row(*widths: float, hub: float = 0.0) -> Target:
    """Equal units in a row, each linked to the next by so many bytes/s; with a hub all to a slow host where values
    begin and end, else these are at the first unit."""
    units = [Abacus(ticks_per_element=90_001)] * (len(widths) + 1) + [Abacus(ticks_per_element=900_000)] * (hub > 0)
    target = machine(*units, capacities=[1 << 20] * len(units))
    ends = [(f"u{i}", f"u{i + 1}", width) for i, width in enumerate(widths)]
    ends += [(target.units[-1].name, f"u{i}", hub) for i in range(len(widths) + 1) if hub]
    links = [replace(target.links[0], name=f"{a}{b}", a=a, b=b, bandwidth_bytes_per_s=width) for a, b, width in ends]
    return replace(target, links=tuple(links), io=target.memories[-1 if hub else 0].name)


def one_row() -> Graph:
    """Two products of a single row, which ranks can divide by columns only: they must exchange."""
    return sketch("a = matmul(x, w0)", "b = matmul(a, w1)", shape=(1, 8))


@pytest.mark.parametrize(
    ("target", "graph"),
    [(in_a_row(3e6, 3e6, 1e9, hub=1e8), one_row()), (in_a_row(1e7, 1e9, 1e7), layers(2))],
    ids=["the last set is linked best", "other stages are nearer than peers"],
)
@pytest.mark.parametrize("objective", [Objective.THROUGHPUT, Objective.LATENCY, Objective.ENERGY])
def test_no_placement_undercuts_the_bound_of_ranks_that_exchange(
    target: Target, graph: Graph, objective: Objective
) -> None:
    plan = replace(prepared(target, graph), objective=objective)
    for ranks in sorted({way.ranks for way in arrangements(target)}):
        pool = Pooled.of(plan, ranks, QUICK)
        bound = max(pool.bound(QUICK.budget()).value, pool.quick(QUICK.budget()).value)
        for way in (way for way in arrangements(target) if way.ranks == ranks):
            least = min(values(on_target(plan, arranged(target, way), QUICK)))
            assert bound <= least * (1 + 1e-9), way


@examples(5, 12)
@given(
    st.sampled_from([layers(2), layers(3), fork()]),
    st.integers(1, 4),
    st.sampled_from([1000, 90_001]),
    st.sampled_from([1e9, 3e6]),
    st.sampled_from([1 << 20, 3000, 1500, 800, 400]),
    st.sampled_from([Objective.THROUGHPUT, Objective.LATENCY, Objective.ENERGY, Objective.EDP]),
)
def test_no_placement_undercuts_the_bound_of_classes(
    graph: Graph, units: int, ticks: int, link: float, room: int, objective: Objective
) -> None:
    plan = replace(prepared(farm(units, ticks, room, link), graph, (Phase("p", (), 2),)), objective=objective)
    for ranks in {way.ranks for way in arrangements(plan.target)}:
        pool = Pooled.of(plan, ranks, QUICK)
        quick = pool.quick(QUICK.budget())
        assert quick.value <= min(values(pool.plan), default=math.inf) * (1 + 1e-9)


@pytest.mark.parametrize("graph", [layers(2), layers(3), fork()])
@pytest.mark.parametrize("room", [200, 270, 400, 1 << 20])
@pytest.mark.parametrize("objective", [Objective.THROUGHPUT, Objective.ENERGY, Objective.EDP])
def test_the_bound_of_classes_knows_which_weights_fit(graph: Graph, room: int, objective: Objective) -> None:
    units = (Abacus(ticks_per_element=1000), Abacus(ticks_per_element=50_000))
    target = machine(*units, capacities=[room, 1 << 20], link=1e9)
    plan = replace(prepared(target, graph, (Phase("p", (), 2), Phase("q", (), 3))), objective=objective)
    quick = Pooled.of(plan, 1, QUICK).quick(QUICK.budget())
    assert quick.value <= min(values(plan)) * (1 + 1e-9)


def test_no_placement_undercuts_the_bound_where_copies_and_phases_have_arrays_of_their_own() -> None:
    # copies of a chip compute with the weights in each one's arrays, and two phases at once where each has a stage
    looms = [Loom(ticks_per_element=90_001, copies=2)] * 3
    target = machine(*looms, Abacus(ticks_per_element=200_000), capacities=[2048] * 3, link=1e9)
    plan = prepared(replace(target, io="u3.mem"), layers(2), PHASES)
    for pool in pools(plan, QUICK):
        bound = pool.bound(QUICK.budget()).value
        for way in arrangements(plan.target):
            if stands_for(plan, pool.arrangement, way):
                assert bound <= min(values(on_target(plan, arranged(plan.target, way), QUICK))) * (1 + 1e-9), way


def test_the_bound_says_that_it_is_of_the_pool() -> None:
    plan = prepared(farm(4), layers(4))
    bound = Pooled.of(plan, 1, QUICK).bound(QUICK.budget())
    assert bound.name.startswith("pooled ")
    assert bound.value == pytest.approx(32 * 100_000 * 1e-12, rel=1e-5)


def test_a_pool_holds_what_its_members_hold_together() -> None:
    # a weight takes 128 bytes: two units of 350 bytes hold three of them, beside room for the values
    plan = prepared(farm(2, room=350), layers(3))
    pool = Pooled.of(plan, 1, QUICK).t.problem
    pb.verify(pool, pb.Solution((0,) * len(pool.items)))
