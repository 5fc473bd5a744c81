from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import pytest
from builders import tiny_inputs, tiny_plan

from mapper.errors import InvalidPlan, PipelineError
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from mapper.pipeline.pipeline import Pipeline, apply, parse, stale


class Order(StrEnum):
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True)
class Partition(Pass):
    name = "partition"
    requires = ("graph",)
    provides = ("clusters",)
    max_ops: int = 8
    share: float = 0.5
    merge: bool = False
    order: Order = Order.UP

    def run(self, plan: Plan, ctx: Context) -> Plan:
        return replace(plan, clusters=tiny_plan().clusters)


@dataclass(frozen=True)
class Tasks(Pass):
    name = "tasks"
    requires = ("clusters",)
    provides = ("tasks",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        return replace(plan, tasks=tiny_plan().tasks)


@dataclass(frozen=True)
class Sneaky(Tasks):
    name = "sneaky"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        return replace(plan, tasks=(), inflight=3)


@dataclass(frozen=True)
class Lazy(Tasks):
    name = "lazy"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        return plan


def lookup(name: str) -> type[Pass]:
    return {"partition": Partition, "tasks": Tasks}[name]


@pytest.mark.parametrize(
    "text",
    [
        "partition",
        "partition,tasks",
        "partition{max-ops=4},tasks",
        "partition{max-ops=4 share=0.25 merge=true order=down}",
    ],
)
def test_a_pipeline_comes_back_from_its_text(text: str) -> None:
    assert str(parse(text, lookup)) == text
    assert parse(str(parse(text, lookup)), lookup) == parse(text, lookup)


def test_options_at_their_defaults_are_not_written() -> None:
    assert str(parse("partition{max-ops=8 merge=false}", lookup)) == "partition"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read the pipeline at character 1"),
        ("partition,", "at character 11"),
        ("partition tasks", "expected ',' before ' tasks'"),
        ("partition{maxops=3}", "no option 'maxops'; did you mean 'max-ops'"),
        ("partition{max-ops}", "'max-ops' needs a value"),
        ("partition{max-ops=few}", "max-ops=few is not int"),
        ("partition{merge=yes}", "merge=yes is not true or false"),
        ("partition{order=sideways}", "order=sideways is not Order"),
    ],
)
def test_an_unreadable_pipeline_says_where_and_why(text: str, message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        parse(text, lookup)
    assert message in caught.value.message


def test_a_pass_without_what_it_requires_is_refused_before_anything_runs() -> None:
    with pytest.raises(PipelineError, match="'tasks' requires clusters, which nothing before it provides"):
        Pipeline((Tasks(), Partition())).run(tiny_inputs(), Context())


def test_decisions_that_went_stale_are_dropped() -> None:
    after = apply(Partition(), tiny_plan(), Context())
    assert after.clusters is not None
    assert {f for f in stale(Partition()) if getattr(after, f) is not None} == set()


def test_an_undeclared_change_is_refused() -> None:
    with pytest.raises(InvalidPlan, match="'sneaky' changed inflight"):
        apply(Sneaky(), tiny_inputs(clusters=()), Context())


def test_a_pass_that_leaves_its_decision_open_is_refused() -> None:
    with pytest.raises(InvalidPlan, match="'lazy' left tasks undecided"):
        apply(Lazy(), tiny_inputs(clusters=()), Context())


def test_a_pipeline_can_stop_after_a_named_pass() -> None:
    whole = Pipeline((Partition(), Tasks()))
    assert str(whole.until("partition")) == "partition"
    with pytest.raises(PipelineError, match="did you mean 'partition'"):
        whole.until("partitoin")
