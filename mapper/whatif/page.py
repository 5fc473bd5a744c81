"""The tornado table as a page with a chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapper.report.page.shell import Section, page
from mapper.report.units import si
from mapper.whatif.text import sure

_UNITS = {"throughput": " requests/s", "energy": "J", "edp": "J s"}
"""The unit of an objective's value; times are in s."""


def whatif_page(data: Mapping[str, Any]) -> str:
    """One HTML file from the data of a tornado table."""
    lead = (
        f"Each figure of the target divided and multiplied by {data['factor']:g}: the change of the {data['objective']}"
    )
    shown = {**data, "facts": _facts(data)}
    chart = Section("tornado", "What each figure is worth", shown, f"{lead}, better to the right.")
    return page(f"{data['model']} on {data['target']}: what if", [chart], f"{data['objective']} now: {_now(data)}")


def _now(data: Mapping[str, Any]) -> str:
    """The value of the objective as the target is."""
    goal, before = data["objective"], data["before"]
    value = before["throughput_per_s"] if goal == "throughput" else before["objective"]
    unit = _UNITS.get(goal, "s")
    return f"{si(value)}{unit}" if unit.startswith(" ") else si(value, unit)


def _facts(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How the rows are to be read, how well they are known, and what has none."""
    goal = data["objective"]
    answers = [(row, a) for row in data["rows"] for a in (row["less"], row["more"]) if a is not None]
    facts = []
    gaps = [(a["gap"], a["changes"][0]) for row, a in answers if row["felt"] and a["gap"] is not None]
    if gaps:
        words = "a change smaller than its own gap may be the search's, not the chip's"
        facts.append(("proven", f"{sure(gaps)}; {words}"))
    if any(row["shadow_price"] for row in data["rows"]):
        least = "rises" if goal == "throughput" else "falls"
        facts.append((
            "shadow price",
            f"by so many % the proven bound of the {goal} {least} for each % the figure gets better, told of the rows "
            "with the largest effect; below 0 the next step makes it worse, though a larger one may not",
        ))  # fmt: skip
    others = " and ".join(x for x in ("throughput", "energy", "latency") if x != goal)
    facts.append((others, f"what the plan found takes then; it is searched for the {goal}, not for them"))
    silent = [row["parameter"] for row in data["rows"] if not row["felt"] and (row["less"] or row["more"])]
    refused = [f"{a['changes'][0]} ({a['refusal']})" for _, a in answers if a["refused"]]
    lost = [f"{a['changes'][0]}: {a['refusal']}" for _, a in answers if a["after"] is None and not a["refused"]]
    return [
        *facts,
        *((word, told) for word, told in
          (("no plan", "; ".join(lost)), ("not asked", ", ".join(refused)), ("no effect", ", ".join(silent))) if told),
    ]  # fmt: skip
