"""Flexible makespan: modes, transfers and streams against a brute-force oracle; each rule is broken once."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.errors import Infeasible, MapperError
from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.makespan import Resource
from mapper.solve.makespan.dispatch import dispatch
from mapper.solve.makespan.flexible import Edge, Mode, Problem, Solution, Task, Transfer, solve, verify
from mapper.solve.makespan.flexible.bound import bound, priced_load
from mapper.solve.makespan.flexible.fixed import fixed, unfixed
from mapper.solve.makespan.flexible.listing import heft, peft
from mapper.solve.makespan.flexible.problem import FORBIDDEN
from mapper.solve.makespan.flexible.sampling import sample
from mapper.solve.makespan.flexible.shop import Shop, improve, is_shop

SMALL = Budget(deterministic_seconds=2.0)
CPU, GPU, LINK = Resource("cpu0", 1), Resource("gpu0", 1), Resource("link0", 1)
RESOURCES = (CPU, GPU, LINK, Resource("ports", 3))


def task(name: str, cpu: int, gpu: int) -> Task:
    """A task that runs on the CPU (place 0) or on the GPU (place 1)."""
    return Task(name, (Mode("cpu", cpu, ((0, 1),), 0), Mode("gpu", gpu, ((1, 1),), 1)))


def link(ticks: int) -> dict[tuple[int, int], Transfer]:
    """Transfers between the two places over the link."""
    return {(0, 1): Transfer(ticks, ((2, 1),)), (1, 0): Transfer(ticks, ((2, 1),))}


@st.composite
def problems(draw: st.DrawFn, shop: bool = False) -> Problem:
    """Small problems on two machines, a link and a resource of capacity 3; as job shops nothing travels."""
    count = draw(st.integers(1, 4))
    tasks, edges = [], []
    for i in range(count):
        modes = []
        for m in range(draw(st.integers(1, 2))):
            ticks = draw(st.integers(1, 5)) if shop else draw(st.integers(0, 5))
            demands = [[(m, 1)]] if shop else [[(m, 1)], [(m, 1), (3, 2)], [(3, 2)], []]
            modes.append(Mode(str(m), ticks, tuple(draw(st.sampled_from(demands))), m))
        tasks.append(Task(f"t{i}", tuple(modes)))
        for p in sorted(draw(st.sets(st.integers(0, i - 1), max_size=2))) if i else ():
            size = None if shop else draw(st.sampled_from([None, 0]))
            edges.append(Edge(p, i, size, 1 if shop else draw(st.sampled_from([1, 2, 3]))))
    return Problem(tuple(tasks), tuple(edges), RESOURCES, (link(draw(st.integers(0, 3))),))


def shortest(problem: Problem) -> int:
    """The optimum: every choice of modes, every order of tasks and transfers, each at its earliest tick."""
    return min(_shortest(problem, modes) for modes in itertools.product(*(range(len(t.modes)) for t in problem.tasks)))


def _shortest(problem: Problem, modes: tuple[int, ...]) -> int:
    chosen: list[Mode | Transfer] = [t.modes[m] for t, m in zip(problem.tasks, modes, strict=True)]
    before: list[list[tuple[int, int]]] = [[] for _ in chosen]
    for edge in problem.edges:
        a, b = problem.tasks[edge.source].modes[modes[edge.source]], problem.tasks[edge.sink].modes[modes[edge.sink]]
        if edge.size is None or a.place == b.place:
            before[edge.sink].append((edge.source, edge.tiles))
        else:
            before.append([(edge.source, edge.tiles)])
            before[edge.sink].append((len(chosen), edge.tiles))
            chosen.append(problem.transfers[edge.size][a.place, b.place])
    best = 10**9
    for order in itertools.permutations(range(len(chosen))):
        rank = {i: k for k, i in enumerate(order)}
        if any(rank[p] > rank[i] for i in range(len(chosen)) for p, _ in before[i]):
            continue
        used: dict[tuple[int, int], int] = {}
        starts = [0] * len(chosen)
        for i in order:
            work = chosen[i]
            start = 0
            while not _allowed(problem, chosen, before[i], starts, used, work, start):
                start += 1
            starts[i] = start
            for r, amount in work.demands:
                for t in range(start, start + work.ticks):
                    used[r, t] = used.get((r, t), 0) + amount
        best = min(best, max(s + w.ticks for s, w in zip(starts, chosen, strict=True)))
    return best


def _allowed(
    problem: Problem,
    chosen: list[Mode | Transfer],
    before: list[tuple[int, int]],
    starts: list[int],
    used: dict[tuple[int, int], int],
    work: Mode | Transfer,
    start: int,
) -> bool:
    for p, tiles in before:
        first, last = -(-chosen[p].ticks // tiles), -(-work.ticks // tiles)
        if start < starts[p] + first or start + work.ticks < starts[p] + chosen[p].ticks + last:
            return False
    return all(
        used.get((r, t), 0) + amount <= problem.resources[r].capacity
        for r, amount in work.demands
        for t in range(start, start + work.ticks)
    )


@examples(8, 25)
@given(problems())
def test_the_solver_finds_and_proves_the_brute_force_optimum(problem: Problem) -> None:
    result = solve(problem, SMALL)
    verify(problem, result.solution)
    assert result.value == result.bound == shortest(problem)


@given(problems(), st.lists(st.integers(0, 9), min_size=4, max_size=4))
@examples(25, 80)
def test_bounds_are_at_most_the_optimum_and_list_schedules_are_valid(problem: Problem, prices: list[int]) -> None:
    problem.check()
    optimum = shortest(problem)
    assert bound(problem)[0] <= optimum
    assert priced_load(problem, prices, [0] * len(problem.tasks), [0] * len(problem.tasks)) <= optimum
    for found in (heft(problem), peft(problem)):
        assert found is not None
        verify(problem, found)
        assert found.makespan >= optimum


@given(problems(), st.randoms(use_true_random=False))
@examples(25, 80)
def test_a_choice_of_modes_leaves_a_problem_whose_schedules_are_valid(problem: Problem, source: random.Random) -> None:
    modes = [source.randrange(len(t.modes)) for t in problem.tasks]
    single, moved = fixed(problem, modes)
    single.check()
    verify(problem, unfixed(problem, modes, moved, dispatch(single)))


@given(problems(shop=True))
@examples(8, 25)
def test_local_search_reaches_the_optimum_of_small_shops(problem: Problem) -> None:
    def judge(solution: Solution) -> int:
        verify(problem, solution)
        return solution.makespan

    assert is_shop(problem)
    budget = Budget(deterministic_seconds=0.05)
    incumbent = Incumbent(judge, budget)
    first = heft(problem)
    assert first is not None
    incumbent.offer(first, "heft")
    improve(problem, incumbent, budget)
    assert incumbent.value == shortest(problem)


@given(problems())
@examples(8, 25)
def test_disturbed_list_schedules_are_valid_and_never_worse(problem: Problem) -> None:
    def judge(solution: Solution) -> int:
        verify(problem, solution)
        return solution.makespan

    budget = Budget(deterministic_seconds=0.005)
    incumbent = Incumbent(judge, budget)
    first = heft(problem)
    assert first is not None
    incumbent.offer(first, "heft")
    sample(problem, incumbent, budget)
    assert shortest(problem) <= incumbent.value <= first.makespan


def test_a_state_of_a_shop_gives_its_schedule_back() -> None:
    problem = Problem((task("a", 3, 2), task("b", 2, 5), task("c", 4, 4)), (Edge(0, 1), Edge(0, 2)), RESOURCES)
    first = heft(problem)
    assert first is not None
    shop = Shop(problem)
    mode, _, lead, _, _ = shop.state(first)
    again = shop.solution(mode, lead)
    verify(problem, again)
    assert again.makespan <= first.makespan


def test_what_travels_streams_or_shares_is_no_shop() -> None:
    two = (task("a", 3, 2), task("b", 2, 5))
    assert is_shop(Problem(two, (Edge(0, 1),), RESOURCES))
    assert not is_shop(Problem(two, (Edge(0, 1, size=0),), RESOURCES, (link(1),)))
    assert not is_shop(Problem(two, (Edge(0, 1, tiles=2),), RESOURCES))
    assert not is_shop(Problem((Task("a", (Mode("m", 2, ((3, 1),)),)),), (), RESOURCES))


def test_a_task_stays_where_its_input_is_when_the_link_is_slow() -> None:
    pair = (task("a", 4, 9), task("b", 5, 3))
    slow = solve(Problem(pair, (Edge(0, 1, 0),), RESOURCES, (link(3),)), SMALL)
    fast = solve(Problem(pair, (Edge(0, 1, 0),), RESOURCES, (link(1),)), SMALL)
    assert (slow.value, slow.solution.moves) == (9, {})
    assert (fast.value, fast.solution.moves) == (8, {0: 4})


def test_a_chain_that_streams_takes_a_tile_time_for_each_stage_more() -> None:
    stages = tuple(Task(f"s{k}", (Mode("m", 12, ((k, 1),)),)) for k in range(3))
    result = solve(Problem(stages, (Edge(0, 1, tiles=4), Edge(1, 2, tiles=4)), RESOURCES), SMALL)
    assert result.value == 3 * (4 + 3 - 1)  # tiles of 3 ticks: n + k - 1 of them


GOOD = Problem((task("a", 4, 2), task("b", 4, 2)), (Edge(0, 1, 0),), RESOURCES, (link(3),))
RIGHT = Solution((0, 1), (0, 7), 9, {0: 4})


@pytest.mark.parametrize(
    ("solution", "message"),
    [
        (replace(RIGHT, mode=(0,)), "mode: 1 modes and 2 starts for 2 tasks"),
        (replace(RIGHT, mode=(0, 2)), "mode: task 'b' cannot take mode 2 of 2"),
        (replace(RIGHT, start=(-1, 7)), "mode: task 'a' starts at -1"),
        (replace(RIGHT, moves={}), "moves: from 'a' to 'b': a transfer is missing"),
        (replace(RIGHT, mode=(1, 1)), "moves: from 'a' to 'b': a transfer is scheduled and not needed"),
        (replace(RIGHT, start=(0, 6)), "stages: from 'transfer to b'"),
        (replace(RIGHT, moves={0: 3}), "stages: from 'a'"),
        (replace(RIGHT, makespan=8), "makespan: 8 said, the last end is 9"),
    ],
)
def test_each_broken_rule_is_named(solution: Solution, message: str) -> None:
    verify(GOOD, RIGHT)
    with pytest.raises(MapperError, match=message):
        verify(GOOD, solution)


def test_two_tasks_on_a_machine_at_once_break_its_capacity() -> None:
    apart = Problem((task("a", 4, 2), task("b", 4, 2)), (), RESOURCES)
    with pytest.raises(MapperError, match="capacity: resource 'cpu0' at tick 3: demand 2, capacity 1"):
        verify(apart, Solution((0, 0), (0, 3), 7))


ONE = (task("a", 1, 1),)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (Problem((task("a", 1, 1), task("b", 1, 1)), (Edge(0, 1), Edge(1, 0)), RESOURCES), "cycle: 'a' -> 'b' -> 'a'"),
        (Problem((Task("a", ()),), (), RESOURCES), "task 'a' has no mode"),
        (Problem((task("a", -1, 1),), (), RESOURCES), "task 'a', mode 'cpu' has negative ticks -1"),
        (Problem((Task("a", (Mode("m", 1, ((0, 2),)),)),), (), RESOURCES), "wants 2 of 'cpu0', which has 1"),
        (Problem((Task("a", (Mode("m", FORBIDDEN, ()),)),), (), RESOURCES), "mode 'm' is forbidden"),
        (Problem((Task("a", (Mode("m", 1, ((9, 1),)),)),), (), RESOURCES), "demands index 9, which is not among 4"),
        (Problem((Task("a", (Mode("m", 1, ((0, -1),)),)),), (), RESOURCES), "negative demand -1 of 'cpu0'"),
        (Problem((Task("a", (Mode("m", 1, ((0, 1), (0, 1))),)),), (), RESOURCES), "names a resource twice"),
        (Problem(ONE, (Edge(0, 5),), RESOURCES), "index 5, which is not among 1"),
        (Problem(ONE, (Edge(0, 0, tiles=0),), RESOURCES), "from 'a' to 'a' has 0 tiles"),
        (Problem(ONE, (Edge(0, 0, size=0),), RESOURCES), "has size 0, which is not among 0"),
        (Problem(ONE, (), (Resource("cpu0", -1), GPU)), "resource 'cpu0' has negative capacity -1"),
        (Problem(tuple(task(f"t{k}", 2**59, 1) for k in range(3)), (), RESOURCES), "beyond"),
        (
            Problem(ONE, (), RESOURCES, ({(0, 1): Transfer(1, ((2, 9),))},)),
            "transfer from place 0 to 1 wants 9 of 'link0', which has 1",
        ),
    ],
)
def test_a_malformed_problem_is_refused(problem: Problem, message: str) -> None:
    with pytest.raises(MapperError, match=message):
        solve(problem, SMALL)


def test_an_edge_that_no_route_can_serve_is_named() -> None:
    ends = (Task("a", (Mode("m", 1, (), 0),)), Task("b", (Mode("m", 1, (), 1),)))
    with pytest.raises(MapperError, match="edge from 'a' to 'b': no mode of the one can reach a mode of the other"):
        solve(Problem(ends, (Edge(0, 1, 0),), RESOURCES, ({},)), SMALL)


def test_routes_that_exist_only_one_by_one_are_infeasible() -> None:
    both = (Mode("x", 1, (), 0), Mode("y", 1, (), 1))
    ends = (Task("a", (both[0],)), Task("b", both), Task("c", (both[1],)))
    with pytest.raises(Infeasible, match="no choice of modes"):
        solve(Problem(ends, (Edge(0, 1, 0), Edge(1, 2, 0)), RESOURCES, ({},)), SMALL)


def test_an_empty_problem_ends_at_once() -> None:
    result = solve(Problem((), (), RESOURCES), SMALL)
    assert (result.value, result.bound) == (0, 0)


def test_a_slow_mode_that_spares_a_transfer_is_not_above_the_bound() -> None:
    quick, slow = Mode("quick", 1, ((0, 10),), 0), Mode("slow", 50, ((0, 1),), 1)
    tasks = (*(Task(f"t{i}", (quick, slow)) for i in range(10)), Task("sink", (Mode("sink", 1, (), 1),)))
    edges = tuple(Edge(i, 10, 0) for i in range(10))
    problem = Problem(tasks, edges, (Resource("bandwidth", 10),), ({(0, 1): Transfer(100)},))
    result = solve(problem, SMALL)
    assert (result.value, result.bound) == (51, 51)


def test_a_capacity_beyond_64_bits_is_refused() -> None:
    with pytest.raises(MapperError, match=f"resource 'R' has capacity {2**64}, beyond"):
        solve(Problem((), (), (Resource("R", 2**64),)), SMALL)


def test_a_transfer_of_forbidden_ticks_is_no_route() -> None:
    source = Task("source", (Mode("far", 1, (), 0), Mode("near", 5, (), 1)))
    sink = Task("sink", (Mode("sink", 1, (), 1),))
    far = {(0, 1): Transfer(FORBIDDEN)}
    assert solve(Problem((source, sink), (Edge(0, 1, 0),), (), (far,)), SMALL).value == 6
    only = replace(source, modes=source.modes[:1])
    with pytest.raises(MapperError, match="edge from 'source' to 'sink': no mode of the one can reach"):
        solve(Problem((only, sink), (Edge(0, 1, 0),), (), (far,)), SMALL)
