"""The limits of a placement problem as rows of its relaxation."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.solve.placement.problem import Limit
from mapper.solve.placement.relaxation import Relaxation

SLACK = 1e-8
"""Relative room that rows give beyond a limit: what a finished plan is forgiven, and the rounding of the rows."""


def add_energy_limit(r: Relaxation) -> None:
    """Energy with the idle power of one interval does not exceed its limit.

    True of a finished plan too: its interval is no shorter than the problem's, and the row holds at any up to it.
    """
    problem = r.tables.problem
    for limit in problem.limits:
        if limit.quantity != "energy":
            continue
        terms = [(r.interval, problem.idle_pj_per_tick * r.scale / limit.most)]
        for c, items in enumerate(r.classes.items):
            for x, option in zip(r.count[c], problem.items[items[0]].options, strict=True):
                terms.append((x, option.cost / limit.most))
        for net, sent in r.legs.items():
            for leg, x in sent.items():
                terms.append((x, problem.transfers[net.size][leg].cost / limit.most))
        r.program.row([(x, w) for x, w in terms if w], high=1.0 + SLACK)


def timed_limits(r: Relaxation) -> tuple[Limit, ...]:
    """The problem's limits of the latency."""
    return tuple(x for x in r.tables.problem.limits if x.quantity == "latency")


def add_latency_limits(r: Relaxation, ends: Sequence[int], scales: Sequence[float]) -> None:
    """The ends of the phases (columns in units of their scales), as often as each counts, keep the limits."""
    for limit in timed_limits(r):
        counted = zip(ends, scales, limit.calls, strict=True)
        terms = [(end, calls * scale / limit.most) for end, scale, calls in counted if calls]
        r.program.row(terms, high=1.0 + SLACK)
