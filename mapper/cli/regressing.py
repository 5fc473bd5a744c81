"""`mapper regress run`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mapper.cli.console import Show, stop_on_interrupt
from mapper.cli.executing import executor_of, guard_of
from mapper.cli.regress_files import cases_of, history_of, plans_of
from mapper.cli.regress_watching import ALL, Watch, summary
from mapper.cli.saying import say
from mapper.cli.steps import Steps
from mapper.emit.files import locked
from mapper.errors import MapperError, UsageError
from mapper.ir.goal import Objective
from mapper.regress.history import TIME, History
from mapper.regress.record import UNANSWERED
from mapper.regress.run import Folders, preloaded, run_cases

KEPT = "what is finished is kept"


def help_(args: Namespace) -> int:
    """Say what there is."""
    args.parser.print_help()
    return 2


def run(args: Namespace) -> int:
    """Solve what is not known; 1 where a case could not be asked to its end."""
    suite, some, path = cases_of(args)
    show = Show(args.quiet, Objective.THROUGHPUT, Steps(args.quiet, live=True))
    guard = guard_of(args)
    executor = executor_of(args, preloaded())
    models = Path(args.models) if args.models else path.parent
    if not models.is_dir():
        raise UsageError(f"--models {models}: not a folder")
    folders = Folders(models.resolve(), path.parent.resolve(), plans_of(args).resolve())
    watch = Watch(show, some)
    with ExitStack() as held:
        held.enter_context(_alone(Path(args.out)))
        stop = held.enter_context(stop_on_interrupt(show, KEPT, KEPT))
        history = held.enter_context(closing(history_of(args, tell=not args.quiet)))
        _tell_of_clocks(history, show)
        if executor.elsewhere:
            show.steps.tell(ALL, "waiting for the cluster")
        made, records = run_cases(suite.name, some, history, executor, folders, guard, stop, watch, args.again)
    if not args.quiet:
        say(summary(made, records, watch.known))
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
