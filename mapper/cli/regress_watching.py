"""What `mapper regress run` tells: a line for each case that has ended, those that run on a terminal, and the sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from mapper.cli.console import Show, standing
from mapper.errors import plain
from mapper.ir.goal import TIMES, Objective
from mapper.pipeline.pass_ import Progress
from mapper.regress.cases import Case
from mapper.regress.history import Run
from mapper.regress.record import UNANSWERED, Ended, Record
from mapper.regress.scores import ScoreCase
from mapper.report.units import percent, shorten, si

ALL = "regress"
"""What the bar of all cases is called."""
UNITS = {Objective.ENERGY: "J", Objective.EDP: "J s", **dict.fromkeys(TIMES, "s")}
WORD, CASE, FIGURE = 11, 52, 34
"""Columns of a line: how a case ended, its name, its figure; its seconds follow."""


class Watch:
    """Tells which cases run, how their searches stand and what came of them. known: cases of an earlier run, which are
    counted and not told one by one."""

    def __init__(self, show: Show, some: Sequence[Case]) -> None:
        self.show, self.total, self.done, self.known, self.asked = show, len(some), 0, 0, len(some)
        self.cases = {case.name: case for case in some}
        self.parts: dict[str, float] = {}

    def begun(self, name: str) -> None:
        """A case begins."""
        self.parts[name] = 0.0
        self._count()
        self.show.steps.tell(name, "")

    def tell(self, name: str, what: Any) -> None:
        """How it stands."""
        if isinstance(what, Progress):
            objective = objective_of(self.cases[name])
            self.parts[name] = max(self.parts.get(name, 0.0), what.done or 0.0)
            self.show.steps.tell(name, standing(what, objective) if objective else what.doing, what.done)
            self._count()

    def ended(self, record: Record, known: bool) -> None:
        """It has ended. known: its record is of an earlier run."""
        self.show.steps.over(record.case)
        if self.parts.pop(record.case, None) is None:  # nobody had to ask: it tells nothing of the pace
            self.asked -= 1
        self.done += 1
        self.known += known
        if not (known or record.ended is Ended.STOPPED or self.show.quiet):
            self.show.console.print(Text(line(record, self.cases[record.case])))
        if self.done < self.total:
            self._count()
        else:
            self.show.steps.over(ALL)

    def _count(self) -> None:
        """Tell how many cases have ended, and which part of those that must be asked is done."""
        over = self.done - (self.total - self.asked)
        part = (over + sum(self.parts.values())) / max(1, self.asked)
        self.show.steps.tell(ALL, f"{self.done} of {self.total} cases", part)


def line(record: Record, case: Case) -> str:
    """A case that has ended: how, with which figure, after how many seconds."""
    name, words = shorten(plain(record.case), CASE), shorten(figure(record, case), FIGURE, end=True)
    seconds = record.timings.get("case_s")
    took = "" if seconds is None else f"{seconds:8.1f} s"
    return f"  {record.ended.value:<{WORD}}{name:<{CASE}}  {words:<{FIGURE}}{took}".rstrip()


def figure(record: Record, case: Case) -> str:
    """What the case is about in one figure: the value of its objective and the gap, or the first number of a score that
    has a better side; why there is none, otherwise."""
    metrics = record.metrics
    if record.ended is not Ended.FOUND:
        return plain(record.reason)
    if isinstance(case, ScoreCase):
        name = case.headline(metrics)
        return plain(f"{name} {metrics[name]:.6g}") if name else ""
    objective = objective_of(case)
    if objective is None or "value" not in metrics:
        return ""
    gap = f"   gap {percent(metrics['gap'])}" if "gap" in metrics else ""
    value = metrics["value"]
    told = f"{si(value)} req/s" if objective is Objective.THROUGHPUT else si(value, UNITS[objective])
    return f"{told}{gap}"


def objective_of(case: Case) -> Objective | None:
    """What its bound and value are of; None where it has none, or a word that means nothing."""
    word = (case.objective or "").partition(" ")[0]
    return Objective(word) if word in list(Objective) else None


def summary(made: Run, records: Sequence[Record], known: int) -> str:
    """How many cases ended how, and why there is no answer, for each that has none."""
    return "".join(f"  {plain(told)}\n" for told in _summary(made, records, known))


def _summary(made: Run, records: Sequence[Record], known: int) -> Iterator[str]:
    counts = {ended: n for ended in Ended if (n := sum(record.ended is ended for record in records))}
    words = ", ".join(f"{n} {ended.value}" for ended, n in counts.items())
    yield f"{made.name}: {words}" + (f" · {known} known from before" if known else "")
    for record in records:
        if record.ended in (*UNANSWERED, Ended.SKIPPED):
            yield f"{record.ended.value:<{WORD}}{record.case}: {record.reason}"
