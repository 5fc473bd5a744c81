"""The page of a plan: what limits it, what runs where, and how far from the proven optimum it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mapper.cost.judge import Verdict
from mapper.report.page import bound, causes, headline, limiting, occupied, placement, reproduction, roofs, units
from mapper.report.page.floor import section as floor
from mapper.report.page.shell import Section, page
from mapper.report.page.timeline import section as timeline

SECTIONS: tuple[Callable[[Verdict, dict[str, Any]], Section | None], ...] = (
    headline.section,
    limiting.section,
    floor.section,
    timeline.section,
    roofs.section,
    causes.section,
    occupied.section,
    units.section,
    placement.section,
    bound.section,
    reproduction.section,
)
"""What the page shows, from the top down: each makes its section from the verdict and the plan's summary, or None where
a plan has nothing of the kind."""


def plan_page(verdict: Verdict, summary: dict[str, Any]) -> str:
    """The page as HTML; `summary` is what `summarise` made of the verdict. Wall-clock times are left out: equal plans
    give equal bytes."""
    plan = verdict.plan
    sections = [made for make in SECTIONS if (made := make(verdict, summary)) is not None]
    return page(f"{plan.graph.name} on {plan.target.name}", sections, plan.target.about)
