"""What the benchmarks of the solving engine share: command line, table, solutions on disk, exit code."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mapper.emit.files import write_atomically
from mapper.errors import MapperError
from mapper.solve.budget import Budget

ALIKE = 1e-6
"""Values in floating point that are no further apart, relative, are the same."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a solver said of an instance, verified by the problem's `verify`.

    value, bound: in the units of the instance, lower is better; None without one. solution: what goes to disk; None
    when there is none. note: a word for the table (the engine that found it, say).
    """

    value: float | None
    bound: float | None
    bound_name: str
    solution: Mapping[str, Any] | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """An instance: its set and name, its size in words, the seconds it may take and the best value published.

    solve: reads, checks, solves and verifies the instance within a budget. data: what the bars want to know of it.
    """

    group: str
    name: str
    size: str
    seconds: float
    solve: Callable[[Budget], Answer]
    best: float | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The set and the name, as the table shows them and --only takes them."""
        return f"{self.group}/{self.name}"


@dataclass(frozen=True, slots=True)
class Row:
    """A case with its answer, the seconds that it took and those that it had, and the error if it failed."""

    case: Case
    answer: Answer
    seconds: float
    error: str = ""
    limit: float = math.inf

    @property
    def value(self) -> float:
        """The value; infinite without one."""
        return math.inf if self.answer.value is None else self.answer.value

    @property
    def gap(self) -> float:
        """(value - bound) / value; infinite without both."""
        bound = self.answer.bound
        if bound is None or self.value == math.inf:
            return math.inf
        return max(0.0, self.value - bound) / self.value if self.value else 0.0

    @property
    def ratio(self) -> float | None:
        """Value over the best published; None when none is."""
        if self.case.best is None:
            return None
        return self.value / self.case.best if self.case.best else (1.0 if self.value == 0 else math.inf)

    @property
    def optimal(self) -> bool:
        """Whether value and bound meet."""
        return self.gap <= ALIKE


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar on the rows that there are: what with its limit, the measured figure in words, whether it is met."""

    what: str
    measured: str
    met: bool


HEAD = f"{'size':>16} {'value':>13} {'bound':>13} {'gap':>7} {'best known':>13} {'ratio':>8} {'seconds':>8}  note"


def text(row: Row, width: int) -> str:
    """The row of the table; names take `width` columns."""
    case, answer = row.case, row.answer
    head = f"{case.label:<{width}} {case.size:>16} "
    if row.error:
        return f"{head}{row.error}"
    gap = "none" if row.gap == math.inf else f"{row.gap:.2%}"
    ratio = "" if row.ratio is None else f"{row.ratio:.5f}"
    cells = [_number(answer.value), _number(answer.bound), _number(case.best)]
    return f"{head}{cells[0]:>13} {cells[1]:>13} {gap:>7} {cells[2]:>13} {ratio:>8} {row.seconds:8.1f}  {answer.note}"


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.0f}" if value == int(value) else f"{value:.4f}"


def main(
    doc: str | None,
    cases: Callable[[Path], Iterable[Case]],
    bars: Callable[[Sequence[Row]], Iterable[Bar]],
    arguments: Sequence[str] | None = None,
    warm: Callable[[], object] | None = None,
) -> int:
    """Solve the instances of a folder, print the table and the bars; 1 when a bar is missed or an instance failed.
    With --json one object of figures is printed instead, the table goes to standard error, and bars fail nothing.

    doc: the benchmark's own docstring, shown by --help. After Ctrl-C the bars of the rows so far are printed. warm:
    compiles or loads the kernels before the clock of the first instance runs: an installation compiles once.
    """
    options = _options(doc, arguments)
    with redirect_stdout(sys.stderr if options.json else sys.stdout):
        try:
            chosen = _chosen(options, list(cases(options.folder)))
        except (MapperError, OSError) as error:
            print(f"error: {error}")
            return 1
        if not chosen:
            print(f"error: no instance in {options.folder}" + (f" matches {options.only}" if options.only else ""))
            return 1
        if warm is not None:
            began = time.monotonic()
            warm()
            print(f"kernels ready after {time.monotonic() - began:.1f} s (compiled once for an installation)")
        rows = _rows(chosen, options)
        met = _verdict(rows, list(bars(rows))) and len(rows) == len(chosen)
    if not options.json:
        return int(not met)
    print(json.dumps(scores(rows), indent=1))
    return int(len(rows) < len(chosen) or any(row.error for row in rows))


def _rows(chosen: Sequence[Case], options: argparse.Namespace) -> list[Row]:
    """The rows of the instances, each printed as soon as it is there; fewer after Ctrl-C."""
    rows: list[Row] = []
    width = max(len(case.label) for case in chosen)
    print(f"{'instance':<{width}} {HEAD}")
    try:
        for case in chosen:
            rows.append(_run(case, options))
            print(text(rows[-1], width), flush=True)
            if options.solutions and rows[-1].answer.solution is not None:
                path = options.solutions / f"{case.name}.json"
                write_atomically(path, json.dumps(rows[-1].answer.solution, indent=1) + "\n")
    except KeyboardInterrupt:
        print(f"interrupted after {len(rows)} of {len(chosen)} instances; the bars are of these")
    return rows


def scores(rows: Sequence[Row]) -> dict[str, Any]:
    """The figures of each set, for `mapper regress`: instances that have a solution, that reach the best known value
    (where none is known: are proven), that are proven; mean gaps of those that have a solution, in percent; seconds."""
    found: dict[str, dict[str, float]] = {}
    for group in dict.fromkeys(row.case.group for row in rows):
        some = [row for row in rows if row.case.group == group]
        values = [row for row in some if row.value < math.inf]
        figures = {
            "instances": float(len(some)),
            "found": float(len(values)),
            "solved": float(sum(_solved(row) for row in some)),
            "proven": float(sum(row.optimal for row in some)),
            "gap_to_best_%": _mean([row.ratio - 1 for row in values if row.ratio is not None]),
            "gap_%": _mean([row.gap for row in values if row.gap < math.inf]),
        }
        for name, figure in figures.items():
            if figure is not None:
                found.setdefault(name, {})[group] = figure
        found.setdefault("seconds", {})[group] = sum(row.seconds for row in some)
    return {**{name: figures for name, figures in found.items() if name != "seconds"}, "timings": found["seconds"]}


def _solved(row: Row) -> bool:
    return row.optimal if row.ratio is None else row.ratio <= 1 + ALIKE


def _mean(parts: Sequence[float]) -> float | None:
    return 100 * sum(parts) / len(parts) if parts else None


def _options(doc: str | None, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of public instances")
    parser.add_argument("--seconds", type=float, help="limit for each instance (default: the bar's own)")
    parser.add_argument(
        "--work", type=float, metavar="S", help="solver work for each instance instead: the same on every machine"
    )
    parser.add_argument("--workers", type=int, default=2, help="threads that may search at once (default 2)")
    parser.add_argument("--solutions", type=Path, metavar="DIR", help="write each solution as JSON into this folder")
    parser.add_argument("--only", action="append", metavar="GLOB", help="only instances whose set/name matches")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th instance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print figures of each set as JSON, nothing else")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is no folder")
    for name in ("seconds", "work"):
        given = getattr(options, name)
        if given is not None and not 0 < given < math.inf:
            parser.error(f"--{name} {given} is not above 0")
    if options.seconds and options.work:
        parser.error("--seconds and --work: give one of them")
    if options.workers < 1 or options.every < 1:
        parser.error(f"--workers {options.workers} and --every {options.every}: both take numbers from 1")
    if not 0 <= options.seed < 2**31:
        parser.error(f"--seed {options.seed} is not from 0 to {2**31 - 1}")
    if options.solutions:
        try:
            options.solutions.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            parser.error(f"--solutions {options.solutions}: {error.strerror}")
    return options


def _chosen(options: argparse.Namespace, cases: list[Case]) -> list[Case]:
    patterns = options.only or ["*"]
    return [c for c in cases if any(fnmatch(c.label, p) for p in patterns)][:: options.every]


def _run(case: Case, options: argparse.Namespace) -> Row:
    began = time.monotonic()
    limit = math.inf if options.work else options.seconds or case.seconds
    budget = (
        Budget(options.work, options.seed)
        if options.work
        else Budget(math.inf, options.seed, began + limit, workers=options.workers)
    )
    try:
        answer, error = case.solve(budget), ""
    except MapperError as failed:
        answer, error = Answer(None, None, "", None), f"error: {failed.message}"
    return Row(case, answer, time.monotonic() - began, error, limit)


def _verdict(rows: Sequence[Row], bars: Sequence[Bar]) -> bool:
    """Print the bars; whether all are met and no case failed."""
    print()
    for bar in bars:
        print(f"{'ok    ' if bar.met else 'MISSED'}  {bar.what}: {bar.measured}")
    failed = [row for row in rows if row.error]
    if failed:
        print(f"FAILED  {len(failed)} instances ended in an error")
    return not failed and all(bar.met for bar in bars)


def run(
    doc: str | None,
    cases: Callable[[Path], Iterable[Case]],
    bars: Callable[[Sequence[Row]], Iterable[Bar]],
    warm: Callable[[], object] | None = None,
) -> None:
    """`main` as the end of a script."""
    sys.exit(main(doc, cases, bars, warm=warm))
