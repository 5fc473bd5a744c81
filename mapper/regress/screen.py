"""A comparison with a baseline as text, as Markdown for a pull request, and as JUnit's XML for a CI server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mapper.errors import plain
from mapper.regress.chance import LEAST
from mapper.regress.compared import Compared
from mapper.regress.said import Change, Said
from mapper.regress.timings import PART
from mapper.regress.verdicts import Verdict
from mapper.report.units import shorten

WIDTH = 118
SHOWN = 30
"""Cases that a screen has room for."""
NAME = 46
"""Characters of a case's name beside other words."""
METRICS = 4
"""Metrics of a case that are told."""
PERCENT = 100
"""Times as much as before, up to which a change is told in percent: a gap that was 1e-10 says nothing that way."""
SLOWER = 5
"""Cases whose seconds are told."""


def screen(found: Compared, whole: bool = False) -> str:
    """The cases that are not the same, the worst first, with their metrics and why; those that fail nothing and got no
    better in a line each. whole: all of them, and all in full."""
    lines = [_headline(found), ""]
    told = found.told
    for one in told if whole else told[:SHOWN]:
        full = whole or one.fails or one.said is Said.BETTER
        lines += case_lines(one, found.reasons.get(one.case, ())) if full else _in_short(one)
    if not whole and told[SHOWN:]:
        lines.append(f"and {len(told) - SHOWN} more (--all shows them)")
    if told:
        lines.append("")
    lines += [*_wrap(together(found)), *clock(found), _end(found)]
    return "\n".join(f"  {line}".rstrip() for line in lines) + "\n"


def _headline(found: Compared) -> str:
    last = found.baseline.accepted[-1] if found.baseline.accepted else None
    accepted = f" · accepted {last.when[:10]}: {last.why}" if last else ""
    accepted = accepted or (f" · against {found.baseline.source}" if found.baseline.source else "")
    return shorten(plain(f"{found.suite} · {len(found.verdicts)} cases{accepted}"), WIDTH - 2, end=True)


def together(found: Compared) -> str:
    """What all searches say together, where enough of them ended elsewhere; else ''."""
    s = found.search
    if s.cases < LEAST:
        return ""
    how = "the search finds less" if s.worse else "as chance would have it" if s.change <= 0 else "no loss"
    return f"tasks moved in {s.cases} cases: their objectives {s.change:+.2%} on the mean (p = {s.p:.2g}), {how}"


def clock(found: Compared) -> Iterator[str]:
    """What is to be said of seconds, where any case was measured anew and often enough before."""
    cases = found.timings.cases
    if not cases:
        return
    ratio, low, high = found.timings.together
    yield (
        f"seconds by the clock: {ratio:.2f} times those of before ({100 * PART:.0f} % interval over "
        f"{len(cases)} cases: {low:.2f} to {high:.2f}); they fail nothing"
    )
    told = found.timings.told
    for t in told[:SLOWER]:
        seconds = f"{t.seconds:.1f} s, before {t.before:.1f} s in {t.runs} runs (z = {t.z:+.1f})"
        yield f"  {t.said}: {shorten(plain(t.case), WIDTH - 70)} {seconds}"
    if told[SLOWER:]:
        yield f"  and {len(told) - SLOWER} more"


def _end(found: Compared) -> str:
    words = ", ".join(f"{n} {said.value}" for said, n in found.counts.items()) or "no case"
    return f"{'FAILED' if found.fails else 'passed'}: {words}"


def case_lines(one: Verdict, reasons: Sequence[str] = ()) -> Iterator[str]:
    """A verdict with what changed most, and why, in lines."""
    yield f"{one.said.value:<14} {shorten(plain(one.case), WIDTH - 17)}"
    if one.words:
        yield from (f"    {line}" for line in _wrap(one.words))
    for change in one.changes[:METRICS]:
        yield f"    {shorten(change.metric, 34):<34} {_numbers(change)}"
    if one.changes[METRICS:]:
        yield f"    and {len(one.changes) - METRICS} more metrics"
    for reason in reasons:
        yield from (f"    {line}" for line in _wrap(reason))


def _in_short(one: Verdict) -> Iterator[str]:
    """A verdict that needs nobody to look at it: a line, and its words."""
    words = ""
    if one.changes and not one.words:
        first, more = one.changes[0], len(one.changes) - 1
        moved = "" if first.change is None else f" {100 * first.change:+.3g} %"
        words = f"{first.metric}{moved}" + (f", {more} more" if more else "")
    name = shorten(plain(one.case), NAME)
    yield f"{one.said.value:<14} {name:<{NAME}} {shorten(plain(words), WIDTH - NAME - 18, end=True)}".rstrip()
    yield from (f"    {line}" for line in _wrap(one.words))


def _numbers(change: Change) -> str:
    before, after = (("-" if x is None else f"{x:.6g}") for x in (change.before, change.after))
    relative = _relative(change)
    return (
        f"{before:>12} -> {after:<12}  {relative}  {'' if change.said is Said.CHANGED else change.said.value}".rstrip()
    )


def _relative(change: Change) -> str:
    """The change in percent; '' for one that percents do not tell."""
    return "" if change.change is None or abs(change.change) > PERCENT else f"{100 * change.change:+.2f} %"


def _wrap(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(plain(text), WIDTH - 6, break_on_hyphens=False)


def markdown(found: Compared) -> str:
    """A table of the cases that are not the same, for the comment on a change."""
    lines = [f"### Mappings of {_cell(found.suite)}: {_end(found)}", ""]
    full = [one for one in found.told if one.fails or one.said in (Said.BETTER, Said.NEW)]
    if full:
        lines += ["| case | verdict | metric | before | now | change |", "|---|---|---|---:|---:|---:|"]
    for one in full:
        rows: list[Change | None] = [*one.changes[:METRICS]] or [None]
        for k, change in enumerate(rows):
            name, said = (_cell(one.case), one.said.value) if k == 0 else ("", "")
            lines.append(f"| {name} | {said} | {_row(change) if change else f'{_cell(one.words)} | | | '} |")
    lines += [f"\n{_cell(line)}" for line in (*_wrap(together(found)), *clock(found))]
    lines += [f"\n{_cell(one.case)}: {_cell(one.words)}" for one in full if one.words and one.changes]
    for one in full:
        lines += [f"\n{_cell(one.case)}: {_cell(reason)}" for reason in found.reasons.get(one.case, ())]
    if aside := [_cell(one.case) for one in found.told if one not in full]:
        lines.append(f"\n{len(aside)} changed in what nobody searched for, or were skipped: {', '.join(aside)}")
    return "\n".join(lines) + "\n"


def _row(change: Change) -> str:
    before, after = (("" if x is None else f"{x:.6g}") for x in (change.before, change.after))
    relative = _relative(change)
    return f"{_cell(change.metric)} | {before} | {after} | {relative}"


def _cell(text: str) -> str:
    """Text that Markdown takes as it is: names of models and ops may be anything."""
    told = plain(text)
    for character in "\\`*_{}[]<>#|~":
        told = told.replace(character, f"\\{character}")
    return told


def junit(found: Compared) -> str:
    """A test case for each case: a failure where somebody must look at it, an error where it has no answer; and one for
    the search as a whole, where that found less."""
    fails = [v for v in found.verdicts if v.fails]
    errors = [v for v in fails if v.said is Said.BROKEN]
    counts = {
        "tests": len(found.verdicts) + found.search.worse,
        "failures": len(fails) - len(errors) + found.search.worse,
        "errors": len(errors),
        "skipped": sum(v.said is Said.SKIPPED for v in found.verdicts),
    }
    suite = Element("testsuite", {"name": plain(found.suite), **{k: str(n) for k, n in counts.items()}})
    for one in found.verdicts:
        seconds = 0.0 if one.after is None else one.after.timings.get("case_s", 0.0)
        case = SubElement(
            suite, "testcase", {"classname": plain(found.suite), "name": plain(one.case), "time": f"{seconds:.3f}"}
        )
        if one.said is Said.SKIPPED:
            SubElement(case, "skipped", {"message": plain(one.words)})
        if not one.fails:
            continue
        said = one.words or ", ".join(f"{c.metric} {_numbers(c)}" for c in one.changes[:1])
        kind = "error" if one.said is Said.BROKEN else "failure"
        node = SubElement(case, kind, {"type": one.said.value, "message": plain(said)})
        node.text = "\n".join(map(plain, [*case_lines(one), *found.reasons.get(one.case, ())]))
    if found.search.worse:
        case = SubElement(suite, "testcase", {"classname": plain(found.suite), "name": "all searches together"})
        SubElement(case, "failure", {"type": Said.WORSE.value, "message": plain(together(found))})
    indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode") + "\n"
