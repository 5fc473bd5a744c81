"""What may be said of a case or of a metric, and which side of a metric is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Said(StrEnum):
    """What is said of a case or of a metric, the worst first."""

    BOUND_BROKEN = "bound-broken"
    BROKEN = "broken"
    INFEASIBLE_NOW = "infeasible-now"
    MISSING = "missing"
    WORSE = "worse"
    GAP_WORSE = "gap-worse"
    BETTER = "better"
    CHANGED = "changed"
    SKIPPED = "skipped"
    NEW = "new"
    SAME = "same"


FAILING = (Said.BOUND_BROKEN, Said.BROKEN, Said.INFEASIBLE_NOW, Said.MISSING, Said.WORSE, Said.GAP_WORSE)
"""Verdicts that end a comparison with exit code 1."""

LARGER_IS_BETTER = ("throughput_per_s", "tokens_per_s")
SMALLER_IS_BETTER = ("latency_s*", "ttft_s", "tpot_s", "energy_j*", "energy_per_token_j", "peak_bytes of *", "gap",
                     "work*")  # fmt: skip
"""Metrics with a better side, by pattern; all others are told where they change and fail nothing."""


def larger_is_better(objective: str) -> bool:
    """Whether more of the value is better: all objectives but one are costs. objective: with what it is subject to."""
    return objective.startswith("throughput")


def better_side(metric: str, own: Mapping[str, bool | None] | None = None) -> bool | None:
    """Whether more of a metric is better (True), less (False), or neither (None). own: by pattern, before all
    others."""
    for pattern, more in (own or {}).items():
        if fnmatchcase(metric, pattern):
            return more
    if metric in LARGER_IS_BETTER:
        return True
    return False if any(fnmatchcase(metric, pattern) for pattern in SMALLER_IS_BETTER) else None


@dataclass(frozen=True, slots=True)
class Change:
    """A metric before and after. change: relative to before; None where that was 0 or one of them is not there."""

    metric: str
    said: Said
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """How much more it is, as a part of what it was."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return self.after / self.before - 1
