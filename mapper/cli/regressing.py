"""`mapper regress`."""

from __future__ import annotations

import getpass
import json
import subprocess
from argparse import Namespace
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from mapper.cli.console import Show, standing, stop_on_interrupt
from mapper.cli.executing import executor_of
from mapper.cli.saying import say
from mapper.emit.files import write_atomically
from mapper.errors import MapperError, UsageError, did_you_mean, plain
from mapper.execution.jobs import Guard
from mapper.ir.goal import Objective
from mapper.pipeline.pass_ import Progress
from mapper.regress.baseline import Baseline, load_baseline
from mapper.regress.cases import Case, cases, chosen
from mapper.regress.compared import compared
from mapper.regress.compared_page import page
from mapper.regress.history import History, Run, opened
from mapper.regress.record import UNANSWERED, Ended, Record
from mapper.regress.run import Folders, run_cases
from mapper.regress.screen import junit, markdown, screen
from mapper.regress.suite import Suite, read_suite

HISTORY, BASELINE, PLANS = "history.db", "baseline.json", "plans"
PRELOADED = ("mapper.regress.run", "mapper.compiler", "mapper.solve.placement.driver", "numba")
"""What the process that all cases' processes are copies of has loaded."""


def help_(args: Namespace) -> int:
    """Say what there is."""
    args.parser.print_help()
    return 2


def run(args: Namespace) -> int:
    """Solve what is not known; 1 where a case could not be asked to its end."""
    suite, some, path = cases_of(args)
    show = Show(args.quiet, Objective.THROUGHPUT)
    guard = Guard(args.case_seconds, _bytes(args.case_memory))
    executor = executor_of(args, PRELOADED)
    models = Path(args.models) if args.models else path.parent
    if not models.is_dir():
        raise UsageError(f"--models {models}: not a folder")
    folders = Folders(models.resolve(), path.parent.resolve(), plans_of(args).resolve())
    history = history_of(args, tell=not args.quiet)
    watch = _Watch(show, some)
    with stop_on_interrupt(show) as stop:
        made, records = run_cases(suite.name, some, history, executor, folders, guard, stop, watch, args.again)
    if not args.quiet:
        say(_ended(made, records, watch.known))
    if stop.is_set():
        return 130
    return int(any(record.ended in UNANSWERED for record in records))


def compare(args: Namespace) -> int:
    """Print the verdicts; 1 where one of them fails."""
    suite, some, path = cases_of(args)
    history = history_of(args)
    made = _run(args, suite, history)
    baseline = load_baseline(baseline_of(args, path))
    records = [record for record in history.records(made) if record.case in {case.name for case in some}]
    found = compared(suite.name, made.name, some, records, baseline, plans_of(args), suite.tolerances)
    for name, make in ((args.markdown, markdown), (args.junit, junit), (args.html, page)):
        if name:
            write_atomically(Path(name), make(found))
    say(json.dumps(found.data, indent=1) + "\n" if args.json else "\n" + screen(found, args.all))
    return int(found.fails)


def accept(args: Namespace) -> int:
    """Write the baseline with a run's records."""
    suite, some, path = cases_of(args)
    history = history_of(args)
    made = _run(args, suite, history)
    file = baseline_of(args, path)
    before = load_baseline(file) if file.exists() else Baseline(suite.name)
    names = {case.name for case in some}
    records = [record for record in history.records(made) if record.case in names]
    after = before.accept(records, _who(), args.message)
    if not args.filter:  # cases that the suite no longer has are no longer accepted
        after = Baseline(after.suite, {n: r for n, r in after.records.items() if n in names}, after.accepted)
    after.save(file)
    left = [record.case for record in records if not record.lasting]
    words = f"; {len(left)} without an answer left out: {', '.join(left[:3])}" if left else ""
    accepted = f"{len(records) - len(left)} of {len(records)} records of {made.name} are accepted in {file}{words}"
    say(f"  {plain(accepted)}\n")
    return 0


def _bytes(gigabytes: float | None) -> int | None:
    if gigabytes is not None and not isfinite(gigabytes):
        raise UsageError(f"--case-memory {gigabytes:g}: give GB, or leave it out")
    return None if gigabytes is None else int(gigabytes * 1e9)


def cases_of(args: Namespace) -> tuple[Suite, tuple[Case, ...], Path]:
    """The suite, the cases of it that are meant, and its file."""
    path = Path(args.cases)
    suite = read_suite(path)
    return suite, chosen(cases(suite, path.parent), args.filter), path


def plans_of(args: Namespace) -> Path:
    """The folder of plans."""
    return Path(args.out) / PLANS


def history_of(args: Namespace, tell: bool = True) -> History:
    """The history; what must be told of it is."""
    history, told = opened(args.db or Path(args.out) / HISTORY)
    if told and tell:
        Show(False, Objective.THROUGHPUT).note(f"warning: {told}")
    return history


def _run(args: Namespace, suite: Suite, history: History) -> Run:
    """The run that is meant."""
    runs = history.runs(suite.name)
    if not runs:
        raise MapperError(f"there is no run of {suite.name} yet", hint=f"mapper regress run {args.cases}")
    if not args.run_name:
        return runs[-1]
    found = next((one for one in runs if one.name == args.run_name), None)
    if found is None:
        names = [one.name for one in runs]
        raise UsageError(f"--run {args.run_name}: no such run; {did_you_mean(args.run_name, names)}")
    return found


def baseline_of(args: Namespace, path: Path) -> Path:
    """The file of what was accepted of the suite in a file."""
    return Path(args.baseline) if args.baseline else path.parent / BASELINE


def _who() -> str:
    """Who accepts: as git knows them, else as the system does."""
    found = []
    for key in ("user.name", "user.email"):
        try:
            done = subprocess.run(["git", "config", key], capture_output=True, text=True, check=False)
        except OSError:  # there is no git
            break
        found.append(done.stdout.strip())
    name, mail = (*found, "", "")[:2]
    return " ".join([name, *([f"<{mail}>"] if mail else [])]).strip() or getpass.getuser()


def _ended(made: Run, records: tuple[Record, ...], known: int) -> str:
    counts = {e: n for e in Ended if (n := sum(r.ended is e for r in records))}
    words = ", ".join(f"{n} {e.value}" for e, n in counts.items())
    lines = [f"{made.name}: {words}" + (f" · {known} known from before" if known else "")]
    lines += [
        f"{r.ended.value:<10} {r.case}: {r.reason}" for r in records if r.ended not in (Ended.FOUND, Ended.INFEASIBLE)
    ]
    return "".join(f"  {plain(line)}\n" for line in lines)


class _Watch:
    """Tells which cases run, how their searches stand and what came of them."""

    def __init__(self, show: Show, some: Sequence[Case]) -> None:
        self.show, self.total, self.done, self.known = show, len(some), 0, 0
        self.objective = {case.name: (case.objective or "").partition(" ")[0] for case in some}

    def begun(self, name: str) -> None:
        self._count()
        self.show.steps.tell(name, "")

    def tell(self, name: str, what: Any) -> None:
        if isinstance(what, Progress):
            self.show.steps.tell(name, standing(what, Objective(self.objective[name])), what.done)

    def ended(self, record: Record, known: bool) -> None:
        if not known:
            self.show.steps.over(record.case)
        self.done += 1
        self.known += known
        self._count()

    def _count(self) -> None:
        self.show.steps.tell("regress", f"case {self.done} of {self.total}", self.done / self.total)
