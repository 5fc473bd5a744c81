"""Ranks, ratios, and what the error bands leave open."""

from __future__ import annotations

import pytest
from answers_of_hand import comparison, found, refused

from mapper.comparison.comparison import KEYS, key_named
from mapper.errors import Infeasible, UsageError

RATE, ENERGY = KEYS["throughput"], KEYS["energy"]


def test_the_best_by_the_figure_comes_first_and_targets_without_a_plan_last() -> None:
    asked = comparison(refused("no"), found("slow", 1.0), found("fast", 9.0), found("middle", 4.0))
    assert [a.target for a in asked.ordered(RATE)] == ["fast", "middle", "slow", "no"]


def test_less_energy_is_better() -> None:
    asked = comparison(found("hungry", 9.0, joules=3.0), found("frugal", 1.0, joules=0.1))
    assert [a.target for a in asked.ordered(ENERGY)] == ["frugal", "hungry"]


def test_targets_that_lack_the_figure_follow_those_that_have_it() -> None:
    asked = comparison(found("none", 9.0), found("some", 1.0, tpot_s=0.1))
    assert [a.target for a in asked.ordered(KEYS["tpot"])] == ["some", "none"]


def test_equal_targets_stand_by_name_whatever_the_order_they_were_named_in() -> None:
    asked = comparison(found("b", 1.0), found("a", 1.0))
    assert [a.target for a in asked.ordered(RATE)] == ["a", "b"]


def test_the_given_order_is_kept_where_it_is_asked_for() -> None:
    asked = comparison(found("b", 1.0), found("a", 2.0))
    assert [a.target for a in asked.ordered("given")] == ["b", "a"]


def test_half_the_rate_and_twice_the_energy_are_both_half_as_good() -> None:
    rows = comparison(found("one", 4.0, joules=1.0), found("two", 2.0, joules=2.0))
    assert {r["target"]: r["of_best"] for r in rows.data(RATE)["targets"]} == {"one": 1.0, "two": 0.5}
    assert {r["target"]: r["of_best"] for r in rows.data(ENERGY)["targets"]} == {"one": 1.0, "two": 0.5}


def test_ratios_are_to_the_baseline() -> None:
    rows = comparison(found("one", 4.0), found("two", 2.0)).data(RATE, "two")["targets"]
    assert [r["ratios"]["throughput_per_s"] for r in rows] == [2.0, 1.0]
    assert rows[0]["ratios"]["tpot_s"] is None


def test_targets_whose_bands_overlap_are_open_against_each_other() -> None:
    rows = comparison(found("a", 10.0), found("b", 9.0), found("c", 5.0)).data(RATE)["targets"]
    assert {r["target"]: r["open"] for r in rows} == {"a": ["b"], "b": ["a"], "c": []}


def test_a_figure_without_bands_leaves_nothing_marked_as_open() -> None:
    rows = comparison(found("a", 10.0), found("b", 10.0)).data(KEYS["ttft"])["targets"]
    assert [r["open"] for r in rows] == [[], []]


def test_a_model_that_fits_no_target_is_infeasible_with_the_reasons() -> None:
    problem = comparison(refused("a"), refused("b")).problem()
    assert isinstance(problem, Infeasible)
    assert "a: tiny does not fit a" in problem.details
    assert comparison(refused("a"), found("b", 1.0)).problem() is None


def test_the_objective_is_the_key_unless_another_one_is_named() -> None:
    assert key_named(None, "tpot") == KEYS["tpot"]
    assert key_named("name", "tpot") == "name"
    with pytest.raises(UsageError, match="did you mean 'energy'"):
        key_named("enrgy", "throughput")
