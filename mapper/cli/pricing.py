"""`mapper cost`: what one piece of work costs, or a table of questions, priced row by row."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from mapper.cli.saying import say
from mapper.cli.steps import Steps
from mapper.cli.tables import output, table_of
from mapper.cost.pricing import Answer, Price, Pricer, Question, Refused
from mapper.cost.rows import COLUMNS, OPTIONAL, reader
from mapper.cost.work_text import price, work_of_text
from mapper.emit.files import write_atomically
from mapper.errors import MapperError, UsageError, did_you_mean
from mapper.hw.load import load_target
from mapper.report.units import si

ADDED = ("time_s", "energy_j", "low_s", "high_s")
NEEDED = ("target", "kind")
SHOWN = 10
"""Bad rows that an error names."""


def cost(args: Namespace) -> int:
    """One piece of work by `--work`, or a table by `--csv`."""
    if args.csv is None:
        if not args.target or not args.work:
            raise UsageError("mapper cost needs --target and --work, or --csv and --out")
        return _one(args)
    if args.work or args.target or args.unit or args.json:
        raise UsageError("--csv goes with --out and --keep-going only", hint="target and unit are columns of the table")
    if not args.out:
        raise UsageError("--csv needs --out", hint=f"mapper cost --csv {args.csv} --out priced.csv")
    return _table(Path(args.csv), Path(args.out), args.keep_going)


def _one(args: Namespace) -> int:
    """What one piece of work costs on a unit, or on every unit of a target."""
    target = load_target(args.target)
    if args.unit and args.unit not in target.unit:
        raise MapperError(f"{target.name} has no unit '{args.unit}'; {did_you_mean(args.unit, target.unit)}")
    work, wanted = work_of_text(args.work)
    rows = [price(target, unit, work, wanted) for unit in target.units if args.unit in (None, unit.name)]
    if args.json:
        say(json.dumps(rows if not args.unit else rows[0], indent=1) + "\n")
        return 0
    table = table_of("unit", "time", "energy", "limited by", "causes", "type", "band")
    for row in rows:
        if row["why_not"]:
            table.add_row(row["unit"], "-", "-", "", row["why_not"], "", "")
            continue
        causes = ", ".join(
            f"{c} {si(j, 'J')}" for c, j in sorted(row["energy_by_cause_j"].items(), key=lambda r: -r[1])
        )
        table.add_row(
            row["unit"], si(row["time_s"], "s"), si(row["energy_j"], "J"), row["limited_by"], causes, row["dtype"],
            f"± {row['band']:.0%}{'' if row['validated'] else ' unvalidated'}",
        )  # fmt: skip
    output().print(table)
    return 0


def _table(path: Path, out: Path, keep_going: bool) -> int:
    header, rows, lines = _read(path)
    read = reader(header)
    asked = [read(row) for row in rows]
    with Steps(live=True).step("cost", f"pricing {len(rows)} rows"):
        answered = iter(Pricer().answers([q for q in asked if isinstance(q, Question)]))
    answers = [q if isinstance(q, Refused) else next(answered) for q in asked]
    bad = [i for i, answer in enumerate(answers) if isinstance(answer, Refused)]
    if bad and not keep_going:
        raise MapperError(
            f"{path}: {len(bad)} of {len(rows)} rows cannot be priced; nothing was written",
            details=list(_told(path, header, rows, lines, answers, bad)),
            hint="correct them, or add --keep-going to price the others and find the reasons in a column `error`",
        )
    write_atomically(out, _written(header, rows, answers, keep_going))
    unused = [name for name in header if name not in (*COLUMNS, *OPTIONAL)]
    notes = [f"columns without a meaning here, kept as they are: {', '.join(unused)}"] if unused else []
    notes += [f"{len(bad)} of {len(rows)} rows have no price; the column `error` says why"] if bad else []
    for note in notes:
        sys.stderr.write(f"note: {note}\n")
    return 1 if bad else 0


def _read(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows and the line on which each row ends."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as problem:
        raise MapperError(f"{path}: cannot be read: {problem.strerror or problem}") from None
    except UnicodeDecodeError as problem:
        raise MapperError(f"{path}: not UTF-8 text (byte {problem.start})") from None
    table = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in table:
            if row:
                found.append(row)
                lines.append(table.line_num)
    except csv.Error as problem:
        raise MapperError(f"{path}:{table.line_num}: not CSV: {problem}") from None
    if not found:
        raise MapperError(f"{path}: is empty", hint=f"the first line names the columns: {','.join(COLUMNS)}")
    header = [name.strip() for name in found[0]]
    _check_header(path, header)
    for row, line in zip(found[1:], lines[1:], strict=True):
        if len(row) != len(header):
            raise MapperError(f"{path}:{line}: {len(row)} cells; the header has {len(header)}")
    return header, found[1:], lines[1:]


def _check_header(path: Path, header: Sequence[str]) -> None:
    for name in NEEDED:
        if name not in header:
            raise MapperError(f"{path}:1: no column '{name}'; {did_you_mean(name, header)}")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise MapperError(f"{path}:1: the column '{twice[0]}' stands twice")
    taken = [name for name in (*ADDED, "error") if name in header]
    if taken:
        raise MapperError(
            f"{path}:1: has a column '{taken[0]}' already, which is to be added", hint="rename or drop it"
        )


def _told(
    path: Path,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    lines: Sequence[int],
    answers: Sequence[Answer],
    bad: Sequence[int],
) -> Iterator[str]:
    for i in bad[:SHOWN]:
        answer = answers[i]
        assert isinstance(answer, Refused)
        value = rows[i][header.index(answer.column)].strip() if answer.column in header else ""
        said = not value or value in re.split(r"[\s';,]+", answer.why)
        shown = answer.column if said else f"{answer.column} {value}"
        yield f"{path}:{lines[i]}: {shown}: {answer.why}"
    if len(bad) > SHOWN:
        yield f"... and {len(bad) - SHOWN} more"


def _written(header: Sequence[str], rows: Sequence[Sequence[str]], answers: Sequence[Answer], keep_going: bool) -> str:
    """The table with its new columns; figures have nine digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*header, *ADDED, *(["error"] if keep_going else [])])
    writer.writerows(
        [*row, *_cells(answer), *([_reason(answer)] if keep_going else [])]
        for row, answer in zip(rows, answers, strict=True)
    )
    return text.getvalue()


def _cells(answer: Answer) -> list[str]:
    if not isinstance(answer, Price):
        return [""] * len(ADDED)
    return [f"{figure:.9g}" for figure in (answer.seconds, answer.joules, answer.low_s, answer.high_s)]


def _reason(answer: Answer) -> str:
    return f"{answer.column}: {answer.why}" if isinstance(answer, Refused) else ""
