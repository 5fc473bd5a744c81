import itertools

import pytest
from hypothesis import given
from sweeps import examples

from mapper.errors import Infeasible, MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.stages import DeviceClass, Node, Problem, Solution, latency, solve_latency
from mapper.solve.stages.latency_bound import NEVER, divisions
from mapper.solve.stages.latency_search import Search
from tests.solve.stages import oracle
from tests.solve.stages.builders import chain, node, problem

SHORT = Budget(deterministic_seconds=0.05)


def _best(p: Problem) -> int | None:
    """The shortest latency over all assignments."""
    values = []
    for device in itertools.product(range(len(p.devices)), repeat=len(p.nodes)):
        try:
            values.append(latency.verify(p, Solution(device)))
        except MapperError:
            continue
    return min(values, default=None)


def test_calls_follow_each_other_and_pay_their_transfers() -> None:
    p = chain([3, 4, 5], transfer=2)
    assert latency.calls(p, Solution((0, 0, 1))) == [9, 9, 16]


def test_the_host_has_a_core_for_every_node_that_is_ready() -> None:
    p = problem([node("a", 1, 7), node("b", 1, 9), node("c", 1, 2)], [(0, 2), (1, 2)], accelerators=0, cores=1)
    assert latency.verify(p, Solution((0, 0, 0))) == 11


def test_a_call_starts_when_its_last_input_is_there() -> None:
    nodes = [node("a", 1, 7), node("b", 1, 9, transfer=1), node("c", 2, 2), node("d", 2, 2)]
    p = problem(nodes, [(0, 2), (1, 3)], accelerators=1, cores=1)
    assert latency.verify(p, Solution((1, 1, 0, 0))) == 9 + 1 + 4


def test_calls_that_wait_for_each_other_are_refused() -> None:
    p = problem([node("a", 1), node("b", 1), node("c", 1), node("d", 1)], [(0, 1), (2, 3)])
    with pytest.raises(MapperError, match=r"^calls: those of acc0, acc1"):
        latency.verify(p, Solution((0, 1, 1, 0)))


def test_a_call_that_waits_for_the_host_inside_it_is_refused() -> None:
    with pytest.raises(MapperError, match=r"^calls: "):
        latency.verify(chain([1, 1, 1], accelerators=1, cores=1), Solution((0, 1, 0)))


def test_the_rules_of_stages_hold_for_latency_too() -> None:
    with pytest.raises(MapperError, match=r"^memory: "):
        latency.verify(chain([1, 1], memory=1), Solution((0, 0)))


@given(oracle.problems(training=False))
@examples(10, 40)
def test_the_bound_is_below_and_the_solution_above_the_best(p: Problem) -> None:
    try:
        p.check()
    except MapperError:
        return
    expected = _best(p)
    parts = divisions(p)
    if expected is None:
        return
    assert max(part.ticks for part in parts) <= expected
    result = solve_latency(p, SHORT)
    assert result.bound <= expected
    if result.solution is not None:
        assert result.value == latency.verify(p, result.solution) >= expected


@given(oracle.problems(training=False))
@examples(20, 60)
def test_the_compiled_replay_agrees_with_the_definition(p: Problem) -> None:
    try:
        p.check()
    except MapperError:
        return
    search = Search(p)
    for device in itertools.islice(itertools.product(range(len(p.devices)), repeat=len(p.nodes)), 0, None, 7):
        if any(not search.allowed[d, g] for d, g in zip(device, p.group_of, strict=True)):
            continue
        if any(p.devices[d] == 1 and d != search.host for d in device):
            continue
        try:
            expected = max(latency.calls(p, Solution(device)))
        except MapperError:
            expected = 2**62
        assert search.value(device) == expected


def test_what_lies_between_two_nodes_of_a_call_is_in_the_call() -> None:
    nodes = [node("a", 2, 90), node("b", 3, 90), node("c", 5, 90), node("d", 2, 90)]
    p = problem(nodes, [(0, 1), (0, 2), (1, 3), (2, 3)], accelerators=1, cores=1)
    assert max(part.ticks for part in divisions(p)) == 12
    assert solve_latency(p, SHORT).status is Outcome.OPTIMAL


def test_few_accelerators_with_little_memory_force_transfers_into_the_bound() -> None:
    p = chain([1, 1, 1, 1], accelerators=2, memory=2, transfer=3)
    assert max(part.ticks for part in divisions(p)) == 1 + 1 + 3 + 3 + 1 + 1


def test_a_path_that_fits_nowhere_is_infeasible() -> None:
    p = chain([1, 1, 1, 1], accelerators=1, memory=2)
    assert max(part.ticks for part in divisions(p)) >= NEVER
    with pytest.raises(Infeasible, match="4 bytes"):
        solve_latency(p, SHORT)


def test_the_same_budget_gives_the_same_calls() -> None:
    p = chain([3, 1, 4, 1, 5, 9, 2, 6], accelerators=3, cores=1, memory=3, transfer=2)
    assert solve_latency(p, Budget(0.5, seed=1)) == solve_latency(p, Budget(0.5, seed=1))


def test_the_bound_takes_the_quickest_of_several_hosts() -> None:
    hosts = (DeviceClass("slow", 1, None, transfers=False), DeviceClass("quick", 1, None, transfers=False))
    p = Problem((Node("a", (9, 4)),), (), hosts)
    assert max(d.ticks for d in divisions(p)) == 4 == latency.verify(p, Solution((1,)))
