"""How to make the plan again: the command, the file's hash, the versions."""

from __future__ import annotations

from typing import Any

from mapper.cost.judge import Verdict
from mapper.report.page.shell import Section
from mapper.report.reproduce import command


def section(verdict: Verdict, summary: dict[str, Any]) -> Section:
    """The command and what its result depends on."""
    plan = verdict.plan
    source = dict(plan.source)
    labels = {"model": "model", "sha256": "SHA-256 of the model", "effort": "effort", "seed": "seed"}
    more = {"time_limit_s": "time limit (s)", "expect": "expected sizes", "pipeline": "pipeline"}
    rows = [(label, source[key]) for key, label in {**labels, **more}.items() if key in source]
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    rows += [("target", plan.target.name), ("versions", versions)]
    lead = "The same command, with the same versions, writes the same plan byte for byte."
    if "time_limit_s" in source:
        lead = "With a time limit, how far the search gets depends on the machine."
    return Section("reproduce", "Reproduce", {"command": command(plan), "facts": rows}, lead)
