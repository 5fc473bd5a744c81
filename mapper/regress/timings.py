"""Timings: the seconds of a run against those of earlier runs on the same machine, by statistics; they fail nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log, pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from mapper.regress.record import Record

Floats = npt.NDArray[np.float64]

SECONDS = "case_s"
"""The seconds that are compared: of a whole case, in its own process."""

LEAST, RUNS = 8, 20
"""Measurements that a case must have from before (simulated: of cases whose noise differs up to threefold, 1 in 120 is
told by chance after 8 runs, 1 in 40 after 5), and earlier runs that are looked at."""

OUTLIER, SIGMA = 3.5, 1.4826
"""The modified z-score from which on a value is an outlier, and what makes the median of absolute deviations a standard
deviation of a normal distribution (Iglewicz and Hoaglin, How to Detect and Handle Outliers, ASQC 1993)."""

FELT = 0.1
"""Relative change below which nobody is told, however steady the runs before were."""

STEADY = 0.02
"""The least standard deviation (of the logarithm) that is believed: of five runs some agree by luck."""

DRAWS, PART = 10_000, 0.95
"""Resamples of the cases, and the part of their means that the interval covers."""


@dataclass(frozen=True, slots=True)
class Timing:
    """A case that was measured anew: its seconds, the median of the runs before, how many these are, and the modified
    z-score of the logarithm of its seconds among theirs."""

    case: str
    seconds: float
    before: float
    runs: int
    z: float

    @property
    def ratio(self) -> float:
        """Seconds now by seconds before."""
        return self.seconds / self.before

    @property
    def said(self) -> str:
        """slower, faster, or '' for what the runs before differ by as well."""
        if abs(self.z) <= OUTLIER or abs(self.ratio - 1) <= FELT:
            return ""
        return "slower" if self.z > 0 else "faster"


@dataclass(frozen=True)
class Timings:
    """The cases that were measured anew and often enough before, in the order of the run."""

    cases: tuple[Timing, ...] = ()

    @property
    def told(self) -> tuple[Timing, ...]:
        """Those that are slower or faster, the least likely first."""
        return tuple(sorted((t for t in self.cases if t.said), key=lambda t: (-abs(t.z), t.case)))

    @cached_property
    def together(self) -> tuple[float, float, float]:
        """The geometric mean of all ratios, and the interval of it over other draws of as many cases (the bootstrap's
        percentiles: Efron, Annals of Statistics 7, 1979; the same draws each time)."""
        logs: Floats = np.log([t.ratio for t in self.cases])
        if not logs.size:
            return 1.0, 1.0, 1.0
        drawn = np.random.default_rng(0).integers(0, logs.size, (DRAWS, logs.size))
        ends = np.quantile(logs[drawn].mean(axis=1), [(1 - PART) / 2, (1 + PART) / 2])
        mean, low, high = np.exp([logs.mean(), *ends])
        return float(mean), float(low), float(high)

    @property
    def data(self) -> dict[str, Any]:
        """All of it as JSON data."""
        mean, low, high = self.together
        rows = [
            {"case": t.case, "seconds": t.seconds, "before_s": t.before, "runs": t.runs, "z": t.z, "said": t.said}
            for t in self.cases
        ]
        return {"cases": rows, "ratio": mean, "low": low, "high": high}


def timings(records: Sequence[Record], earlier: Sequence[Sequence[Record]]) -> Timings:
    """The timings of a run's records among those of earlier runs (the first first) on the same machine.

    A record that was known, and not made anew, has the timings of when it was made: it is counted once.
    """
    before: dict[tuple[str, str], dict[str, float]] = {}
    for record in (record for run in earlier for record in run if _measured(record)):
        before.setdefault((record.case, record.machine), {})[_once(record)] = record.timings[SECONDS]
    some = {}
    for record in records:
        others = before.get((record.case, record.machine), {})
        if _measured(record) and _once(record) not in others and len(others) >= LEAST:
            some[record.case] = (record.timings[SECONDS], np.log(list(others.values())))
    if not some:
        return Timings()
    usual = _deviation(np.concatenate([logs - np.median(logs) for _, logs in some.values()]))
    return Timings(tuple(_timing(case, seconds, logs, usual) for case, (seconds, logs) in some.items()))


def _measured(record: Record) -> bool:
    """Whether it says how long an answer took, and where."""
    return bool(record.lasting and record.machine and record.timings.get(SECONDS, 0.0) > 0)


def _once(record: Record) -> str:
    """What no two measurements share: all of its clocks."""
    return repr(sorted(record.timings.items()))


def _deviation(away: Floats) -> float:
    """The standard deviation that distances from a median stand for."""
    return SIGMA * float(np.median(np.abs(away)))


def _timing(case: str, seconds: float, logs: Floats, usual: float) -> Timing:
    """usual: the deviation of all cases together. A case's own is believed where it is larger: that of few runs is
    often too small by luck, and most of the noise is the machine's. The median of n runs is off by itself: its variance
    is pi / 2n of theirs (asymptotically, for normal ones)."""
    middle = float(np.median(logs))
    spread = max(STEADY, usual, _deviation(logs - middle)) * sqrt(1 + pi / (2 * len(logs)))
    return Timing(case, seconds, float(np.exp(middle)), len(logs), (log(seconds) - middle) / spread)
