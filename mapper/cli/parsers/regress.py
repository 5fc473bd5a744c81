"""Arguments of `mapper regress` and its commands."""

from __future__ import annotations

import argparse

from mapper.cli.parsers.shared import cluster, executor

_RUN = (
    "Every record is in the history as soon as its case has ended: a run that was killed goes on where it was. Exit "
    "code 1: a case could not be asked, crashed, or took more than its guard lets it."
)
_COMPARE = (
    "Exit code 1: a case is worse, has no answer any more, has a looser bound, or its bound was broken. Wall time "
    "fails nothing. Tolerances stand in the file of cases (docs/regress.md)."
)
_BISECT = (
    "Each revision's own code answers the case, in a worktree that goes at the end: no checkout is touched. A revision "
    "that cannot answer it is skipped. Models, targets that are files, and libraries are those of today."
)


def regress(p: argparse.ArgumentParser) -> None:
    """The commands of the regression."""
    p.set_defaults(run="regressing:help_", parser=p)
    commands = p.add_subparsers(dest="what", metavar="WHAT", title="what")
    run(commands.add_parser("run", help="solve the cases that are not known yet", epilog=_RUN))
    compare(commands.add_parser("compare", help="hold a run against what was accepted", epilog=_COMPARE))
    accept(commands.add_parser("accept", help="take a run's records for what is right from now on"))
    bisect(commands.add_parser("bisect", help="find the commit that moved a case", epilog=_BISECT))
    schedule(commands.add_parser("schedule", help="run and compare every night, by systemd or cron"))
    report(commands.add_parser("report", help="write a page of all nights: trends, movers, a map of all cases"))


def run(p: argparse.ArgumentParser) -> None:
    """Solve cases."""
    p.set_defaults(run="regressing:run")
    _suite(p)
    p.add_argument("--models", metavar="DIR", help="the folder of model files (default: that of CASES.yaml)")
    executor(p, "cases")
    p.add_argument("--case-seconds", type=float, metavar="S", help="wall-clock seconds that a case may take")
    p.add_argument("--case-memory", type=float, metavar="GB", help="memory that a case may take, in GB")
    p.add_argument("--again", action="store_true", help="solve what is known, too")
    p.add_argument("--quiet", action="store_true", help="print nothing but errors")


def compare(p: argparse.ArgumentParser) -> None:
    """Verdicts on a run."""
    p.set_defaults(run="regress_comparing:compare")
    _suite(p)
    p.add_argument(
        "--baseline",
        metavar="NAME|FILE",
        help="what to hold the run against: latest-accepted (the default: baseline.json beside CASES.yaml), a file of "
        "that kind, previous (the run before), or the name of a run",
    )
    _run(p)
    p.add_argument("--markdown", metavar="FILE", help="write a comment for a pull request")
    p.add_argument("--junit", metavar="FILE", help="write the verdicts as JUnit XML")
    p.add_argument("--html", metavar="FILE", help="write the comparison as a page")
    p.add_argument("--all", action="store_true", help="print every case that is not the same, in full")
    p.add_argument("--json", action="store_true", help="print the comparison as JSON, nothing else")


def accept(p: argparse.ArgumentParser) -> None:
    """A new baseline."""
    p.set_defaults(run="regress_comparing:accept")
    _suite(p)
    _baseline(p)
    _run(p)
    p.add_argument("-m", "--message", required=True, metavar="WHY", help="why these are right")


def report(p: argparse.ArgumentParser) -> None:
    """The site."""
    p.set_defaults(run="regress_report:report")
    _suite(p)
    _baseline(p)
    p.add_argument("--site", metavar="FOLDER", help="where index.html is written (default: site in --out)")
    p.add_argument("--nights", default="365", metavar="N|all", help="how many of the last nights (default: 365)")
    p.add_argument("--quiet", action="store_true", help="print nothing but errors")


def _suite(p: argparse.ArgumentParser) -> None:
    p.add_argument("cases", metavar="CASES.yaml", help="the file of cases")
    p.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only cases with such a name, as '*/superhet/*', or with a tag, as tag:fast; repeatable",
    )
    p.add_argument("--out", default="out/regress", metavar="DIR", help="where plans and the history are kept")
    p.add_argument("--db", metavar="FILE|URL", help="the history (default: history.db in --out), or postgresql://...")


def _baseline(p: argparse.ArgumentParser) -> None:
    p.add_argument("--baseline", metavar="FILE", help="what was accepted (default: baseline.json beside CASES.yaml)")


def _run(p: argparse.ArgumentParser) -> None:
    p.add_argument("--run", dest="run_name", metavar="NAME", help="the run's name (default: the last one of the suite)")


def schedule(p: argparse.ArgumentParser) -> None:
    """Nightly entries of the system's own scheduler."""
    p.set_defaults(run="regress_schedule:schedule")
    _suite(p)
    p.add_argument("--install", choices=("systemd", "cron"), help="write the entry (default: print what there is)")
    p.add_argument("--at", metavar="HH:MM", help="the time of day (default 02:00)")
    p.add_argument("--remove", action="store_true", help="take the entry away: that of --install, or any")
    _baseline(p)
    p.add_argument("--models", metavar="DIR", help="the folder of model files (default: that of CASES.yaml)")
    p.add_argument("--jobs", metavar="N|auto", help="cases at once (default: as many as cores)")
    cluster(p)
    p.add_argument("--case-seconds", type=float, metavar="S", help="wall-clock seconds that a case may take")
    p.add_argument("--case-memory", type=float, metavar="GB", help="memory that a case may take, in GB")


def bisect(p: argparse.ArgumentParser) -> None:
    """The commit that moved a case."""
    p.set_defaults(run="regress_bisect:bisect")
    p.add_argument("cases", metavar="CASES.yaml", help="the file of cases")
    p.add_argument("case", metavar="CASE", help="the case's name")
    p.add_argument("--good", required=True, metavar="REVISION", help="a commit at which it was right")
    p.add_argument("--bad", default="HEAD", metavar="REVISION", help="one at which it no longer is (default: HEAD)")
    p.add_argument("--repository", default=".", metavar="DIR", help="the git repository of mapper (default: this one)")
    p.add_argument("--models", metavar="DIR", help="the folder of model files (default: that of CASES.yaml)")
    p.add_argument("--out", default="out/regress", metavar="DIR", help="where answers are kept, for the next time")
    p.add_argument("--case-seconds", type=float, metavar="S", help="wall-clock seconds that a revision may take")
