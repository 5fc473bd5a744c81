"""`mapper regress bisect`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from mapper.cli.ending import ended_by_signals
from mapper.cli.saying import say
from mapper.cli.steps import Steps
from mapper.errors import UsageError, did_you_mean, plain
from mapper.execution.jobs import Guard
from mapper.regress.attribution import why
from mapper.regress.bisect import Bisection, Culprit, Step
from mapper.regress.bisect_answer import Asking
from mapper.regress.bisect_git import Repository, Revision
from mapper.regress.cases import Case, MappingCase, cases
from mapper.regress.screen import case_lines
from mapper.regress.suite import of_case, read_suite
from mapper.report.units import shorten

KEPT = "bisect"
"""The folder of answers, in --out."""
SUBJECT = 60


def bisect(args: Namespace) -> int:
    """Print each step, and the commit that moved the case."""
    path = Path(args.cases)
    suite = read_suite(path)
    case = _case(cases(suite, path.parent), args.case)
    models = Path(args.models) if args.models else path.parent
    kept, seconds = (Path(args.out) / KEPT).resolve(), Guard(args.case_seconds).seconds
    missing = next((name for name in case.workload.files if not (models / name).is_file()), None)
    if missing is not None:
        raise UsageError(f"no model file {models / missing}", hint="--models DIR says where they are")
    repository = Repository(Path(args.repository))
    good, bad = repository.revision(args.good), repository.revision(args.bad)
    asking = Asking(case, models.resolve(), path.parent.resolve(), kept, seconds)
    watch = _Watch()
    bisection = Bisection(repository, asking, of_case(case.tolerances, suite.tolerances), watch.begin, watch.tell)
    count = bisection.commits(good, bad)
    say(f"  {plain(case.name)}: {count} commits after {good.short}, up to {bad.short}\n\n")
    with ended_by_signals("no commit was found; answers so far are kept, nothing else"):
        try:
            found = bisection.between(good, bad)
        finally:
            watch.steps.clear()
    say(_told(found, kept))
    return 0


def _case(known: tuple[Case, ...], name: str) -> MappingCase:
    found = next((case for case in known if case.name == name), None)
    if found is None:
        raise UsageError(f"no case '{name}'; {did_you_mean(name, [case.name for case in known])}")
    if not isinstance(found, MappingCase):
        raise UsageError(f"'{name}' is no mapping: only those can be bisected")
    return found


class _Watch:
    """Tells which revision is asked, and what it gave."""

    def __init__(self) -> None:
        self.steps = Steps()

    def begin(self, revision: Revision) -> None:
        """A revision is asked."""
        self.steps.clear()
        self.steps.tell(revision.short, revision.subject)

    def tell(self, step: Step) -> None:
        """It gave something."""
        self.steps.clear()
        subject = shorten(step.revision.subject, SUBJECT, end=True)
        say(f"  {step.gave:<5} {step.revision.short}  {plain(subject):<{SUBJECT}}  {plain(_gave(step))}\n")


def _gave(step: Step) -> str:
    """What a step gave in a few words."""
    record = step.answer.record
    if step.answer.kind:
        return f"{record.ended}: {shorten(record.reason, SUBJECT, end=True)}"
    if step.metric not in record.metrics:
        return record.ended.value
    change = f"  {100 * step.change:+.2f} %" if step.change else ""
    return f"{step.metric} {record.metrics[step.metric]:.6g}{change}"


def _told(found: Culprit, kept: Path) -> str:
    one = found.revision
    lines = [f"first bad commit: {one.sha}", f"  {one.subject}", f"  {one.author}, {one.date}", ""]
    lines += case_lines(found.verdict, why(found.verdict, kept))
    return "\n" + "".join(f"  {plain(line)}".rstrip() + "\n" for line in lines)
