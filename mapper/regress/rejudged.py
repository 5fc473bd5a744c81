"""The accepted plan judged by present costs on the present target: what a search missed, apart from what got dearer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mapper.errors import MapperError
from mapper.regress.chance import EXACT, Judged
from mapper.regress.said import Said
from mapper.regress.verdicts import Verdict

if TYPE_CHECKING:  # judging loads passes and the simulator: only for what has moved
    from mapper.ir.plan import Plan

ASKED = ("graph", "phases", "objective", "precision", "limits", "batch", "clusters", "blocks", "tasks")
"""What two plans must have in common for the placement of the one to be one of the other."""

PRICES = ("target", "options")
"""What plans have in common beside that where nothing costs other than it did."""


def open_questions(found: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts on plans whose tasks moved, and value, bound or energy with them, the worst first: a cost or the
    search? Those that nobody is told of are asked as well: half a percent of chance hides a cost."""
    order = list(Said)
    some = [(_change(v), v) for v in found if _moved(v)]
    return [v for change, v in sorted(some, key=lambda row: (order.index(row[1].said), -row[0], row[1].case))
            if change > EXACT]  # fmt: skip


def _moved(found: Verdict) -> bool:
    before, after = found.before, found.after
    return bool(before and after and before.placed and after.placed and before.placed != after.placed)


def _change(found: Verdict) -> float:
    """How much value, bound or energy changed, relative, whichever most."""
    assert found.before is not None
    assert found.after is not None
    was, now = found.before.metrics, found.after.metrics
    names = [name for name in ("value", "bound", "energy_j") if was.get(name) and name in now]
    return max((abs(now[name] / was[name] - 1) for name in names), default=0.0)


def judged_now(found: Verdict, plans: Path) -> Judged | None:
    """The accepted plan as it is judged now; None where a plan is no longer kept, or it cannot be judged.
    plans: the folder of plans by key: of two answers to the same question only the later one is there."""
    assert found.before is not None
    assert found.after is not None
    if found.before.key == found.after.key:
        return None
    accepted, now = (plans / record.key / "plan.json" for record in (found.before, found.after))
    return judge_again(accepted, now) if accepted.is_file() and now.is_file() else None


def judge_again(accepted: Path, now: Path) -> Judged | None:
    """An accepted plan by the costs and on the target of the plan that was found now; None where its tasks are not
    those of the present plan, or cannot run where they did.

    Where options cost what they did the plan is judged as it stands; else its tasks stay where they were, and the
    passes that follow a placement make the rest anew.
    """
    from mapper.cost.judge import judge
    from mapper.cost.recorded import recorded
    from mapper.hw.work import PJ_PER_J
    from mapper.ir.serial import load
    from mapper.report.summary import value_and_bound

    try:
        before, after = load(accepted), load(now)
        if any(getattr(before, name) != getattr(after, name) for name in ASKED):
            return None
        same = all(getattr(before, name) == getattr(after, name) for name in PRICES)
        known = judge(before) if same else recorded(moved(before, after))
        return Judged(value_and_bound(known)[0], known.energy / PJ_PER_J / known.plan.requests_per_run)
    except (MapperError, KeyError, ValueError):  # a unit, its memory, an option or room is gone: nothing is said of it
        return None


def moved(before: Plan, after: Plan) -> Plan:
    """The later plan with its tasks placed as in the earlier one, finished. Raises MapperError, KeyError or ValueError
    where a task cannot run there."""
    from mapper.compiled import resume
    from mapper.cost.estimate import Estimator
    from mapper.cost.residency import residency
    from mapper.ir.verify import verify
    from mapper.pipeline.named import pipeline_of
    from mapper.pipeline.pipeline import Pipeline

    here = replace(after, placement=before.placement, search=None, schedule=None, memory=None, inflight=None,
                   figures=None)  # fmt: skip
    here = replace(here, residency=residency(here, Estimator(here.target, here.graph, here.phases, here.precision)))
    verify(here)
    asked = dict(after.source)
    tail = Pipeline(pipeline_of(asked.get("pipeline", "default")).split("placement")[1].passes[1:])
    return resume(here, tail, effort=asked.get("effort", "default"), seed=int(asked.get("seed", "0"))).plan
