"""A run held against a baseline: a verdict for each case, and why the worst of them changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mapper.regress.attribution import moved, why
from mapper.regress.baseline import Baseline
from mapper.regress.cases import Case
from mapper.regress.chance import NONE, Search, search
from mapper.regress.record import Record
from mapper.regress.rejudged import judged_now, open_questions
from mapper.regress.said import Said
from mapper.regress.suite import Tolerance, of_case
from mapper.regress.timings import Timings, timings
from mapper.regress.verdicts import Verdict, counted, verdict

EXPLAINED = 20
"""Cases whose change is explained, the worst first: each takes two plans to be read."""

GONE = "it was accepted, and the suite no longer has it"


@dataclass(frozen=True)
class Compared:
    """Verdicts of all cases, in the order of the suite, those that it no longer has last. reasons: by case, where
    its change comes from. search: what all cases whose tasks moved say of the search together. timings: seconds by
    the clock, which fail nothing."""

    suite: str
    run: str
    baseline: Baseline
    verdicts: tuple[Verdict, ...]
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    search: Search = NONE
    timings: Timings = field(default_factory=Timings)

    @property
    def fails(self) -> bool:
        """Whether somebody must look at it."""
        return self.search.worse or any(v.fails for v in self.verdicts)

    @property
    def counts(self) -> dict[Said, int]:
        """How many cases have each verdict, the worst first."""
        return counted(self.verdicts)

    @property
    def told(self) -> list[Verdict]:
        """The cases that are not the same, the worst first."""
        order = list(Said)
        some = [v for v in self.verdicts if v.said is not Said.SAME]
        return sorted(some, key=lambda v: (order.index(v.said), -_size(v), v.case))

    @property
    def data(self) -> dict[str, Any]:
        """All of it as JSON data."""
        return {
            "schema": 1,
            "suite": self.suite,
            "run": self.run,
            "fails": self.fails,
            "search": {**asdict(self.search), "worse": self.search.worse},
            "timings": self.timings.data,
            "counts": {said.value: n for said, n in self.counts.items()},
            "cases": [self._case(v) for v in self.verdicts],
        }

    def _case(self, found: Verdict) -> dict[str, Any]:
        changes = [
            {"metric": c.metric, "said": c.said.value, "before": c.before, "after": c.after, "change": c.change}
            for c in found.changes
        ]
        why_ = list(self.reasons.get(found.case, ()))
        return {"case": found.case, "said": found.said.value, "words": found.words, "changes": changes, "why": why_}


def compared(
    suite: str,
    run: str,
    some: Sequence[Case],
    records: Sequence[Record],
    baseline: Baseline,
    plans: Path,
    tolerances: Mapping[str, Tolerance],
    earlier: Sequence[Sequence[Record]] = (),
    gone: Sequence[str] = (),
) -> Compared:
    """The verdicts on the cases of a run. some: the cases that it was about. plans: the folder of plans by key.
    tolerances: of the whole suite. earlier: the records of runs before, the first first, whose seconds those of this
    run are held against. gone: cases that were accepted and that the suite no longer has."""
    now = {record.case: record for record in records}
    found, pairs, asked = [], [], {}
    for case in some:
        before, after = baseline.records.get(case.name), now.get(case.name)
        if before is None and after is None:
            continue
        own = of_case(case.tolerances, tolerances)
        asked[case.name] = (own, case.objective, case.better)
        found.append(verdict(before, after, *asked[case.name]))
        if before is not None and after is not None and case.objective is not None:
            pairs.append((before, after, case.objective))
    again = {v.case: value for v in open_questions(found)[:EXPLAINED] if (value := judged_now(v, plans)) is not None}
    found = [
        _settled(v, verdict(v.before, v.after, *asked[v.case], again=again[v.case])) if v.case in again else v
        for v in found
    ]
    reasons = {v.case: words for v in moved(found)[:EXPLAINED] if (words := why(v, plans))}
    found += [Verdict(name, Said.MISSING, words=GONE, before=baseline.records[name]) for name in gone]
    return Compared(suite, run, baseline, tuple(found), reasons, search(pairs), timings(records, earlier))


def _settled(first: Verdict, again: Verdict) -> Verdict:
    """The second verdict, which knows the accepted plan as it is judged now, where that changes or explains the first;
    what nobody is told of is not explained."""
    told = first.words or any(c.metric == "value" for c in first.changes)
    return again if told or again.said is not first.said else first


def _size(found: Verdict) -> float:
    return max((abs(c.change or 0.0) for c in found.changes), default=0.0)
