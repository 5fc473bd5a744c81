"""A comparison as a page: bars by target, energy against throughput with error bands, and the table."""

from __future__ import annotations

from typing import Any

from mapper.report.page.shell import Section, page


def html(data: dict[str, Any]) -> str:
    """The page of what `Comparison.data` gives."""
    asked, number = data["asked"], len(data["targets"])
    goal = " ".join([asked["objective"], *(["subject to", *asked["limits"]] if asked["limits"] else [])])
    targets = f"{number} target{'s' * (number != 1)}"
    section = Section(
        "compare",
        "Targets",
        data,
        "The best by the objective comes first. Bars and whiskers: estimates and their error bands; where two bands "
        "overlap, either target may be the better one.",
    )
    return page(
        f"{asked['model']} on {targets}", [section], f"{goal} · effort {asked['effort']} · seed {asked['seed']}"
    )
