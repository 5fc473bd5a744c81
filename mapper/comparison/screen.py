"""A comparison as text: one table, the best first, what limits each target, and why some have no plan."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import pairwise

from mapper.comparison.answers import FAILED, MISSING, REFUSED, Answer
from mapper.comparison.comparison import KEYS, Comparison, Key, part_of, ratios, span, undecided, value
from mapper.report.units import bar, percent, shorten, si, times

WIDTH = 118
BAR = 6
NAMES = 18
"""Columns of the longest name that is not shortened."""

COLUMNS = (9, 12, 10)
"""Columns of three figures."""

_RATIOS = ("throughput", "ttft", "tpot", "energy-per-token", "power")


def screen(comparison: Comparison, by: Key | str, baseline: str = "") -> str:
    """The whole comparison."""
    order = comparison.ordered(by)
    key = by if isinstance(by, Key) else comparison.own
    plans = [a for a in order if a.found]
    blocks = [[_headline(comparison, key)]]
    if plans:
        blocks.append(_table(comparison, key, plans, comparison.best(key)))
        base = comparison.baseline(baseline)
        if base is not None:
            blocks.append(_against(base, plans))
        blocks.append(_limited(plans))
    for outcome, title in (
        (REFUSED, "no plan"),
        (FAILED, "failed"),
        (MISSING, "not asked: interrupted"),
    ):
        found = [a for a in order if a.outcome == outcome]
        if found:
            blocks.append(_without(found, title))
    return "\n\n".join("\n".join(f"  {line}".rstrip() for line in lines) for lines in blocks) + "\n"


def _headline(comparison: Comparison, key: Key) -> str:
    asked, best = comparison.asked, comparison.best(key)
    goal = " ".join([asked["objective"], *(["subject to", *asked["limits"]] if asked["limits"] else [])])
    number = len(comparison.answers)
    words = f"{asked['model']} on {number} target{'s' * (number != 1)} · {goal}"
    if best is not None:
        words += f" · best by {key.title}: {best.target} ({figure(key, best)})"
    return shorten(words, WIDTH - 2, end=True)


def figure(key: Key, answer: Answer) -> str:
    """A figure as people read it."""
    found = value(key, answer)
    if found is None:
        return "-"
    return percent(found) if key.name == "gap" else si(found, key.unit)


def _banded(key: Key, answer: Answer) -> str:
    """The figure with its error band."""
    bands = answer.row.get("bands", {})
    if key.band not in bands or value(key, answer) is None:
        return figure(key, answer)
    return f"{figure(key, answer)} ±{percent(bands[key.band]['relative']).replace(' ', '')}"


def _table(comparison: Comparison, key: Key, plans: Sequence[Answer], best: Answer | None) -> list[str]:
    """A line for each plan: the bar is its part of the best one's figure."""
    room = _room(plans)
    rest = [k if k is not key else KEYS["throughput"] for k in (KEYS["tokens"], KEYS["ttft"], KEYS["tpot"])]
    energy = KEYS["energy-per-token"] if key.name != "energy-per-token" else KEYS["energy"]
    head = f"{'target':<{room}}   {key.title:<{BAR + 14}}"
    head += "".join(f"{k.title:>{n}}" for k, n in zip(rest, COLUMNS, strict=True))
    head += f"{energy.title:>15}{'power':>14}{'gap':>7}{'time':>8}"
    lines = [head]
    for above, answer in zip([None, *plans], plans, strict=False):
        part = part_of(key, answer, best) if best is not None else None
        open_ = above is not None and undecided(key, above, answer)
        line = f"{shorten(answer.target, room):<{room}} {'~' if open_ else ' '} {bar(part or 0.0, BAR)}"
        line += f"{_banded(key, answer):>14}" + "".join(
            f"{figure(k, answer):>{n}}" for k, n in zip(rest, COLUMNS, strict=True)
        )
        line += f"{_banded(energy, answer):>15}{_power(answer):>14}{figure(KEYS['gap'], answer):>7}{_time(answer):>8}"
        lines.append(line)
    return lines + _notes(key, plans)


def _notes(key: Key, plans: Sequence[Answer]) -> list[str]:
    notes = []
    if any(undecided(key, a, b) for a, b in pairwise(plans)):
        notes.append("~  the error bands leave open whether it or the line above is better")
    if len(plans) > 1 and all(span(key, a) is None for a in plans):
        notes.append(f"no error band is known of {key.title}: near figures may be in either order")
    cut = [a.target for a in plans if a.row["status"] == "interrupted"]
    if cut:
        notes.append(f"interrupted, best so far: {', '.join(cut)}")
    reused = sum(a.reused for a in plans)
    if reused:
        notes.append(f"{reused} of {len(plans)} known from before (time: what finding it took then)")
    return ["", *notes] if notes else []


def _power(answer: Answer) -> str:
    most = answer.row.get("power_limit_w")
    used = value(KEYS["power"], answer) or 0.0
    return figure(KEYS["power"], answer) + (f" {percent(used / most).replace(' ', ''):>5}" if most else "")


def _time(answer: Answer) -> str:
    return f"{answer.seconds:.1f} s{'*' if answer.reused else ''}"


def _against(base: Answer, plans: Sequence[Answer]) -> list[str]:
    """Ratios to the baseline."""
    room = _room(plans)
    keys = [KEYS[name] for name in _RATIOS]
    lines = [f"{f'over {shorten(base.target, room)}':<{room + 5}}" + "".join(f"{k.title:>14}" for k in keys)]
    for answer in plans:
        found = ratios(answer, base)
        cells = [found[k.field] for k in keys]
        words = "".join(f"{'-' if cell is None else times(cell):>14}" for cell in cells)
        lines.append(f"{shorten(answer.target, room):<{room + 5}}{words}")
    return lines


def _limited(plans: Sequence[Answer]) -> list[str]:
    """The largest cause of each target's value."""
    room = _room(plans)
    lines = ["limited by"]
    for answer in plans:
        causes = answer.row["limited_by"]
        words = ", ".join(f"{c['what']} {percent(c['part'])}" for c in causes[:2]) or "nothing"
        lines.append(f"{shorten(answer.target, room):<{room}}   {shorten(words, WIDTH - room - 5, end=True)}")
    return lines


def _without(answers: Sequence[Answer], title: str) -> list[str]:
    """Why targets have no plan, and what would help."""
    room = _room(answers)
    lines = [title]
    for answer in answers:
        row = answer.row
        texts = [row.get("reason", ""), *row.get("details", [])[:2], *([row["levers"]] if row.get("levers") else [])]
        wrapped = [
            line
            for text in texts
            if text
            for line in textwrap.wrap(text.strip(), WIDTH - room - 5, break_on_hyphens=False)
        ] or [""]
        lines += [
            f"{shorten(answer.target, room) if i == 0 else '':<{room}}   {line}" for i, line in enumerate(wrapped)
        ]
    return lines


def _room(answers: Sequence[Answer]) -> int:
    return min(NAMES, max(6, *(len(a.target) for a in answers)))
