"""What the options that all commands of `mapper regress` share mean: cases, plans, the history, a run of it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from mapper.cli.console import Show
from mapper.errors import MapperError, UsageError, did_you_mean
from mapper.ir.goal import Objective
from mapper.regress.baseline import Baseline, load_baseline
from mapper.regress.cases import Case, cases, chosen
from mapper.regress.history import History, Run, opened
from mapper.regress.suite import Suite, read_suite

HISTORY, BASELINE, PLANS = "history.db", "baseline.json", "plans"


def cases_of(args: Namespace) -> tuple[Suite, tuple[Case, ...], Path]:
    """The suite, the cases of it that are meant, and its file."""
    path = Path(args.cases)
    suite = read_suite(path)
    return suite, chosen(cases(suite, path.parent), args.filter), path


def plans_of(args: Namespace) -> Path:
    """The folder of plans."""
    return Path(args.out) / PLANS


def history_of(args: Namespace, tell: bool = True) -> History:
    """The history; what must be told of it is told. Raises MapperError where it cannot be opened."""
    history, told = opened(args.db or Path(args.out) / HISTORY)
    if told and tell:
        Show(False, Objective.THROUGHPUT).note(f"warning: {told}")
    return history


def run_of(args: Namespace, suite: Suite, history: History) -> Run:
    """The run that is meant: the one that is named, or the last one. Raises MapperError where there is none."""
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
    """The file of what was accepted. path: that of the cases."""
    return Path(args.baseline) if args.baseline else path.parent / BASELINE


def accepted_in(file: Path, suite: Suite) -> Baseline:
    """What a file says was accepted of a suite. Raises MapperError where it says that of another one."""
    found = load_baseline(file)
    if found.suite != suite.name:
        raise MapperError(
            f"{file} is what was accepted of {found.suite}, not of {suite.name}",
            hint=f"give another file with --baseline, or write '{suite.name}' as its suite if only the name changed",
        )
    return found
