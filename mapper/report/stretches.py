"""What the time of one request is spent on: the critical path of its calls, stretch by stretch, and why each waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mapper.cost.judge import Verdict
from mapper.hw.work import TICKS_PER_SECOND
from mapper.ir.goal import TIMES, Objective
from mapper.ir.request import runs
from mapper.report.bands import critical_legs
from mapper.report.limits import label_by_kind


@dataclass(frozen=True, slots=True)
class Stretch:
    """Activities of one class on the critical path. where: the kind of unit, or "links". times: how many a request
    waits for; ticks: of all of them. shared: ticks of it that come of sharing a memory with others; queued: ticks that
    the next activity spends in wait for the unit or the link, whose result it does not need."""

    what: str
    where: str
    times: int
    ticks: int
    shared: int
    queued: int

    def data(self, total: int) -> dict[str, Any]:
        """The same as JSON data; part is of so many ticks."""
        return {
            "what": self.what,
            "where": self.where,
            "times": self.times,
            "time_s": self.ticks / TICKS_PER_SECOND,
            "part": self.ticks / total if total else 0.0,
            "sharing_s": self.shared / TICKS_PER_SECOND,
            "queueing_s": self.queued / TICKS_PER_SECOND,
        }


WAITING = "nothing of the request runs"


def stretches(verdict: Verdict) -> list[Stretch]:
    """The classes of activities that the objective's time (of a whole request unless it is of the first or later
    tokens) is made of, longest first; they add up to it."""
    plan = verdict.plan
    objective = plan.objective if plan.objective in TIMES else Objective.LATENCY
    sums: dict[tuple[str, str], list[int]] = {}
    rows = zip(plan.phases, runs(plan, objective).counts, verdict.programs, verdict.calls, strict=True)
    for phase, count, program, call in rows:
        path = critical_legs(program.activities, call) if count else []
        took = 0
        for k, (i, length) in enumerate(path):  # from the last one back
            a = program.activities[i]
            queued = k > 0 and i not in program.activities[path[k - 1][0]].after
            unit = plan.target.unit.get(a.where)
            where = unit.kind if unit else "links"
            row = sums.setdefault((label_by_kind(verdict, phase.name, a), where), [0, 0, 0, 0])
            added = (1, length, max(0, length - a.ticks), length if queued else 0)
            row[:] = [old + count * new for old, new in zip(row, added, strict=True)]
            took += length
        if count and call.ticks > took:
            row = sums.setdefault((WAITING, ""), [0, 0, 0, 0])
            row[:2] = [row[0] + count, row[1] + count * (call.ticks - took)]
    found = [Stretch(what, where, *row) for (what, where), row in sums.items() if row[1]]
    return sorted(found, key=lambda s: (-s.ticks, s.what))
