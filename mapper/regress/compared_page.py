"""A comparison with a baseline as a page: which cases are not the same, by which metrics, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapper.regress.compared import Compared
from mapper.regress.said import FAILING, Said
from mapper.regress.screen import clock, together
from mapper.regress.verdicts import Verdict
from mapper.report.page import shell
from mapper.report.page.shell import Section

MEANING = {
    Said.BOUND_BROKEN: "a plan is beyond a proven bound",
    Said.BROKEN: "crash, time-out or wrong input",
    Said.INFEASIBLE_NOW: "there was a plan",
    Said.MISSING: "had an answer, and was not run, or is no longer asked",
    Said.WORSE: "beyond its tolerance",
    Said.GAP_WORSE: "only the proof is worse",
    Said.CHANGED: "neither better nor worse",
    Said.SKIPPED: "its data are not here",
    Said.BETTER: "beyond its tolerance",
    Said.NEW: "nothing to hold it against yet",
    Said.SAME: "as it was",
}
"""Verdicts in a few words; one that is not here stands for itself."""


def page(found: Compared) -> str:
    """The page as HTML; equal comparisons give equal bytes."""
    number = len(found.verdicts)
    words = f"{number} case{'s' * (number != 1)} of the run {found.run}"
    return shell.page(
        f"{found.suite}: mappings against {_against(found)}",
        verdict_sections(found, f"this run against {_against(found)}"),
        words,
    )


def verdict_sections(found: Compared, what: str, **more: Any) -> list[Section]:
    """How many cases have each verdict, and those that are not the same with their metrics, the worst first. what: is
    held against what; more: data of the first section."""
    return [
        Section("headline", "", {"what": what, **_headline(found), **more}, script="regress-headline"),
        Section(
            "verdicts",
            f"Against {_against(found)}",
            {
                "rows": [_row(one, found.reasons) for one in found.told],
                "all": len(found.verdicts),
                "before": "before" if found.baseline.source else "accepted",
            },
            ""
            if not found.told
            else "The worst first. A row opens to all its metrics and to where the change comes from.",
            script="regress-verdicts",
            needs=("metrics",),
        ),
    ]


def _against(found: Compared) -> str:
    return found.baseline.source or "what was accepted"


def _headline(found: Compared) -> dict[str, Any]:
    counts = [
        {"said": said.value, "count": n, "fails": said in FAILING, "meaning": MEANING.get(said, "")}
        for said, n in found.counts.items()
    ]
    last = found.baseline.accepted[-1] if found.baseline.accepted else None
    accepted = {"when": last.when, "who": last.who, "why": last.why, "cases": last.cases} if last else None
    notes = [line.strip() for line in (together(found), *clock(found)) if line]
    return {"fails": found.fails, "run": found.run, "counts": counts, "accepted": accepted, "notes": notes}


def _row(one: Verdict, reasons: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {
        "case": one.case,
        "said": one.said.value,
        "fails": one.fails,
        "words": one.words,
        "why": list(reasons.get(one.case, ())),
        "changes": [
            {"metric": c.metric, "said": c.said.value, "before": c.before, "after": c.after, "change": c.change}
            for c in one.changes
        ],
    }
