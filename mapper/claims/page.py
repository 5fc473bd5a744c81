"""Checked claims as Markdown: one table of all, then each claim with how it was computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mapper.claims import words
from mapper.claims.claim import ClaimsFile
from mapper.claims.found import Table
from mapper.claims.verdict import Checked, Said
from mapper.errors import plain


def markdown(file: ClaimsFile, done: Sequence[Checked]) -> str:
    """The page; equal claims and answers give equal bytes."""
    lines = [f"# Claims: {_cell(file.name)}", "", *([_cell(file.about), ""] if file.about else [])]
    counts = [(said, sum(c.said is said for c in done)) for said in Said]
    lines += [f"Written by `mapper claims`: {', '.join(f'{n} {said.value}' for said, n in counts if n)}.", ""]
    lines += [*_overview(done), "", *(line for c in done for line in _claim(c))]
    return "\n".join(plain(line).replace("<", "&lt;") for line in lines)


def _overview(done: Sequence[Checked]) -> Iterator[str]:
    yield "| claim | figure | said | found | verdict |"
    yield "|---|---|---|---|---|"
    for c in done:
        shown = [v for v in c.verdicts if v.published is not None] or list(c.verdicts[:1])
        for k, v in enumerate(shown):
            name = f"[{c.claim.id}](#{_anchor(c.claim.id)})" if k == 0 else ""
            verdict = f"**{v.said.value}**" if v.published is None else f"**{v.words}**"
            yield f"| {name} | {v.figure.replace('_', ' ')} | {words.said(v)} | {words.found(v)} | {verdict} |"
        if not shown:
            yield f"| [{c.claim.id}](#{_anchor(c.claim.id)}) | | | | **{c.said.value}**: {_cell(c.why_not)} |"


def _claim(c: Checked) -> Iterator[str]:
    yield f"## {c.claim.id}"
    yield ""
    yield f"{_cell(c.claim.claim)}"
    yield ""
    if c.claim.quote:
        yield f"> {c.claim.quote}"
        yield ""
    yield f"Said by: {c.claim.source}. Verdict: **{c.said.value}**."
    yield ""
    if c.why_not:
        yield f"Why not: {c.why_not}. {c.hint}".rstrip()
        yield ""
    for v in c.verdicts:
        told = f": {v.because}" if v.because else ""
        verdict = f", {v.words}" if v.published is not None else ""
        said = f" (said: {words.said(v)})" if v.published is not None else ""
        yield f"- **{v.figure.replace('_', ' ')}** {words.found(v)}{said}{verdict}{told}"
    yield from (f"- {step}" for step in c.found.steps)
    yield ""
    for table in c.found.tables:
        yield from _table(table)
    if c.claim.beyond:
        yield f"Beyond the check: {c.claim.beyond}"
        yield ""
    if c.found.rests_on:
        yield "Rests on:"
        yield ""
        yield from (f"- {line}" for line in c.found.rests_on)
        yield ""


def _table(table: Table) -> Iterator[str]:
    yield f"{table.words[:1].upper()}{table.words[1:]}:"
    yield ""
    yield f"| {' | '.join(map(_cell, table.columns))} |"
    yield f"|{'---|' * len(table.columns)}"
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in table.rows)
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _anchor(name: str) -> str:
    """The anchor that a heading of this name has on code hosts."""
    return "".join(c for c in name.lower().replace(" ", "-") if c.isalnum() or c in "-_")
