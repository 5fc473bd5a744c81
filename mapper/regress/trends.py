"""Trends: what the cases of a suite came to night by night, read once from the history and kept where it changes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

from mapper.errors import MapperError
from mapper.regress.history import History, Run
from mapper.regress.record import SCHEMA, Ended

TIMINGS = ("case_s", "peak_memory_bytes")
"""Timings that have a trend: of the whole case, by the wall clock."""

DIGITS, CLOCK_DIGITS = 6, 3
"""Significant digits of metrics and of timings: what a trend can show."""

Steps = list[tuple[int, float | None]]
"""From this night on this value, None where there is none; nights in which nothing changes have no entry."""


@dataclass
class Trend:
    """A case night by night. ended: how it ended from this night on, and why; None where it was not run. metrics,
    timings: by name, of the nights in which it had a plan; what they are in others means nothing. last: metrics with
    all digits."""

    ended: list[tuple[int, Ended | None, str]] = field(default_factory=list)
    metrics: dict[str, Steps] = field(default_factory=dict)
    timings: dict[str, Steps] = field(default_factory=dict)
    last: Mapping[str, float] = field(default_factory=dict)

    def end(self, night: int, ended: Ended | None, reason: str = "") -> None:
        """How it ended in a night."""
        if (self.ended[-1][1:] if self.ended else (None, "")) != (ended, reason):
            self.ended.append((night, ended, reason))

    def know(self, night: int, metrics: Mapping[str, float], timings: Mapping[str, float]) -> None:
        """What it came to in a night in which it had a plan."""
        if metrics != self.last:
            _know(self.metrics, night, metrics, DIGITS)
            self.last = metrics
        _know(self.timings, night, {name: timings[name] for name in TIMINGS if name in timings}, CLOCK_DIGITS)


@dataclass(frozen=True)
class Trends:
    """Nights (runs, in the order in which they began), and the trend of each case over them."""

    nights: tuple[Run, ...]
    cases: Mapping[str, Trend]

    @property
    def upgrades(self) -> Iterator[tuple[int, str, str, str]]:
        """Night, name, version before and version from then on, where what a night ran with was another than the night
        before; '' where it was not told."""
        for night, (before, after) in enumerate(pairwise(map(_versions, self.nights)), 1):
            for name in sorted({*before, *after}):
                if before.get(name) != after.get(name):
                    yield night, name, before.get(name, ""), after.get(name, "")


def trends(history: History, suite: str, names: Collection[str], most: int | None = None) -> Trends:
    """The trends of the cases with these names over all nights, or the last ones. A night is a run of which there is a
    record of such a case; of several on a day each is one."""
    runs = {run.number: run for run in history.runs(suite)}
    kept = sorted(runs)[-most:] if most else sorted(runs)
    found: dict[str, Trend] = {name: Trend() for name in names}
    texts: dict[str, str] = {}
    nights: list[Run] = []
    for number, rows in groupby(history.texts(suite, kept[0] if kept else 0), key=itemgetter(0)):
        last = {case: text for _, case, text in rows if case in found}
        if not last:
            continue
        night = len(nights)
        nights.append(runs[number])
        for case, trend in found.items():
            if case not in last:
                trend.end(night, None)
            elif texts.get(case) != last[case]:  # what is known is written again as it is
                texts[case] = last[case]
                _add(trend, night, last[case], history.where)
            elif trend.ended[-1][1] is None:
                trend.end(night, *_ended(json.loads(last[case])))
    return Trends(tuple(nights), found)


def _add(trend: Trend, night: int, text: str, where: str) -> None:
    """What a record says of a night. Only what a trend needs is looked at: there are very many."""
    try:
        data: dict[str, Any] = json.loads(text)
        if data["schema"] != SCHEMA:
            raise MapperError(
                f"{where}: a record of schema {data['schema']}, this version reads {SCHEMA}",
                hint="run the version that wrote it, or start a new history",
            )
        trend.end(night, *_ended(data))
        if data["metrics"]:
            trend.know(night, data["metrics"], data["timings"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MapperError(f"{where}: not a record: {error}") from None


def _ended(data: Mapping[str, Any]) -> tuple[Ended, str]:
    return Ended(data["ended"]), data["reason"]


def _know(known: dict[str, Steps], night: int, values: Mapping[str, float], digits: int) -> None:
    for name, value in values.items():
        steps = known.setdefault(name, [])
        shown = float(f"{value:.{digits}g}")
        if not steps or steps[-1][1] != shown:
            steps.append((night, shown))
    for name in known.keys() - values.keys():
        if known[name][-1][1] is not None:
            known[name].append((night, None))


def _versions(run: Run) -> dict[str, str]:
    try:
        found = json.loads(run.versions)
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
