"""Every rule of the law book: real plans keep it, and a plan that breaks it is refused under its name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from breaches_decisions import BREACHES as OF_DECISIONS
from breaches_inputs import BREACHES as OF_INPUTS
from breaches_inputs import Breach
from breaches_outcomes import BREACHES as OF_OUTCOMES
from real_plans import finished, unplaced

from mapper.errors import InvalidPlan
from mapper.hw.load import load_target
from mapper.hw.teams import Arrangement, arranged
from mapper.ir.plan import DECISIONS
from mapper.ir.rules_target import target_teams
from mapper.ir.verify import RULES, verify

CASES = [
    pytest.param(rule, breach, id=f"{rule}: {breach.__name__.replace('_', ' ')}")
    for rule, breaches in {**OF_INPUTS, **OF_DECISIONS, **OF_OUTCOMES}.items()
    for breach in breaches
]


@pytest.mark.parametrize(("rule", "breach"), CASES)
def test_a_breach_is_refused_under_the_name_of_its_rule(rule: str, breach: Breach) -> None:
    with pytest.raises(InvalidPlan) as refused:
        verify(breach(finished()))
    assert refused.value.rule == rule, str(refused.value)


@pytest.mark.parametrize("model", ["gpt2-tiny", "bert-tiny"])
@pytest.mark.parametrize("target", ["superhet", "edge-npu"])
def test_real_plans_keep_every_rule(model: str, target: str) -> None:
    verify(unplaced(model, target))
    verify(finished(model, target))


def test_every_rule_has_a_breach() -> None:
    assert {rule.name for rule in RULES} == {*OF_INPUTS, *OF_DECISIONS, *OF_OUTCOMES}


def test_rules_are_data_with_a_name_and_a_sentence() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.sentence.endswith("."), rule.name
        assert set(rule.needs) <= set(DECISIONS), rule.name


def test_a_refusal_quotes_the_rule() -> None:
    breach = OF_OUTCOMES["inflight"][0]
    with pytest.raises(
        InvalidPlan, match="0 requests are in flight; 1 to 4096 can be\n  the rule: At least one request"
    ):
        verify(breach(finished()))


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("way", [Arrangement(1, 2), Arrangement(2, 1), Arrangement(8, 1)])
def test_every_folded_machine_keeps_the_rule_of_teams(way: Arrangement, pooled: bool) -> None:
    plan = replace(unplaced(), target=arranged(load_target("dgx-a100"), way, pooled))
    assert list(target_teams(plan)) == []
