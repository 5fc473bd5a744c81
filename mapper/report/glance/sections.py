"""All sections that show a plan at a glance, by name."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote, split
from typing import Any

from mapper.cost.judge import Verdict
from mapper.errors import UsageError, did_you_mean
from mapper.report.bound_lines import bound_lines
from mapper.report.glance import causes, parts, roofs, timeline
from mapper.report.glance.section import Make, Section
from mapper.report.reproduce import command
from mapper.report.units import shorten
from mapper.versions import versions


def bound(verdict: Verdict) -> Section:
    """The bound, and how far the plan is from it."""
    rows = [{"objective": b.objective, "value": b.value, "name": b.name} for b in verdict.plan.bounds or ()]
    lines = [part.strip() for line in bound_lines(verdict) for part in line.split("\n")]
    return Section("how far from the best", tuple(lines), rows)


def reproduce(verdict: Verdict) -> Section:
    """How to make the plan again: the command, the model that it was made of, and what its figures rest on."""
    plan, source = verdict.plan, dict(verdict.plan.source)
    model, digest = source.get("model", plan.graph.name), source.get("sha256", "")
    line, known = command(plan), versions()
    lines = [*_pasted(line), *([f"sha256 of {shorten(model, 32)}: {digest}"] if digest else [])]
    lines.append("with " + ", ".join(f"{name} {version}" for name, version in known.items()))
    return Section(
        "how to make it again", tuple(lines), {"command": line, "model": model, "sha256": digest, "versions": known}
    )


def _pasted(line: str) -> list[str]:
    """A command in lines that a shell takes as one, broken before its options."""
    lines, now = [], ""
    for word in map(quote, split(line)):
        if now and word.startswith("--") and len(now) > 60:
            lines.append(f"{now} \\")
            now = " "
        now = f"{now} {word}" if now else word
    return [*lines, now]


SECTIONS: dict[str, Make] = {
    "memories": parts.memories,
    "links": parts.links,
    "timeline": timeline.timeline,
    "steady": timeline.steady,
    "energy": causes.energy,
    "time": causes.time,
    "roofline": roofs.roofline,
    "bound": bound,
    "reproduce": reproduce,
}
"""The sections in the order in which they are shown."""

ASKED = ("steady",)
"""Sections that text shows only where they are asked for: what they simulate takes longer than all others."""


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """The sections of these names, in their order; all but those to be asked for where none is named. Raises UsageError
    for a name that there is not."""
    for name in names:
        if name not in SECTIONS:
            raise UsageError(f"no section '{name}'; {did_you_mean(name, ['answer', *SECTIONS])}")
    return tuple(n for n in SECTIONS if n in names or (not names and n not in ASKED))


def glance(verdict: Verdict, names: Sequence[str]) -> str:
    """The sections as text."""
    made = [found for name in names if (found := SECTIONS[name](verdict)) is not None]
    return "\n\n".join("\n".join([f"  {s.title}", *(f"    {line}".rstrip() for line in s.lines)]) for s in made)


def glance_data(verdict: Verdict, names: Sequence[str]) -> dict[str, Any]:
    """The sections as JSON data; null where a plan has nothing of the kind."""
    made = {name: SECTIONS[name](verdict) for name in names}
    return {name: found.data if found else None for name, found in made.items()}
