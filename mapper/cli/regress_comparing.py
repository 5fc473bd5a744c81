"""`mapper regress compare` and `mapper regress accept`."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

from mapper.cli.regress_files import BASELINE, accepted_in, baseline_of, cases_of, history_of, plans_of, run_of
from mapper.cli.saying import say
from mapper.emit.files import write_atomically
from mapper.errors import MapperError, UsageError, did_you_mean, plain
from mapper.regress.baseline import Baseline, of_run
from mapper.regress.cases import cases, gone
from mapper.regress.compared import compared
from mapper.regress.compared_page import page
from mapper.regress.history import History, Run
from mapper.regress.screen import junit, markdown, screen
from mapper.regress.suite import Suite
from mapper.regress.timings import RUNS

ACCEPTED, PREVIOUS = "latest-accepted", "previous"


def compare(args: Namespace) -> int:
    """Print the verdicts; 1 where one of them fails."""
    suite, some, path = cases_of(args)
    history = history_of(args)
    made = run_of(args, suite, history)
    baseline = _held_against(args, suite, path, history, made)
    records = [record for record in history.records(made) if record.case in {case.name for case in some}]
    before = [one for one in history.runs(suite.name) if one.number < made.number]
    earlier = [history.records(one) for one in before[-RUNS:]]
    left = [] if baseline.source else gone(cases(suite, path.parent), args.filter, baseline.records)
    found = compared(suite.name, made.name, some, records, baseline, plans_of(args), suite.tolerances, earlier, left)
    for name, make in ((args.markdown, markdown), (args.junit, junit), (args.html, page)):
        if name:
            write_atomically(Path(name), make(found))
    say(json.dumps(found.data, indent=1) + "\n" if args.json else "\n" + screen(found, args.all))
    return int(found.fails)


def accept(args: Namespace) -> int:
    """Write the baseline with a run's records."""
    suite, some, path = cases_of(args)
    history = history_of(args)
    made = run_of(args, suite, history)
    file = baseline_of(args, path)
    before = accepted_in(file, suite) if file.exists() else Baseline(suite.name)
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


def _held_against(args: Namespace, suite: Suite, path: Path, history: History, made: Run) -> Baseline:
    """What a run is compared with: what was accepted, in the usual file or another one, or what another run found."""
    wanted = args.baseline
    if not wanted or wanted == ACCEPTED:
        return accepted_in(path.parent / BASELINE, suite)
    runs = {run.name: run for run in history.runs(made.suite)}
    earlier = [run for run in runs.values() if run.number < made.number]
    if wanted == PREVIOUS:
        if not earlier:
            raise MapperError(f"--baseline {PREVIOUS}: {made.name} is the first run of {made.suite}")
        return of_run(made.suite, earlier[-1].name, history.records(earlier[-1]))
    if wanted in runs:
        return of_run(made.suite, wanted, history.records(runs[wanted]))
    if Path(wanted).exists() or "/" in wanted or wanted.endswith(".json"):
        return accepted_in(Path(wanted), suite)
    known = did_you_mean(wanted, [ACCEPTED, PREVIOUS, *runs])
    raise UsageError(f"--baseline {wanted}: no file and no run of {made.suite}; {known}")


def _who() -> str:
    """Who accepts: by the name that git has, else the system. No address: the file may become public."""
    with suppress(OSError, UnicodeDecodeError):  # there is no git
        done = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False)
        if name := done.stdout.strip():
            return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # containers run as users that no file names
        return f"user {os.getuid()}"
