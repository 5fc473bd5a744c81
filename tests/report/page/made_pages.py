"""Pages of finished plans, made once."""

from __future__ import annotations

from functools import cache
from typing import Any

from hostile import hostile_plan
from real_plans import finished

from mapper.cost.judge import Verdict, judge
from mapper.ir.plan import Plan
from mapper.report.page.plan_page import plan_page
from mapper.report.summary import summarise

VERSIONS = {"hetmap": "1.2.3"}


@cache
def judged(target: str = "superhet", objective: str = "throughput", model: str = "gpt2-tiny") -> Verdict:
    """The verdict of a tiny model's plan."""
    return judge(finished(model, target, objective=objective))


def summed(verdict: Verdict) -> dict[str, Any]:
    """Its summary without wall-clock times."""
    return summarise(verdict, {}, VERSIONS)


@cache
def page_of(target: str = "superhet", objective: str = "throughput", model: str = "gpt2-tiny") -> str:
    """The page of a tiny model's plan."""
    verdict = judged(target, objective, model)
    return plan_page(verdict, summed(verdict))


@cache
def hostile_page() -> str:
    """The page of a plan whose names are hostile."""
    plan: Plan = hostile_plan()
    verdict = judge(plan)
    return plan_page(verdict, summed(verdict))
