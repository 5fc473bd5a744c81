"""Where the change of a total comes from: parts that add up, and the right causes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from diff_pairs import between, judged

from mapper.cost.judge import Verdict
from mapper.ir.plan import Objective
from mapper.report.bands import critical_legs
from mapper.report.diff.causes import Cause
from mapper.report.diff.decompose import Decomposition, decompose
from mapper.report.diff.difference import difference

QUICK = [
    ("greedy", "round-robin"),
    ("round-robin", "greedy"),
    ("greedy", "swapped"),
    ("greedy", "slow link"),
    ("batch", "round-robin"),
]
SLOW = [
    ("greedy", "more calls"),
    ("heft", "round-robin"),
    ("round-robin", "other target"),
    ("other target", "heft"),
    ("teams", "chips"),
]
PAIRS = [*QUICK, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in SLOW)]


def value(verdict: Verdict, total: str) -> float:
    return verdict.value(Objective(total))


@pytest.mark.parametrize(("before", "after"), PAIRS)
@pytest.mark.parametrize("objective", list(Objective))
def test_parts_of_every_total_add_up_to_its_change(before: str, after: str, objective: Objective) -> None:
    found = decompose(objective, *between(before, after).sides)
    if objective is Objective.TPOT and before == "teams":
        assert found is None  # bert makes no later tokens
        return
    assert found is not None
    assert sum(row.delta for row in found.rows) == found.delta
    assert sum(found.causes.values()) == found.delta
    assert found.si(found.before) == pytest.approx(value(judged(before), objective.value))
    assert found.si(found.after) == pytest.approx(value(judged(after), objective.value))


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_ops_and_places_with_the_rest_add_up_too(before: str, after: str) -> None:
    for found in between(before, after).decompositions:
        for table in (found.ops, found.places):
            assert sum(b - a for a, b in [*table.values(), *found.rest.values()]) == found.delta


def of(before: str, after: str, total: str) -> Decomposition:
    return next(d for d in between(before, after).decompositions if d.total == total)


def test_the_same_plan_has_no_parts() -> None:
    found = between("greedy", "greedy")
    assert found.same
    assert not found.moved
    assert not any(d.rows for d in found.decompositions)


def test_a_slower_link_reprices_transfers_and_moves_nothing() -> None:
    found = between("greedy", "slow link")
    assert not found.moved
    causes = {row.cause for row in of("greedy", "slow link", "energy").rows}
    assert causes <= {Cause.REPRICED, Cause.IDLE}
    rows = [row for row in of("greedy", "slow link", "latency").rows if row.cause is Cause.REPRICED]
    assert rows
    assert all(row.what == "moves" for row in rows)


def test_more_calls_of_a_phase_cost_more_of_the_same() -> None:
    found = of("greedy", "more calls", "energy")
    assert {row.phase for row in found.rows if row.cause is not Cause.IDLE} == {"decode"}
    assert {row.cause for row in found.rows} == {Cause.REPRICED, Cause.IDLE}


def test_what_runs_elsewhere_moved_and_says_from_where_to_where() -> None:
    found = between("greedy", "round-robin")
    rows = [r for r in of("greedy", "round-robin", "energy").rows if r.cause is Cause.MOVED and r.kind == "matmul"]
    assert rows
    units = found.before.plan.target.unit
    assert all(row.source in units and row.place in units and row.source != row.place for row in rows)


@pytest.mark.parametrize(("before", "after"), QUICK[:2])
def test_another_limit_is_told_with_what_limited_before(before: str, after: str) -> None:
    found = of(before, after, "throughput")
    busiest = (judged(before).steady.busiest, judged(after).steady.busiest)
    assert found.limits == busiest
    assert busiest[0] != busiest[1]
    (limit,) = [row for row in found.rows if row.cause is Cause.LIMIT]
    assert (limit.source, limit.place) == busiest
    assert (limit.delta > 0) is (found.delta < 0)  # the new one holds a gain back, or had something left


def test_waiting_is_what_the_interval_has_beyond_the_load() -> None:
    verdict = judged("greedy")
    longer = replace(verdict, steady=replace(verdict.steady, interval=verdict.interval + 1000))
    found = difference(verdict, longer)
    throughput = found.decompositions[0]
    assert [(row.cause, row.delta) for row in throughput.rows] == [(Cause.WAITING, 1000)]
    energy = next(d for d in found.decompositions if d.total == "energy")
    assert [row.cause for row in energy.rows] == [Cause.IDLE]


def with_early_release(verdict: Verdict) -> Verdict:
    """The verdict in which an activity of the critical path goes on as long again after it let go of what the next one
    waits for: the call is not longer for it."""
    program, call = verdict.programs[0], verdict.calls[0]
    path = [i for i, _ in critical_legs(program.activities, call)]
    later, first = max(pairwise(path), key=lambda pair: program.activities[pair[1]].ticks)
    made = list(program.activities)
    made[later] = replace(made[later], after=(), exclusive=made[first].exclusive)
    made[first] = replace(made[first], hold=made[first].ticks, ticks=2 * made[first].ticks)
    ends = list(call.ends)
    ends[first] += program.activities[first].ticks
    programs = (replace(program, activities=tuple(made)), *verdict.programs[1:])
    return replace(verdict, programs=programs, calls=(replace(call, ends=tuple(ends)), *verdict.calls[1:]))


def test_an_activity_has_no_more_of_the_latency_than_the_next_one_waits_for() -> None:
    found = difference(judged("greedy"), with_early_release(judged("greedy")))
    latency = next(d for d in found.decompositions if d.total == "latency")
    assert (latency.delta, latency.rows) == (0, ())


def test_figures_of_a_batch_are_told_per_request() -> None:
    found = of("greedy", "batch", "throughput")
    assert found.per == 4
    assert found.after * 4 == found.before


def test_energy_is_also_told_by_its_source() -> None:
    found = of("greedy", "round-robin", "energy")
    assert sum(b - a for a, b in found.sources.values()) == found.delta


@pytest.mark.slow
def test_the_arrangement_of_a_team_is_a_decision_and_no_other_target() -> None:
    names = {row.name for row in between("teams", "chips").inputs}
    assert names == {"arranged as"}


@pytest.mark.slow
def test_a_team_is_no_equal_of_one_of_its_chips() -> None:
    found = between("teams", "chips")
    teams = {u.name for u in found.before.plan.target.units if u.copies > 1}
    assert teams
    assert not teams & found.pairing.machines.units.keys()
