"""Baselines on single chips: what none of them can be better than, and that none is better than the folded plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_plans import run
from sweeps import examples
from test_place_pooled import farm, fork, values
from tiny_machines import Abacus, Loom, layers, machine, prepared

from mapper.cost.judge import judge
from mapper.errors import Infeasible
from mapper.ir.goal import Objective
from mapper.ir.graph import Phase
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Effort
from passes.pipelines import FINISH
from passes.place.folding import flat
from passes.place.folding.flat import least_apart, rivals
from passes.place.folding.pooled import Pooled
from passes.place.folding.teams import PlaceTeams

QUICK = Context(effort=Effort.QUICK)
TWICE = (Phase("first", (), 1), Phase("again", (), 3))
ROUNDING = 1 + 1e-9


@examples(8, 25)
@given(
    st.integers(2, 3), st.integers(1, 3), st.sampled_from([Objective.THROUGHPUT, Objective.ENERGY]), st.booleans(),
    st.booleans(),
)  # fmt: skip
def test_no_placement_on_single_chips_is_better_than_the_bound_by_whole_tasks(
    units: int, count: int, objective: Objective, host: bool, twice: bool
) -> None:
    chips = [Abacus(ticks_per_element=1000)] * units
    target = machine(*chips, Loom(ticks_per_element=400), capacities=[1 << 20] * (units + 1)) if host else farm(units)
    plan = replace(prepared(target, layers(count) if count < 3 else fork(), TWICE if twice else TWICE[:1]))
    plan = replace(plan, objective=objective)
    assert least_apart(Pooled.of(plan, 1, QUICK)) <= min(values(plan)) * ROUNDING


def test_three_equal_tasks_on_two_chips_keep_one_of_them_busy_twice() -> None:
    plan = prepared(farm(2), layers(3), passes="partition{max_ops=1},options")
    one = least_apart(Pooled.of(prepared(farm(2), layers(1)), 1, QUICK))
    assert least_apart(Pooled.of(plan, 1, QUICK)) == pytest.approx(2 * one, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("objective", [Objective.THROUGHPUT, Objective.LATENCY])
def test_folding_is_never_worse_than_a_baseline_on_single_chips(objective: Objective) -> None:
    plan = replace(prepared(farm(3, 10_000), layers(4), TWICE), objective=objective)
    found = judge(run(PlaceTeams().run(plan, QUICK), FINISH)).value(objective)
    for name in ("one-unit", "round-robin", "greedy", "heft", "stages", "by-phase"):
        try:
            other = judge(run(plan, f"place-{name},{FINISH}")).value(objective)
        except Infeasible:
            continue
        assert found <= other * ROUNDING


def test_phases_one_after_the_other_are_a_rival_too() -> None:
    found = {p.search.method for p in _rivals(prepared(farm(3), layers(4), TWICE)) if p.search is not None}
    assert {"place-heft", "place-stages", "place-by-phase"} <= found


def test_rivals_that_cannot_win_are_not_told() -> None:
    assert not list(rivals(prepared(farm(3), layers(4)), QUICK, 0.0))


def test_on_very_many_chips_no_problem_of_single_chips_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "PAIRS", 10)
    assert not _rivals(prepared(farm(3), layers(4)))


def _rivals(plan: Plan) -> list[Plan]:
    return list(rivals(plan, QUICK, float("inf")))
