"""`mapper check`: good plans pass, and no figure of a plan can be changed without being found out."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from breaches_derived import BREACHES, Breach, honest_proof
from real_plans import finished
from sweeps import sweep

from mapper.cost.check import DERIVED, check
from mapper.errors import InvalidPlan
from mapper.ir.plan import Bound
from mapper.ir.serial import from_json, to_json
from mapper.ir.verify import RULES

CASES = [
    pytest.param(rule, breach, id=f"{rule}: {breach.__name__.replace('_', ' ')}")
    for rule, breaches in BREACHES.items()
    for breach in breaches
]
FEW = [
    ("gpt2-tiny", "edge-npu", "place-greedy"),
    ("bert-tiny", "superhet", "place-round-robin"),
    ("bert-tiny", "edge-npu", "place-one-unit"),
    ("gpt2-tiny", "superhet", "place-heft"),
]
PLACERS = ("place-greedy", "place-round-robin", "place-one-unit", "place-heft")
ALL = product(("gpt2-tiny", "bert-tiny"), ("superhet", "edge-npu"), PLACERS)
GOOD = [*FEW, *(case for case in ALL if case not in FEW)]


@pytest.mark.parametrize(("rule", "breach"), CASES)
def test_a_breach_is_refused_under_the_name_of_its_rule(rule: str, breach: Breach) -> None:
    with pytest.raises(InvalidPlan) as error:
        check(breach(finished()), recomputed_bounds=honest_proof)
    assert error.value.rule == rule, str(error.value)


@pytest.mark.parametrize(("model", "target", "place"), sweep(GOOD, len(FEW)))
def test_good_plans_pass(model: str, target: str, place: str) -> None:
    plan = finished(model, target, place)
    assert check(plan).figures == plan.figures


@pytest.mark.parametrize("objective", ["latency", "energy", "edp"])
def test_good_plans_pass_under_every_objective(objective: str) -> None:
    check(finished("bert-tiny", objective=objective), recomputed_bounds=lambda plan: plan.bounds or ())


def test_a_plan_passes_after_it_was_written_and_read() -> None:
    check(from_json(to_json(finished())))


def test_a_plan_that_no_search_made_passes() -> None:
    check(replace(finished(), search=None))


def test_every_derived_rule_has_a_breach() -> None:
    elsewhere = {"steady-progress", "target-pool"}
    """Broken in test_steady_state.py, as the schedule rules let no such plan through, and in test_team_plans.py."""
    assert {name for name, _ in DERIVED} - elsewhere == BREACHES.keys()


def test_no_two_rules_share_a_name() -> None:
    names = [rule.name for rule in RULES] + [name for name, _ in DERIVED]
    assert len(set(names)) == len(names)


def test_a_bound_within_the_proofs_tolerance_passes() -> None:
    plan = finished()
    (bound,) = plan.bounds or ()
    check(plan, recomputed_bounds=lambda _: (replace(bound, value=bound.value * (1 - 1e-7)),))


def test_a_proof_of_another_objective_proves_nothing() -> None:
    with pytest.raises(InvalidPlan, match="proved again it is 0"):
        check(finished(), recomputed_bounds=lambda _: (Bound("energy", 1e9, "wrong"),))


DECIDED = ("clusters", "options", "refusals", "placement", "residency", "search", "memory", "inflight", "figures")


@pytest.mark.parametrize("count", sweep([3, 8], 1))
@pytest.mark.parametrize("field", DECIDED)
def test_no_number_of_a_decision_can_be_changed(field: str, count: int) -> None:
    """Every number, plus or minus one, is found out (a sample of so many in each decision). Only where a buffer lies
    may change: elsewhere may do."""
    raw = json.loads(to_json(finished("bert-tiny")))
    paths = [path for path in numbers(raw[field], (field,)) if path[-1] != "offset"]
    for path in random.Random(0).sample(paths, min(count, len(paths))):
        assert refused(changed(raw, path)), f"{path} + 1 goes unnoticed"
        assert refused(changed(raw, path, -1)), f"{path} - 1 goes unnoticed"


def numbers(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """The paths to all numbers in a piece of JSON."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers(part, (*path, key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def changed(raw: Any, path: tuple[str | int, ...], by: int = 1) -> str:
    """The plan's text with one number changed."""
    copy = json.loads(json.dumps(raw))
    part = copy
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] += by
    return json.dumps(copy)


def refused(text: str) -> bool:
    """Whether the plan is refused, and in so many words."""
    try:
        check(from_json(text))
    except InvalidPlan as error:
        return bool(error.rule)
    return False
