"""The wrapper of CP-SAT: ends, hints, workers, cores."""

from __future__ import annotations

import math
import time

import pytest
from ortools.sat.python import cp_model

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import LONG_BATCHES, Outcome, add_hints, core, solve, whole


def _sum_below(limit: int) -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
    model = cp_model.CpModel()
    x = [model.new_int_var(0, 10, f"x{i}") for i in range(4)]
    model.add(sum(x) <= limit)
    model.maximize(sum(x))
    return model, x


@pytest.mark.parametrize("workers", [None, 1, 2])
def test_an_optimum_has_its_value_and_bound(workers: int | None) -> None:
    model, x = _sum_below(17)
    answer = solve(model, Budget(1.0, workers=workers))
    assert answer.outcome is Outcome.OPTIMAL
    assert answer.value == answer.bound == 17 == sum(answer.solver.value(v) for v in x)


def test_no_limit_of_work_is_a_limit_of_time_alone() -> None:
    model, _ = _sum_below(17)
    assert solve(model, Budget(math.inf, deadline=time.monotonic() + 5)).outcome is Outcome.OPTIMAL


def knapsacks() -> cp_model.CpModel:
    """Pieces on bins of two heights each: small, but far from done in the limits below."""
    model = cp_model.CpModel()
    bins = [[model.new_int_var(0, 9, "") for _ in range(12)] for _ in range(8)]
    height = model.new_int_var(0, 10**6, "height")
    for piece in range(12):
        model.add(sum(row[piece] for row in bins) == 9)
    for row in bins:
        model.add(sum((1009 + 137 * piece**2) * count for piece, count in enumerate(row)) <= height)
        model.add(sum((911 + 997 * (7 * piece % 12)) * count for piece, count in enumerate(row)) <= height)
    model.minimize(height)
    return model


def test_a_run_ends_soon_after_its_limit_of_work() -> None:
    assert 0.05 < solve(knapsacks(), Budget(0.05)).deterministic_seconds < 0.15


def test_a_run_of_long_batches_may_go_on_for_several_times_its_limit() -> None:
    assert solve(knapsacks(), Budget(0.05), parameters=LONG_BATCHES).deterministic_seconds > 0.15


def test_an_infeasible_model_has_neither_value_nor_bound() -> None:
    model, x = _sum_below(17)
    model.add(sum(x) >= 18)
    answer = solve(model, Budget(1.0))
    assert (answer.outcome, answer.value, answer.bound) == (Outcome.INFEASIBLE, None, None)


def test_hints_reach_the_solver_and_parameters_too() -> None:
    model, x = _sum_below(17)
    add_hints(model, zip(x, (10, 2, 0, 3), strict=True))
    answer = solve(model, Budget(1.0), parameters={"fix_variables_to_their_hinted_value": True})
    assert [answer.solver.value(v) for v in x] == [10, 2, 0, 3]


def test_an_unknown_parameter_is_refused() -> None:
    model, _ = _sum_below(17)
    with pytest.raises(AttributeError):
        solve(model, Budget(1.0), parameters={"no_such_parameter": 1})


def test_an_invalid_model_is_an_error_of_ours() -> None:
    model = cp_model.CpModel()
    x = model.new_int_var(0, 2**62, "x")
    model.add(4 * x + 4 * model.new_int_var(0, 2**62, "y") <= 5)
    with pytest.raises(MapperError, match="CP-SAT refused the model"):
        solve(model, Budget(1.0))


def _with_rules() -> tuple[cp_model.CpModel, dict[str, cp_model.IntVar]]:
    """x <= 2, x >= 5 and y >= 0, each behind a Boolean."""
    model = cp_model.CpModel()
    x, y = model.new_int_var(0, 10, "x"), model.new_int_var(0, 10, "y")
    rules = {name: model.new_bool_var(name) for name in ("low", "high", "harmless")}
    model.add(x <= 2).only_enforce_if(rules["low"])
    model.add(x >= 5).only_enforce_if(rules["high"])
    model.add(y >= 0).only_enforce_if(rules["harmless"])
    return model, rules


def test_a_core_names_the_rules_that_cannot_hold_together() -> None:
    assert set(core(*_with_rules(), Budget(1.0))) == {"low", "high"}


def test_a_feasible_model_has_no_core() -> None:
    model, rules = _with_rules()
    del rules["high"]
    assert core(model, rules, Budget(1.0)) == ()


@pytest.mark.parametrize("proven", [0, 7, 2**52 + 1, 2**53 + 1, 10**17 + 3, 2**60 - 1])
def test_the_whole_number_of_a_bound_is_never_above_it(proven: int) -> None:
    assert whole(float(proven)) <= proven
    assert proven >= 2**53 or whole(float(proven)) == proven
