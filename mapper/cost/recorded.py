"""The verdict of a finished plan from the figures that it records, without running its steady state again."""

from __future__ import annotations

from mapper.cost.judge import Verdict, judge, peaks
from mapper.cost.program import Spelling
from mapper.cost.replay import replay
from mapper.cost.steady import Steady, loads_per_request
from mapper.ir.plan import Plan


def recorded(plan: Plan, spelling: Spelling | None = None) -> Verdict:
    """What the judge said of the plan when it was made: its calls are replayed by their schedule, and the time between
    requests is the recorded one, which only `check` derives again.

    A plan whose other figures are not what the replay finds is judged anew, and so is one that records none. Raises
    InvalidPlan as `judge` does.
    """
    if plan.figures is None or plan.schedule is None or plan.memory is None:
        return judge(plan, spelling)
    spelling = spelling or Spelling(plan)
    programs = spelling.programs()
    slots = {s.what: s for s in plan.schedule}
    calls = tuple(replay(program, slots) for program in programs)
    loads = loads_per_request(programs, [p.calls for p in plan.phases])
    interval = dict(plan.figures).get("interval_ticks", 0)
    busiest = max(loads, key=lambda r: (loads[r], r), default="")
    part = loads[busiest] / interval if busiest and interval else 0.0
    found = Verdict(plan, programs, calls, Steady(interval, busiest, part, 0), loads, peaks(plan))
    return found if found.figures == plan.figures and part <= 1 else judge(plan, spelling)
