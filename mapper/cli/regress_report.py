"""`mapper regress report`: the site of a suite's nights."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from mapper.cli.counting import count
from mapper.cli.regress_files import accepted_in, baseline_of, cases_of, history_of, plans_of
from mapper.cli.saying import say
from mapper.emit.files import write_atomically
from mapper.errors import MapperError, plain
from mapper.regress.baseline import Baseline
from mapper.regress.cases import cases, gone
from mapper.regress.compared import compared
from mapper.regress.site import site
from mapper.regress.timings import RUNS
from mapper.regress.trends import trends

SITE, INDEX = "site", "index.html"
ALL = "all"


def report(args: Namespace) -> int:
    """Write the page; what it says of the last night changes no exit code."""
    most = None if args.nights == ALL else count("--nights", args.nights, ALL)
    suite, some, path = cases_of(args)
    history = history_of(args)
    known = trends(history, suite.name, [case.name for case in some], most)
    if not known.nights:
        raise MapperError(
            f"there is no run of these cases of {suite.name} yet", hint=f"mapper regress run {args.cases}"
        )
    file = baseline_of(args, path)
    baseline = accepted_in(file, suite) if args.baseline or file.exists() else Baseline(suite.name)
    last, names = known.nights[-1], {case.name for case in some}
    records = [record for record in history.records(last) if record.case in names]
    before = [history.records(night) for night in known.nights[-1 - RUNS : -1]]
    left = gone(cases(suite, path.parent), args.filter, baseline.records)
    found = compared(suite.name, last.name, some, records, baseline, plans_of(args), suite.tolerances, before, left)
    out = Path(args.site or Path(args.out) / SITE) / INDEX
    text = site(known, found, some, suite.tolerances)
    write_atomically(out, text)
    if not args.quiet:
        nights = len(known.nights)
        told = f"{out}: {len(some)} cases, {nights} night{'s' * (nights != 1)}, {len(text.encode()) / 1e6:.1f} MB"
        say(f"  {plain(told)}\n")
    return 0
