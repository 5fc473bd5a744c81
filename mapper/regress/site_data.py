"""What the site of a suite shows, as data: columns that hold only what changes, packed for a page to unpack."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mapper.regress.baseline import Baseline
from mapper.regress.cases import Case
from mapper.regress.chance import headline
from mapper.regress.compared import Compared
from mapper.regress.record import Record
from mapper.regress.said import better_side
from mapper.regress.scores import ScoreCase
from mapper.regress.suite import Tolerance, of_case
from mapper.regress.trends import TIMINGS, Steps, Trend, Trends
from mapper.regress.verdicts import Verdict, tolerance_of
from mapper.report.page.shell import as_block

FIRST = ("throughput_per_s", "tokens_per_s", "latency_s", "ttft_s", "tpot_s", "energy_j", "energy_per_token_j",
         "average_power_w", "gap", "value", "bound", "inflight")  # fmt: skip
"""Metrics that people ask for first, in this order; the others follow by name, timings last."""

DIGITS = 6


def packed(data: Any) -> str:
    """Data as a page carries it: JSON, with hostile characters spelled out, compressed, in letters. Equal data
    gives equal text."""
    return base64.b64encode(gzip.compress(as_block(data).encode(), compresslevel=6, mtime=0)).decode()


def site_data(
    known: Trends, found: Compared, some: Sequence[Case], tolerances: Mapping[str, Tolerance]
) -> dict[str, Any]:
    """Nights, metrics, what happened when, and each case with its trends. tolerances: of the whole suite."""
    metrics = _metrics(known)
    numbers = {name: k for k, name in enumerate(metrics)}
    baseline = found.baseline
    verdicts = {one.case: one for one in found.verdicts}
    cases = [
        _case(
            case, known.cases[case.name], numbers, baseline.records.get(case.name), verdicts.get(case.name), tolerances
        )
        for case in some
    ]
    return {
        "nights": [[night.begun, night.name] for night in known.nights],
        "metrics": [[name, _side(name), int(name in TIMINGS)] for name in metrics],
        "upgrades": [list(one) for one in known.upgrades],
        "accepted": _accepted(known, baseline),
        "cases": cases,
    }


def _side(metric: str, own: Mapping[str, bool | None] | None = None) -> int:
    """1 where more of a metric is better, -1 where less is, 0 where neither is."""
    more = False if metric in TIMINGS else better_side(metric, own)
    return 0 if more is None else 1 if more else -1


def _metrics(known: Trends) -> list[str]:
    """All metrics, those first that people ask for first."""
    names = {name for trend in known.cases.values() for name in trend.metrics}
    order = {name: k for k, name in enumerate(FIRST)}
    timed = [name for name in TIMINGS if any(name in trend.timings for trend in known.cases.values())]
    return [*sorted(names, key=lambda name: (order.get(name, len(order)), name)), *timed]


def _accepted(known: Trends, baseline: Baseline) -> list[list[Any]]:
    """Night, when, who, why and number of cases of each acceptance: what was accepted is a run that had begun, so it
    stands at the one that began last before it by the clock; -1 where none did."""
    found = []
    for one in baseline.accepted:
        begun = [(night.begun, k) for k, night in enumerate(known.nights) if night.begun <= one.when]
        found.append([max(begun)[1] if begun else -1, one.when, one.who, one.why, one.cases])
    return found


def _case(
    case: Case,
    trend: Trend,
    numbers: Mapping[str, int],
    accepted: Record | None,
    verdict: Verdict | None,
    tolerances: Mapping[str, Tolerance],
) -> dict[str, Any]:
    """ended: night, how and why, from then on. trends: by number of the metric, nights and values one after the other.
    accepted: by number of the metric, the value and how far another may be from it. sides: of its own, by number of the
    metric. goal: the number of the metric that tells it, or -1. said: the verdict, and that on each metric by its
    number."""
    own = of_case(case.tolerances, tolerances)
    room = dict(_rooms(accepted, own)) if accepted else {}
    goal = _goal(case, trend)
    sides = {name: _side(name, case.better) for name in trend.metrics} if case.better else {}
    if goal == "value":
        sides["value"] = -1
    judged = {numbers[c.metric]: c.said.value for c in (verdict.changes if verdict else ()) if c.metric in numbers}
    return {
        "name": case.name,
        "tags": list(case.tags),
        "objective": case.objective or "",
        "ended": [[night, ended.value if ended else "", reason] for night, ended, reason in trend.ended],
        "trends": {numbers[name]: _flat(steps) for name, steps in {**trend.metrics, **trend.timings}.items()},
        "sides": {numbers[name]: side for name, side in sides.items()},
        "goal": numbers.get(goal, -1),
        "accepted": {numbers[name]: values for name, values in room.items() if name in numbers},
        "said": [verdict.said.value, judged] if verdict else ["", {}],
        "answer": accepted.ended.value if accepted else "",
    }


def _goal(case: Case, trend: Trend) -> str:
    """The metric that tells a case; '' where it never had a number."""
    if isinstance(case, ScoreCase):
        return case.headline(trend.metrics)
    named = (headline(case.objective), "value") if case.objective else ()
    return next((name for name in named if name in trend.metrics), "")


def _rooms(accepted: Record, own: Mapping[str, Tolerance]) -> Iterator[tuple[str, list[float]]]:
    for name, value in accepted.metrics.items():
        given = tolerance_of(name, own)
        yield name, [_shown(value), _shown(max(given.relative * abs(value), given.absolute))]


def _flat(steps: Steps) -> list[float | None]:
    return [x for step in steps for x in step]


def _shown(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
