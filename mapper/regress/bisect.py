"""The commit that moved a case: a bisection by git, in which each revision's own code answers the case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from mapper.errors import MapperError, UsageError
from mapper.regress.bisect_answer import Answer, Asking
from mapper.regress.bisect_git import Repository, Revision, Worktree
from mapper.regress.chance import headline
from mapper.regress.record import Record
from mapper.regress.said import Said
from mapper.regress.suite import Tolerance
from mapper.regress.verdicts import Verdict, verdict


class Gave(StrEnum):
    """What a revision is: as the good one, as the bad one, or nothing that can be told."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


@dataclass(frozen=True)
class Step:
    """A revision that was asked. metric: that which tells the good and the bad one apart; change: relative to the good
    one, None where there is none."""

    revision: Revision
    gave: Gave
    answer: Answer
    metric: str
    change: float | None = None


@dataclass(frozen=True)
class Culprit:
    """The commit that moved a case. verdict: on what it gave, against what the commit before it gave."""

    revision: Revision
    verdict: Verdict


@dataclass
class Bisection:
    """A case between a good and a bad revision. begin, tell: take each revision that is asked, and what it gave; steps:
    those so far, by the revision's hash."""

    repository: Repository
    asking: Asking
    tolerances: Mapping[str, Tolerance]
    begin: Callable[[Revision], None]
    tell: Callable[[Step], None]
    steps: dict[str, Step] = field(default_factory=dict)

    def commits(self, good: Revision, bad: Revision) -> int:
        """How many commits there are after the good one, up to the bad one. Raises UsageError where that is none."""
        if good.sha == bad.sha:
            raise UsageError(f"--good and --bad are the same commit, {good.short}")
        if not self.repository.is_before(good, bad):
            turned = self.repository.is_before(bad, good)
            hint = "--good is the older one" if turned else "give an ancestor of --bad, as git merge-base finds it"
            raise UsageError(f"--bad {bad.short} did not come of --good {good.short}", hint=hint)
        return self.repository.count(good, bad)

    def between(self, good: Revision, bad: Revision) -> Culprit:
        """The first commit after which the case is as it is at the bad one.

        Raises UsageError where the bad one is no heir of the good one, MapperError where the case is the same at both,
        has no answer at the good one, and where those that could tell have none.
        """
        self.commits(good, bad)
        with self.repository.worktree() as worktree:
            first, last, metric = self._ends(worktree, good, bad)
            worktree.start(good, bad)
            while (revision := worktree.next()) is not None:
                answer = self._asked(worktree, revision)
                found = gave(answer, first, last, metric)
                self._told(revision, found, answer, first, metric)
                worktree.mark(found)
            suspects = [self.repository.revision(sha) for sha in worktree.suspects()]
        if len(suspects) > 1:
            raise MapperError(
                f"one of {len(suspects)} commits moved the case: those between could not be asked",
                details=[f"{one.short} {one.subject}" for one in suspects],
            )
        return self._culprit(suspects[0], first)

    def _ends(self, worktree: Worktree, good: Revision, bad: Revision) -> tuple[Answer, Answer, str]:
        """What the good and the bad revision gave, which must differ, and the metric that tells them apart."""
        first, last = (self._asked(worktree, one) for one in (good, bad))
        if not first.record.lasting:
            raise MapperError(
                f"at --good {good.short} the case has no answer: {first.record.reason}",
                hint="give a revision at which it has one",
            )
        found = self._verdict(first.record, last.record)
        metric = told_by(found, headline(self.asking.case.objective))
        if found.said is Said.SAME:
            values = [f"{one.record.metrics.get(metric, 0.0):.9g}" for one in (first, last)]
            words = [f"{metric} {value}" if first.record.metrics else first.record.ended.value for value in values]
            raise MapperError(
                f"the case is the same at both: {words[0]} at {good.short}, {words[1]} at {bad.short}",
                hint="what moved it is no commit between them, or the libraries did: bisecting uses those of today",
            )
        self._told(good, Gave.GOOD, first, first, metric)
        self._told(bad, Gave.BAD, last, first, metric)
        return first, last, metric

    def _culprit(self, revision: Revision, first: Answer) -> Culprit:
        """The commit, held against a parent of it that was asked, else against what all parents are as good as."""
        known = (self.steps[sha].answer for sha in self.repository.parents(revision) if sha in self.steps)
        before = next(known, first)
        return Culprit(revision, self._verdict(before.record, self.steps[revision.sha].answer.record))

    def _asked(self, worktree: Worktree, revision: Revision) -> Answer:
        self.begin(revision)
        return self.asking.answer(worktree, revision)

    def _told(self, revision: Revision, found: Gave, answer: Answer, first: Answer, metric: str) -> None:
        before, after = (one.record.metrics.get(metric) for one in (first, answer))
        change = after / before - 1 if after is not None and before else None
        step = Step(revision, found, answer, metric, change)
        self.steps[revision.sha] = step
        self.tell(step)

    def _verdict(self, before: Record, after: Record) -> Verdict:
        """The verdict by what both tell: older code does not tell all."""
        both = [name for name in before.metrics if name in after.metrics]
        before, after = (replace(one, metrics={name: one.metrics[name] for name in both}) for one in (before, after))
        return verdict(before, after, self.tolerances, self.asking.case.objective)


def told_by(found: Verdict, own: str) -> str:
    """The metric that tells the revisions apart, by the verdict on the bad one: the objective's own if it moved, else
    the one that moved most."""
    moved = [change.metric for change in found.changes if change.change is not None]
    return own if own in moved or not moved else moved[0]


def gave(one: Answer, first: Answer, last: Answer, metric: str) -> Gave:
    """What an answer is, between those of the good revision and of the bad one: as the one that it is nearer to."""
    if not one.record.lasting:
        return Gave.BAD if one.kind == last.kind else Gave.SKIP
    if last.kind:
        return Gave.GOOD
    if first.record.ended is not last.record.ended:
        return Gave.BAD if one.record.ended is last.record.ended else Gave.GOOD
    values = [answer.record.metrics.get(metric) for answer in (one, first, last)]
    if None in values:
        return Gave.SKIP
    value, good, bad = (value or 0.0 for value in values)
    return Gave.BAD if abs(value - bad) < abs(value - good) else Gave.GOOD
