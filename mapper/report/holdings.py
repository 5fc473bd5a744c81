"""What each unit does, in a few words: '12 attention, 25 norm, 24 casts'."""

from __future__ import annotations

from collections import Counter

from mapper.cost.judge import Verdict
from mapper.ir.plan import Plan


def holdings(verdict: Verdict) -> dict[str, list[str]]:
    """For each unit that works, what it runs: the kinds of ops with their number, then casts, the longest time first.

    What takes no time anywhere (views of a value under another shape) is left out.
    """
    plan = verdict.plan
    names: dict[tuple[str, str], set[str]] = {}
    ticks: dict[tuple[str, str], int] = {}
    for phase, program in zip(plan.phases, verdict.programs, strict=True):
        for activity in program.activities:
            if activity.where not in plan.target.unit or not activity.ticks:
                continue
            if activity.kind == "task":
                name = plan.task[activity.task].cluster
                what = kind_of(verdict, activity.task)
            else:
                name = activity.name.removeprefix(f"{phase.name}/")
                what = f"{activity.kind}s"
            if what == "view":
                continue
            key = (activity.where, what)
            names.setdefault(key, set()).add(name)
            ticks[key] = ticks.get(key, 0) + phase.calls * activity.ticks
    found: dict[str, list[str]] = {}
    for unit, what in sorted(ticks, key=lambda k: (-ticks[k], k)):
        number = len(names[unit, what])
        one = what.removesuffix("s") if number == 1 and what in ("casts", "moves") else what
        found.setdefault(unit, []).append(f"{number} {one}")
    return found


def in_tiles(plan: Plan) -> list[str]:
    """Which units go through the rows of tasks in tiles, how many tasks and tiles."""
    counts = Counter((p.unit, p.tiles) for p in plan.placement or () if p.tiles)
    return [
        f"{n} task{'s' * (n > 1)} on {unit}, the rows in {tiles} runs" for (unit, tiles), n in sorted(counts.items())
    ]


def kind_of(verdict: Verdict, task: str) -> str:
    """The kind of the op that names a task's cluster."""
    graph, cluster = verdict.plan.graph, verdict.plan.cluster[verdict.plan.task[task].cluster]
    return (graph.op.get(cluster.name) or graph.op[cluster.ops[0]]).kind
