"""Checked claims as text: one block each, the verdict first, in as many columns as there are."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from mapper.claims import words
from mapper.claims.found import Table
from mapper.claims.verdict import Checked, Said
from mapper.report.units import shorten

LEAST, MOST = 56, 140
MARKS = {Said.REPRODUCED: "=", Said.ANSWERED: "·", Said.OPEN: "≈", Said.DIFFERS: "≠", Said.UNCHECKED: "?"}
INDENT = 4
NARROWEST = 8
"""Columns of a cell that is folded, at least."""
NUMBERS = ("-", "<", ">", *"0123456789")


def screen(done: Sequence[Checked], width: int = 100, *, brief: bool = False) -> str:
    """All claims, then how many have each verdict. brief: figures only, without tables and what they rest on."""
    room = max(LEAST, min(MOST, width)) - 2
    blocks = [list(_block(c, room, brief)) for c in done]
    blocks.append(list(_overview(done, room)))
    return "\n\n".join("\n".join(f"  {line}".rstrip() for line in block) for block in blocks) + "\n"


def _block(c: Checked, room: int, brief: bool) -> Iterator[str]:
    head = f"{MARKS[c.said]} {c.claim.id}"
    yield f"{head}{c.said.value:>{max(1, room - len(head))}}"
    yield from _wrapped(c.claim.claim, room)
    if c.why_not:
        yield from _wrapped(c.why_not, room, "why not  ")
        if c.hint:
            yield from _wrapped(c.hint, room, "next     ")
    else:
        yield ""
        yield from _figures(c, room)
    if brief:
        return
    for step in c.found.steps:
        yield from _wrapped(step, room, "computed  ")
    for table in c.found.tables:
        yield ""
        yield from _table(table, room)
    if c.claim.beyond:
        yield ""
        yield from _wrapped(c.claim.beyond, room, "beyond    ")
    if c.found.rests_on:
        yield ""
        for k, line in enumerate(c.found.rests_on):
            yield from _wrapped(line, room, "rests on  " if k == 0 else " " * 10)
    yield from _wrapped(c.claim.source, room, "said by   ")


def _figures(c: Checked, room: int) -> Iterator[str]:
    names = max(len(v.figure) for v in c.verdicts)
    said = max(len(words.said(v)) for v in c.verdicts)
    ends = all(INDENT + names + said + len(words.found(v)) + 5 <= room for v in c.verdicts)
    found = max(len(words.found(v, ends)) for v in c.verdicts)
    yield f"{'':<{INDENT}}{'':<{names}}  {'said':>{said}}   {'found':<{found}}"
    for v in c.verdicts:
        name = v.figure.replace("_", " ")
        line = f"{'':<{INDENT}}{name:<{names}}  {words.said(v):>{said}}   {words.found(v, ends):<{found}}   "
        verdict = v.words if v.published is not None else ""
        if len(line) + len(verdict) <= room:
            yield line + verdict
        else:
            yield line
            yield from _wrapped(verdict, room, "", INDENT + names + 2)
        if not ends:
            yield from _wrapped(words.ends(v), room, "", INDENT + names + 2)
        if v.because:
            yield from _wrapped(v.because, room, "because " if v.said is Said.DIFFERS else "", INDENT + names + 2)


def _table(table: Table, room: int) -> Iterator[str]:
    """A table whose wide columns are folded; those that have no room even then follow below, each row by its name."""
    yield from _wrapped(table.words, room)
    for n, shown in enumerate(_parts(table, room)):
        if n:
            yield ""
        columns = [table.columns[k] for k in shown]
        yield from _columns(columns, [[row[k] for k in shown] for row in table.rows], room)


def _parts(table: Table, room: int) -> Iterator[list[int]]:
    """The columns that have room side by side, folded as far as they may be; the first one stands before all others."""
    least = [min(NARROWEST, max(map(len, column))) for column in zip(table.columns, *table.rows, strict=True)]
    shown = [0]
    for k in range(1, len(least)):
        if len(shown) > 1 and INDENT + sum(least[i] for i in (*shown, k)) + 2 * len(shown) > room:
            yield shown
            shown = [0]
        shown.append(k)
    yield shown


def _columns(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    right = [_numbers([row[k] for row in rows]) for k in range(len(widths))]
    for _ in range(max(0, INDENT + sum(widths) + 2 * (len(widths) - 1) - room)):
        k = max(range(len(widths)), key=lambda i: (widths[i], i))
        widths[k] = max(NARROWEST, widths[k] - 1)
    for row in (columns, *rows):
        cells = [textwrap.wrap(cell, w) or [""] for cell, w in zip(row, widths, strict=True)]
        for i in range(max(map(len, cells))):
            line = "  ".join(
                f"{cell[i] if i < len(cell) else '':{'>' if r else '<'}{w}}"
                for cell, w, r in zip(cells, widths, right, strict=True)
            )
            yield f"{'':<{INDENT}}{line}".rstrip()


def _numbers(cells: Sequence[str]) -> bool:
    return all(not cell or cell[0] in NUMBERS for cell in cells) and any(cell[:1].isdigit() for cell in cells)


def _overview(done: Sequence[Checked], room: int) -> Iterator[str]:
    counts = [(said, sum(c.said is said for c in done)) for said in Said]
    yield f"{len(done)} claim{'s' * (len(done) != 1)}: " + ", ".join(f"{n} {s.value}" for s, n in counts if n)
    if len(done) < 2:
        return
    names = max(len(c.claim.id) for c in done)
    for c in done:
        first = next((v for v in c.verdicts if v.published is not None), None)
        told = c.why_not or (f"{first.figure.replace('_', ' ')}: {first.words}" if first else c.said.value)
        worst = next((v for v in c.verdicts if v.published is not None and v.said is c.said), first)
        if worst is not None and not c.why_not:
            told = f"{worst.figure.replace('_', ' ')} {words.found(worst)}, said {words.said(worst)}: {worst.words}"
        yield f"{MARKS[c.said]} {c.claim.id:<{names}}  {shorten(told, room - names - 4, end=True)}"


def _wrapped(text: str, room: int, label: str = "", indent: int = INDENT) -> list[str]:
    first, rest = " " * indent + label, " " * (indent + len(label))
    return textwrap.wrap(text, room, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
