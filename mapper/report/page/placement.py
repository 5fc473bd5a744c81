"""Where each op runs and why, as a table that is searched by op."""

from __future__ import annotations

import json
from typing import Any

from mapper.cost.judge import Verdict
from mapper.report.moves import Moves
from mapper.report.page.shell import Section, seen
from mapper.report.placements import placement_rows
from mapper.report.reasons import Reason, reasons, refused_by
from mapper.report.remedies import remedy

_OWN = ("op", "ops", "unit", "start_s")
"""Fields in which equal layers differ; all others are kept once for all that agree in them."""

_LEAD = (
    "A row opens to what else could run the op, and what cannot and why. Of other kinds of units: the time and the "
    "energy by themselves, then what the plan would become if all equal ops moved there and the rest stayed."
)


def section(verdict: Verdict, summary: dict[str, Any]) -> Section | None:
    """The placement of every task; nothing where there is none.

    rows: op, unit, start in its call, and which of `records` has the rest. ops: what runs together under a name.
    choices: alternatives and refusals, to which records refer. share, of a record: the part that one of its tasks has
    in all busy time of a request.
    """
    found = placement_rows(verdict)
    if not found:
        return None
    tasks = [t.name for t in verdict.plan.tasks or ()]
    choices, chosen = _choices(verdict)
    total = sum(row["time_s"] * row["calls"] for row in found) or 1.0
    records: dict[str, int] = {}
    rows, ops = [], {}
    for task, row in zip(tasks, found, strict=True):
        record = {name: seen(value) for name, value in row.items() if name not in (*_OWN, "alternatives")}
        record["share"] = seen(row["time_s"] * row["calls"] / total)
        record["choice"] = chosen.get(task, -1)
        index = records.setdefault(json.dumps(record), len(records))
        rows.append((row["op"], row["unit"], seen(row["start_s"]), index))
        if row["ops"] != [row["op"]]:
            ops[row["op"]] = row["ops"]
    data = {
        "rows": rows,
        "records": [json.loads(text) for text in records],
        "choices": choices,
        "ops": ops,
        "fallbacks": sum(bool(row["fallback"]) for row in found),
    }
    return Section("placement", "Placement", data, _LEAD)


def _choices(verdict: Verdict) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """What else there is for each class of equal tasks, and which of these each task has."""
    plan, moves = verdict.plan, Moves(verdict)
    found: list[dict[str, Any]] = []
    chosen: dict[str, int] = {}
    for reason in reasons(plan):
        chosen.update(dict.fromkeys(reason.tasks, len(found)))
        found.append({"alternatives": _alternatives(reason, moves), "refused": _refused(reason.refused)})
    free: dict[tuple[str, str], int] = {}  # views of values cost nothing wherever they are
    for task in plan.tasks or ():
        if task.name not in chosen:
            key = (plan.cluster[task.cluster].repeat, task.phase)
            if key not in free:
                free[key] = len(found)
                found.append({"alternatives": [], "refused": _refused(refused_by(plan, *key))})
            chosen[task.name] = free[key]
    return found, chosen


def _alternatives(reason: Reason, moves: Moves) -> list[dict[str, Any]]:
    rows = []
    for other in reason.alternatives:
        row = other.data() | moves.to(reason.tasks, other.option).data()
        rows.append({name: seen(value) for name, value in row.items()})
    return rows


def _refused(refused: tuple[tuple[str, str], ...]) -> list[tuple[str, str, str]]:
    """Kinds of units, why they refuse, and what it would take."""
    return [(kind, why, remedy(why)) for kind, why in refused]
