"""Where each op runs and why, as a table that is searched by op."""

from __future__ import annotations

import json
from typing import Any

from mapper.cost.judge import Verdict
from mapper.report.page.shell import Section
from mapper.report.placements import placement_rows

_OWN = ("op", "ops", "unit", "start_s")
"""Fields in which equal layers differ; all others are kept once for all that agree in them."""


def section(verdict: Verdict, summary: dict[str, Any]) -> Section | None:
    """The placement of every task; nothing where there is none.

    rows: op, unit, start in its call, and which of `records` has the rest. ops: what runs together under a name. share,
    of a record: the part that one of its tasks has in all busy time of a request.
    """
    found = placement_rows(verdict)
    if not found:
        return None
    total = sum(row["time_s"] * row["calls"] for row in found) or 1.0
    records: dict[str, int] = {}
    kept: list[dict[str, Any]] = []
    rows, ops = [], {}
    for row in found:
        record = {name: _seen(value) for name, value in row.items() if name not in _OWN}
        record["share"] = _seen(row["time_s"] * row["calls"] / total)
        key = json.dumps(record, sort_keys=True)
        if key not in records:
            records[key] = len(kept)
            kept.append(record)
        rows.append((row["op"], row["unit"], _seen(row["start_s"]), records[key]))
        if row["ops"] != [row["op"]]:
            ops[row["op"]] = row["ops"]
    fell = sum(bool(row["fallback"]) for row in found)
    lead = "Alternatives are compared by their own cost: a unit that is faster may be full, or far from the data."
    return Section("placement", "Placement", {"records": kept, "rows": rows, "ops": ops, "fallbacks": fell}, lead)


def _seen(value: Any) -> Any:
    """A number with the digits that can be seen."""
    return float(f"{value:.4g}") if isinstance(value, float) else value
