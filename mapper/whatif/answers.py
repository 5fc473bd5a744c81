"""Answers: what a plan would be worth on a changed target, found from the plan itself."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mapper.errors import Infeasible, MapperError, UsageError
from mapper.hw.target import Target
from mapper.hw.what_if import Change, Refused, changed
from mapper.hw.work import DType
from mapper.ir.plan import DECISIONS, Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context, Effort
from mapper.whatif.values import Values, values_of

SEARCHES = ("place-teams", "place-cpsat", "place-again")
"""The passes whose plans are searched again from where they are; others place anew by their own rule."""

ENOUGH = 1e-3
"""Relative gap to the bound at which nothing more is searched, unless the plan's own is larger."""


@dataclass(frozen=True)
class Answer:
    """What a change makes of a plan.

    after: None where there is no plan, and `refusal` says why. bound: a proven lower bound of the objective on the
    changed target, in SI units (seconds between requests under the throughput objective); gap: how far the value is
    from it, as a part of the value. found: how the plan was found. plan: the judged plan on the changed target.
    """

    changes: tuple[Change, ...]
    before: Values
    after: Values | None = None
    bound: float | None = None
    gap: float | None = None
    found: str = ""
    refusal: str = ""
    plan: Plan | None = None
    precision: DType | None = None

    @property
    def gain(self) -> float:
        """How much better the objective's value becomes, relative: 0.5 is half as much again (of throughput), or a
        third less (of a time or an energy). -1 where there is no plan."""
        if self.after is None:
            return -1.0
        return self.before.objective / self.after.objective - 1 if self.after.objective else 0.0


class Asker:
    """Answers questions about one finished plan; every answer depends on the plan and the question alone."""

    def __init__(self, plan: Plan, effort: Effort | None = None, stop: threading.Event | None = None) -> None:
        if plan.figures is None or plan.clusters is None:
            raise UsageError(f"the plan of {plan.graph.name} is not finished: no figures to compare with")
        source = dict(plan.source)
        self.plan = plan
        self.effort = effort or Effort(source.get("effort", Effort.DEFAULT.value))
        self.context = Context(int(source.get("seed", "0")), self.effort, stop=stop or threading.Event())

    @cached_property
    def before(self) -> Values:
        """What the plan is worth as it is."""
        return values_of(self.plan)

    def answer(self, changes: Sequence[Change], precision: DType | None = None) -> Answer:
        """The best plan found on the changed target, with a bound proved there; or why there is none. Raises UsageError
        where a change names nothing that the target has."""
        asked = Answer(tuple(changes), self.before, precision=precision)
        try:
            target = changed(self.plan.target, changes)
            return self._answered(asked, self._question(target, precision))
        except Refused as error:
            return replace(asked, refusal=error.message.partition(": ")[2])
        except Infeasible as error:
            return replace(asked, refusal=f"does not fit: {error.message}")
        except UsageError:
            raise
        except MapperError as error:
            return replace(asked, refusal=error.message)

    def _question(self, target: Target, precision: DType | None) -> Plan:
        """The plan's workload on a target, with the options there and nothing placed."""
        if target.power_limit_w is not None and target.power_limit_w <= target.idle_power_w:
            raise Infeasible(f"idle power alone is {target.idle_power_w:g} W of at most {target.power_limit_w:g} W")
        later: dict[str, Any] = dict.fromkeys(DECISIONS[DECISIONS.index("options") :])
        fresh = replace(self.plan, target=target, precision=precision or self.plan.precision, **later)
        return pipeline_of("options").run(fresh, self.context)

    def _answered(self, asked: Answer, question: Plan) -> Answer:
        again = replace(question, placement=self.plan.placement)
        done = pipeline_of("place-again,schedule,memory,judge").run(again, self.context)
        return _told(asked, done)


def _told(asked: Answer, done: Plan) -> Answer:
    """The answer that a judged plan gives."""
    after = values_of(done)
    bound = next((b.value for b in done.bounds or () if b.objective == done.objective.value), None)
    gap = None if bound is None or not after.objective else max(0.0, 1 - bound / after.objective)
    found = done.search.method if done.search else ""
    return replace(asked, after=after, bound=bound, gap=gap, found=found, plan=done)
