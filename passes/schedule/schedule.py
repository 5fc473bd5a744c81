"""Schedule: when each task, cast and move of a call starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapper.cost.program import Program, Spelling
from mapper.ir.goal import TIMES, Objective
from mapper.ir.plan import Plan, Slot
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.budget import Budget
from mapper.solve.makespan import driver
from mapper.solve.makespan.dispatch import dispatch
from mapper.solve.makespan.problem import Activity, Problem, Resource, Solution

COUNTING_TIME = (*TIMES, Objective.EDP)
"""Objectives that count the time of a request."""


@dataclass(frozen=True)
class Schedule(Pass):
    """Give each activity of one call its slot: whoever is on the longest path to the end goes first.

    Where the objective or a limit counts the time of a request, a search of `effort` times the search budget makes
    the call shorter; a steady state does not care.
    """

    name = "schedule"
    requires = ("placement", "tasks")
    provides = ("schedule",)

    effort: float = 0.05

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with a slot for every activity of every phase."""
        return self.scheduled(plan, Spelling(plan).programs(), ctx)

    def scheduled(self, plan: Plan, programs: Sequence[Program], ctx: Context) -> Plan:
        """The same where the plan is spelled out already."""
        timely = plan.objective in COUNTING_TIME or any(x.quantity.value in TIMES for x in plan.limits)
        budget = ctx.budget().part(self.effort / max(1, len(programs))) if timely and self.effort else None
        return replace(plan, schedule=tuple(s for p in programs for s in slots(p, budget)))


def slots(program: Program, budget: Budget | None = None) -> tuple[Slot, ...]:
    """A slot for each activity of a program, in order of start."""
    problem = makespan_problem(program)
    solution = driver.solve(problem, budget).solution if budget else dispatch(problem)
    return read_back(program, solution)


def makespan_problem(program: Program) -> Problem:
    """The program as activities with fixed resources."""
    index = {name: i for i, (name, _) in enumerate(program.capacities)}
    return Problem(
        tuple(
            Activity(
                a.name,
                a.ticks,
                a.hold,
                tuple((index[r], n) for r, n in a.exclusive),
                tuple((index[m], share) for m, share in a.channels),
            )
            for a in program.activities
        ),
        tuple(Resource(name, capacity) for name, capacity in program.capacities),
        tuple(a.after for a in program.activities),
    )


def read_back(program: Program, solution: Solution) -> tuple[Slot, ...]:
    """The solution's times as slots."""
    rows = zip(program.activities, solution.start, solution.end, strict=True)
    return tuple(sorted((Slot(a.name, a.where, s, e) for a, s, e in rows), key=lambda s: (s.start, s.end)))
