"""A plan with what the judge says of it, and how to carry on from one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mapper.cost.judge import WATCHED, Verdict, judge
from mapper.emit.files import write_folder_atomically
from mapper.errors import MapperError, UsageError, did_you_mean
from mapper.ir.plan import Plan
from mapper.ir.serial import to_json
from mapper.pipeline.instruments import Timing
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context, Effort, Progress
from mapper.pipeline.pipeline import Instrument, Pipeline
from mapper.report.limits import Share, largest_costs
from mapper.report.summary import summarise
from mapper.solve.work import Work
from mapper.versions import versions


@dataclass(frozen=True)
class Compiled:
    """A plan, what the judge says of it, and what making it took: seconds by the clock, and the work of its searches in
    deterministic seconds by solver (`mapper.solve.work`)."""

    plan: Plan
    seconds: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    known: Verdict | None = None
    work: Mapping[str, float] | None = None

    @cached_property
    def verdict(self) -> Verdict:
        """The judge's figures; replayed when first asked for, unless known already."""
        return self.known or judge(self.plan, watched=WATCHED)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The fields of summary.json."""
        return summarise(self.verdict, self.seconds, versions(), self.work)

    @property
    def units(self) -> dict[str, Any]:
        """For each unit its kind, busy time, utilisation, energy and weights."""
        units: dict[str, Any] = self.summary["units"]
        return units

    @property
    def limits(self) -> tuple[Share, ...]:
        """The largest causes of the objective's value, largest first: each says what it is and its part (0 to 1)."""
        return tuple(largest_costs(self.verdict))

    @property
    def finished(self) -> bool:
        """Whether the plan got as far as the judge."""
        return self.plan.figures is not None

    def files(self) -> dict[str, str]:
        """What `save` writes, by name."""
        from mapper.cost.window import window
        from mapper.emit.steady_bars import MOST_BARS
        from mapper.emit.trace import to_json as trace_json
        from mapper.report.page.plan_page import plan_page

        files = {"plan.json": to_json(self.plan)}
        if self.finished:
            files["summary.json"] = json.dumps(self.summary, indent=1) + "\n"
            steady = window(self.verdict, 1, MOST_BARS)
            files["trace.json"] = trace_json(self.plan, self.verdict.programs, steady)
            files["report.html"] = plan_page(self.verdict, self.summary)
        return files

    def save(self, out: str | Path) -> Path:
        """Write plan.json, summary.json, trace.json and report.html into a folder, all or none."""
        write_folder_atomically(Path(out), self.files())
        return Path(out)


def resume(
    plan: Plan,
    pipeline: str | Pipeline,
    *,
    effort: str | Effort = Effort.DEFAULT,
    time_limit: float | None = None,
    seed: int = 0,
    stop: threading.Event | None = None,
    tell: Callable[[Progress], None] | None = None,
    instruments: Iterable[Instrument] = (),
) -> Compiled:
    """Carry on from a plan with more passes."""
    began = time.perf_counter()
    deadline = deadline_of(time_limit)
    timing = Timing()
    ctx = Context(seed, choice_of(Effort, effort, "effort"), deadline, stop or threading.Event(), tell or silent)
    after = pipeline_of(pipeline).run(plan, ctx, [timing, *instruments])
    return Compiled(after, seconds_of(0.0, timing, time.perf_counter() - began), work=ctx.work.by_solver)


FOREVER = 1e9
"""Seconds that no search lasts: a longer limit, infinity too, is as good as none."""

SOON = 1e-3
"""Seconds that a search gets after the time limit of all is over: what it starts from is all it finds."""


@dataclass(frozen=True)
class Series:
    """Several searches under one time limit and one stop; options are those of `resume` without the limit. work: what
    all of them spent."""

    options: Mapping[str, Any]
    deadline: float | None = None
    work: Work = field(default_factory=Work, compare=False, repr=False)

    @staticmethod
    def of(options: Mapping[str, Any]) -> Series:
        """A series that begins now; of the options those that `resume` has."""
        kept = {k: options[k] for k in ("effort", "seed", "stop", "tell") if k in options}
        return Series(kept, deadline_of(options.get("time_limit")))

    @property
    def over(self) -> bool:
        """Whether the user or the clock wants it to end."""
        stop = self.options.get("stop")
        return (stop is not None and stop.is_set()) or (self.deadline is not None and time.monotonic() > self.deadline)

    def resume(self, plan: Plan, pipeline: str | Pipeline) -> Compiled:
        """Carry on from a plan in the time that is left."""
        left = None if self.deadline is None else max(SOON, self.deadline - time.monotonic())
        made = resume(plan, pipeline, time_limit=left, **self.options)
        for solver, seconds in (made.work or {}).items():
            self.work.spend(solver, seconds)
        return made

    def bounded(self, plan: Plan, pipeline: Pipeline) -> Plan:
        """The plan with the bound over all that the pipeline's placement may decide."""
        proof = next(step.proof for step in pipeline.passes if "placement" in step.provides)
        return self.resume(plan, proof).plan


def deadline_of(time_limit: float | None) -> float | None:
    """When the searches must end, on the monotonic clock."""
    if time_limit is None:
        return None
    if not time_limit > 0:
        raise MapperError(
            f"a time limit of {time_limit:g} s leaves no time to search", hint="give seconds above 0, or none"
        )
    return time.monotonic() + min(time_limit, FOREVER)


def silent(progress: Progress) -> None:
    """Tell nobody."""


def choice_of(kind: Any, text: Any, what: str) -> Any:
    """The member of an enumeration that a text names; `what` it is stands in the error."""
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"no {what} '{text}'; {did_you_mean(str(text), [k.value for k in kind])}") from None


def seconds_of(imported: float, timing: Timing, total: float) -> dict[str, Any]:
    """The `seconds` field of a summary: rounded to milliseconds."""
    passes = {name: round(s, 3) for name, s in timing.seconds.items()}
    solve = sum(s for name, s in passes.items() if name.startswith("place") or name == "schedule")
    return {"import": round(imported, 3), "passes": passes, "solve": round(solve, 3), "total": round(total, 3)}
