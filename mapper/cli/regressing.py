"""`mapper regress run`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from mapper.cli.console import Show, standing, stop_on_interrupt
from mapper.cli.executing import executor_of
from mapper.cli.regress_files import cases_of, history_of, plans_of
from mapper.cli.saying import say
from mapper.emit.files import locked
from mapper.errors import MapperError, UsageError, plain
from mapper.execution.jobs import Guard
from mapper.ir.goal import Objective
from mapper.pipeline.pass_ import Progress
from mapper.regress.cases import Case
from mapper.regress.history import TIME, History, Run
from mapper.regress.record import UNANSWERED, Ended, Record
from mapper.regress.run import Folders, run_cases

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
    watch = _Watch(show, some)
    with _alone(Path(args.out)), stop_on_interrupt(show) as stop:
        history = history_of(args, tell=not args.quiet)
        _tell_of_clocks(history, show)
        made, records = run_cases(suite.name, some, history, executor, folders, guard, stop, watch, args.again)
    if not args.quiet:
        say(_ended(made, records, watch.known))
    if stop.is_set():
        return 130
    return int(any(record.ended in UNANSWERED for record in records))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """A folder that no other run is at work in. Raises MapperError where one is: both would solve the same."""
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(folder, wait=False))
        except BlockingIOError:
            raise MapperError(
                f"{folder}: another run is at work in this folder",
                hint="wait for it, or give this one another --out; --db may name the same history",
            ) from None
        except OSError as error:
            raise MapperError(f"{folder}: {error.strerror}", hint="give another folder with --out") from None
        yield


def _tell_of_clocks(history: History, show: Show) -> None:
    """Warn where the clock is behind a run that has begun."""
    now, last = datetime.now(UTC).strftime(TIME), max((run.begun for run in history.runs()), default="")
    if last > now:
        late = f"the clock says {now}, and a run began at {last}: runs stay in the order in which they began"
        show.note(f"warning: {late}")


def _bytes(gigabytes: float | None) -> int | None:
    if gigabytes is not None and not isfinite(gigabytes):
        raise UsageError(f"--case-memory {gigabytes:g}: give GB, or leave it out")
    return None if gigabytes is None else int(gigabytes * 1e9)


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
