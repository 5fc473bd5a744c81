"""`mapper compare`."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

from mapper.cli.compiling import (
    batch_of,
    connection,
    files_of,
    imported,
    inflight_of,
    mix_of,
    refuse_file,
)
from mapper.cli.console import Show, standing, stop_on_interrupt
from mapper.cli.counting import count
from mapper.cli.saying import say
from mapper.cli.settings import settings
from mapper.cli.steps import Steps
from mapper.comparison.answers import Answer
from mapper.comparison.compare import compare
from mapper.comparison.comparison import Comparison, Key, key_named
from mapper.comparison.machines import Machine, machines
from mapper.comparison.page import html
from mapper.comparison.screen import figure, screen
from mapper.comparison.solving import reading_of
from mapper.compiled import deadline_of
from mapper.compiler import AUTO
from mapper.emit.files import refuse_unwritable, write_folder_atomically
from mapper.errors import UsageError, did_you_mean
from mapper.frontend import parse_phase
from mapper.ir.goal import Objective
from mapper.pipeline.pass_ import Progress
from mapper.question import Question, effort_of, goal_of, precision_of, steps_of

TOTAL = "compare"
"""The line that counts targets."""
DATA, PAGE = "compare.json", "compare.html"


def compare_(args: Namespace) -> int:
    """Ask every target, print the table; 3 where the model fits none, 1 where none has a plan for another reason."""
    silent = args.quiet or args.json
    with Steps(silent, live=True).step("load", "passes and targets"):
        question = _question(args)
        asked = machines(args.targets, args.set)
    by = key_named(args.sort, question.goal.objective.value)
    if args.baseline and args.baseline not in [m.name for m in asked]:
        names = [m.name for m in asked]
        raise UsageError(f"--baseline {args.baseline}: not among the targets; {did_you_mean(args.baseline, names)}")
    jobs = 0 if args.jobs == "auto" else count("--jobs", args.jobs)
    files = files_of(args)
    out = Path(args.out) if args.out else Path("out") / f"{'+'.join(f.stem for f in files)}-compare"
    refuse_file(out)
    show = Show(silent, question.goal.objective)
    auto = args.batch == AUTO
    with stop_on_interrupt(show) as stop:
        with show.steps.step("import"):
            reading = reading_of(question if not auto else _with_batch_of_one(question))
        imported(show, " + ".join(f.name for f in files), reading.found)
        refuse_unwritable(out / DATA)
        watch = _Watch(show, asked, key_named(None, question.goal.objective.value))
        found = compare(question, asked, out, auto=auto, jobs=jobs, reading=reading, stop=stop, watch=watch)
    _write(found, by, args, out)
    problem = found.problem()
    if problem is not None:
        raise problem
    return 130 if stop.is_set() and len(found.finished) < len(asked) else 0


def _question(args: Namespace) -> Question:
    """What is asked of every target."""
    batch = batch_of(args.batch)
    deadline_of(args.time_limit)
    return Question(
        models=tuple(args.models),
        phases=tuple(map(parse_phase, args.phase)),
        goal=goal_of(args.objective, inflight_of(args.inflight)),
        pipeline=steps_of(args.pipeline),
        effort=effort_of(args.effort),
        seed=args.seed,
        time_limit=args.time_limit,
        precision=precision_of(args.precision),
        batch=batch if isinstance(batch, int) else None,
        dims=settings("--dim", args.dim),
        expect=settings("--expect", args.expect),
        mix=mix_of(args.mix),
        connect=tuple(connection(text) for text in args.connect),
    )


def _with_batch_of_one(question: Question) -> Question:
    from dataclasses import replace

    return replace(question, batch=1)


def _write(found: Comparison, by: Key | str, args: Namespace, out: Path) -> None:
    """Save the comparison and print it."""
    base = args.baseline if args.baseline in [a.target for a in found.finished] else ""
    data = found.data(by, base)
    write_folder_atomically(out, {DATA: json.dumps(data, indent=1) + "\n", PAGE: html(data)})
    if args.json:
        say(json.dumps(data, indent=1) + "\n")
    elif not args.quiet:
        say("\n" + screen(found, by, base))
        if args.baseline and not base:
            say(f"\n  no ratios: {args.baseline} has no plan\n")
        best = found.ordered(by)[0]
        more = f"mapper explain {out / best.target} · " if best.found else ""
        say(f"\n  next         {more}{out / DATA} · open {out / PAGE}\n")


class _Watch:
    """Tells which targets are being asked, how their searches stand and what they answered."""

    def __init__(self, show: Show, asked: tuple[Machine, ...], key: Key | str) -> None:
        self.show, self.objective, self.key = show, show.objective, key
        self.total, self.done, self.known = len(asked), 0, 0
        self.parts: dict[str, float] = {}

    def begun(self, name: str) -> None:
        self._count()
        self.parts[name] = 0.0
        self.show.steps.tell(name, "")

    def tell(self, name: str, what: Progress) -> None:
        self.parts[name] = max(self.parts.get(name, 0.0), what.done or 0.0)
        self.show.steps.tell(name, standing(what, self.objective), what.done)
        self._count()

    def ended(self, answer: Answer) -> None:
        self.show.steps.over(answer.target)
        self.parts.pop(answer.target, None)
        self.done += 1
        self.known += answer.reused
        words = str(answer.row.get("reason", ""))
        if answer.found and isinstance(self.key, Key):
            words = f"{figure(self.key, answer)}{self._gap(answer)}"
        self.show.line(answer.target, words + (" (known)" if answer.reused else ""), answer.seconds)
        if self.done < self.total:
            self._count()
        else:
            self.show.steps.over(TOTAL)

    def _gap(self, answer: Answer) -> str:
        unit = " req/s" if self.objective is Objective.THROUGHPUT else ""
        gap = answer.row["gap"]
        return unit + (f"   gap {100 * gap:.1f} %" if gap is not None else "")

    def _count(self) -> None:
        """Tell how many targets have answered; what was known before says nothing about the pace."""
        asked = max(1, self.total - self.known)
        part = (self.done - self.known + sum(self.parts.values())) / asked
        self.show.steps.tell(TOTAL, f"{self.done} of {self.total} targets", part)
