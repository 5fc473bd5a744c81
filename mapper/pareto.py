"""The Pareto front of two objectives by epsilon-constraint: each point the best of one under a limit of the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mapper.compiled import Compiled, Series
from mapper.compiler import compile
from mapper.cost.offers import no_room
from mapper.emit.files import write_folder_atomically
from mapper.errors import Infeasible, UsageError
from mapper.frontend import PhaseSpec
from mapper.hw.target import Target
from mapper.ir.goal import Goal, Limit, Objective, Quantity, parse_goal
from mapper.ir.plan import DECISIONS, Bound, Plan, Status
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pipeline import Pipeline
from mapper.report.summary import spoken

SAME = 1e-6
"""Relative difference below which two values are one."""

NARROW = 0.01
"""Part of the front's height below which a stretch without points is not searched any further."""

EMPTY = 2
"""Searches for each point asked for, at most: some find no new point."""


@dataclass(frozen=True)
class Axes:
    """What is minimised and what is limited, and limits that hold for all points."""

    first: Objective
    second: Objective
    limits: tuple[Limit, ...] = ()

    @property
    def swept(self) -> Objective:
        """The one that is limited: the second, unless that is a product (edp)."""
        return self.first if self.second is Objective.EDP else self.second

    @property
    def best(self) -> Objective:
        """The one that is minimised."""
        return self.second if self.second is Objective.EDP else self.first


@dataclass(frozen=True)
class Point:
    """A plan that no other found one beats in both objectives. bound: of the minimised one under this point's limit."""

    made: Compiled
    axes: Axes

    def value(self, objective: Objective) -> float:
        """A value of the plan as the judge finds it; smaller is better."""
        return self.made.verdict.value(objective)

    @property
    def bound(self) -> float | None:
        """What no placement that keeps the plan's limits is below."""
        wanted = self.made.plan.objective.value
        return max((b.value for b in self.made.plan.bounds or () if b.objective == wanted), default=None)

    @cached_property
    def row(self) -> dict[str, Any]:
        """The point as data: values and bound as people say them (throughput: requests/s)."""
        plan = self.made.plan
        value, bound = self.value(plan.objective), self.bound
        return {
            **{o.value: spoken(o, self.value(o)) for o in (self.axes.first, self.axes.second)},
            "minimised": plan.objective.value,
            "subject_to": [str(x) for x in plan.limits],
            "bound": None if bound is None else spoken(plan.objective, bound),
            "gap": None if bound is None else max(0.0, (value - bound) / value) if value else 0.0,
            "status": plan.search.status.value if plan.search else "feasible",
        }


@dataclass(frozen=True)
class Front:
    """Points by the minimised objective, best first. closed: whether every stretch between points was found empty."""

    axes: Axes
    points: tuple[Point, ...]
    closed: bool

    @property
    def data(self) -> dict[str, Any]:
        """The content of pareto.json."""
        rows = [{"plan": f"point-{k}", **point.row} for k, point in enumerate(self.points, 1)]
        plan = self.points[0].made.plan
        named = {"model": plan.graph.name, "target": plan.target.name}
        axes = [self.axes.first.value, self.axes.second.value]
        return {"schema": 1, **named, "objectives": axes, "closed": self.closed, "points": rows}

    def save(self, out: str | Path) -> Path:
        """Write pareto.json and a folder with what `Compiled.save` writes for each point, all or none."""
        files = {"pareto.json": json.dumps(self.data, indent=1) + "\n"}
        for k, point in enumerate(self.points, 1):
            files |= {f"point-{k}/{name}": text for name, text in point.made.files().items()}
        write_folder_atomically(Path(out), files)
        return Path(out)


def parse_axes(text: str) -> Axes:
    """The axes of a text like "throughput,energy" or "throughput,energy subject to power<=700"."""
    names, _, rest = text.partition(" subject to ")
    found = [n.strip() for n in names.split(",")]
    if len(found) != 2 or found[0] == found[1]:
        raise UsageError(f"--pareto {text}: give two different objectives, as throughput,energy")
    goals = [parse_goal(f"{n} subject to {rest}" if rest else n) for n in found]
    return Axes(goals[0].objective, goals[1].objective, goals[0].limits)


def pareto(
    model: str | Path | Sequence[str | Path],
    target: str | Path | Target,
    phases: Sequence[str | PhaseSpec] = (),
    *,
    objectives: str | Axes = "throughput,energy",
    points: int = 9,
    pipeline: str | Pipeline = "default",
    found: Callable[[Point], None] | None = None,
    **options: Any,
) -> Front:
    """The front of two objectives, of at most so many points.

    The best of each alone, then again and again the best of one under a limit of the other, in the middle of the
    largest stretch without a point (Haimes, Lasdon, Wismer 1971: epsilon-constraint), until every stretch is found
    empty. Other options are those of `compile`; `found` is told of each point.
    """
    axes = parse_axes(objectives) if isinstance(objectives, str) else objectives
    if points < 2:
        raise UsageError(f"a front of {points} points: it has two at least")
    series = Series.of(options)
    head, tail = pipeline_of(pipeline).split("placement")
    ready = compile(model, target, phases, objective=Goal(axes.best, axes.limits), pipeline=head, **options)
    source = tuple((n, str(pipeline_of(pipeline)) if n == "pipeline" else v) for n, v in ready.plan.source)
    return _Sweep(axes, replace(ready.plan, source=source), tail, series, found).run(points)


def swept(
    ready: Plan,
    tail: Pipeline,
    axes: Axes,
    points: int,
    found: Callable[[Point], None] | None = None,
    **options: Any,
) -> Front:
    """The front of a plan in which nothing is placed yet, by a pipeline that places, schedules and judges it; options
    are those of `resume`."""
    return _Sweep(axes, ready, tail, Series.of(options), found).run(points)


@dataclass(frozen=True)
class _Stretch:
    """Between two neighbours on the front: values of the swept objective from low to high may hide a point."""

    left: Point
    right: Point
    low: float
    high: float

    @property
    def width(self) -> float:
        """By how much the minimised objective differs."""
        wanted = self.left.axes.best
        return self.right.value(wanted) - self.left.value(wanted)


@dataclass(frozen=True)
class _Sweep:
    """Solves one objective after the other for a plan in which nothing is placed yet."""

    axes: Axes
    ready: Plan
    tail: Pipeline
    series: Series
    found: Callable[[Point], None] | None

    def run(self, most: int) -> Front:
        """The front: see `pareto`."""
        axes = self.axes
        first = self.solved(axes.best, axes.limits, [])
        least = self.solved(axes.swept, axes.limits, [first])
        low = least.value(axes.swept)
        known = [first]
        last = self.solved(axes.best, self.limited(low), [first, least])
        waiting = [_Stretch(first, last, last.value(axes.swept), first.value(axes.swept))]
        known += [last]
        height, tried, closed = first.value(axes.swept) - low, 0, True
        while waiting:
            waiting.sort(key=lambda s: s.width * (s.high - s.low))
            here = waiting.pop()
            if here.high - here.low <= NARROW * height or here.width <= SAME * here.right.value(axes.best):
                continue
            if len(_undominated(known)) >= most or tried >= EMPTY * most or self.series.over:
                closed = False
                break
            tried, middle = tried + 1, (here.low + here.high) / 2
            point = self.solved(axes.best, self.limited(middle), known)
            if point.value(axes.best) >= here.right.value(axes.best) * (1 - SAME):
                waiting.append(replace(here, low=middle))
                continue
            known.append(point)
            waiting.append(_Stretch(point, here.right, here.low, point.value(axes.swept)))
            waiting.append(_Stretch(here.left, point, middle, here.high))
        return Front(axes, tuple(_undominated(known)), closed)

    def limited(self, most: float) -> tuple[Limit, ...]:
        """The limits of all points, and one of the swept objective."""
        quantity = Quantity(self.axes.swept.value)
        limit = Limit(quantity, spoken(self.axes.swept, most))
        return (*(x for x in self.axes.limits if x.quantity is not quantity), limit)

    def solved(self, objective: Objective, limits: tuple[Limit, ...], known: Sequence[Point]) -> Point:
        """The best plan found under limits: by a new search, or one that is known and keeps them too, under the bound
        that the new search proves."""
        asked = self.asked(objective, limits)
        kept = [p for p in known if not any(x.excess(p.made.verdict.measured(x.quantity)) for x in limits)]
        if asked.goal.counts_time:
            kept = [p for p in kept if not any(place.tiles for place in p.made.plan.placement or ())]
        try:
            made = self.series.resume(asked, self.tail)
        except Infeasible:
            if not kept:
                raise
            made = _moved(kept[0].made, asked, self.series.bounded(asked, self.tail).bounds)
        for other in kept:
            if other.value(objective) < made.verdict.value(objective) * (1 - SAME):
                made = _moved(other.made, asked, made.plan.bounds)
        point = Point(made, self.axes)
        if self.found is not None:
            self.found(point)
        return point

    def asked(self, objective: Objective, limits: tuple[Limit, ...]) -> Plan:
        """The plan with another goal; what units offer is asked anew where the goals differ in whether the time of a
        request counts, and a memory is too small for something whole: then tiles are offered under one of them."""
        asked = replace(self.ready, objective=objective, limits=limits)
        scarce = any(o.tiles for o in asked.options or ()) or any(map(no_room, asked.refusals or ()))
        if asked.goal.counts_time is self.ready.goal.counts_time or not scarce:
            return asked
        later: dict[str, Any] = dict.fromkeys(DECISIONS[DECISIONS.index("options") :])
        return self.series.resume(replace(asked, **later), "options").plan


def _moved(known: Compiled, asked: Plan, bounds: tuple[Bound, ...] | None) -> Compiled:
    """A known plan as the answer to another question, whose bounds are given."""
    value = known.verdict.value(asked.objective)
    closed = any(b.value * (1 + 1e-9) >= value for b in bounds or () if b.objective == asked.objective.value)
    status = Status.OPTIMAL if closed else Status.FEASIBLE
    search = replace(known.plan.search, status=status) if known.plan.search else None
    offered = replace(known.plan, options=asked.options, refusals=asked.refusals)
    plan = replace(offered, objective=asked.objective, limits=asked.limits, bounds=bounds, search=search)
    return Compiled(plan, known.seconds, work=known.work)


def _undominated(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats in one objective without losing in the other, each once, by the minimised one."""
    axes = points[0].axes
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.value(axes.best), p.value(axes.swept))):
        if not kept or point.value(axes.swept) < kept[-1].value(axes.swept) * (1 - SAME):
            kept.append(point)
    return kept
