"""Packing as a CP-SAT model of one dimension: an offset per buffer, no overlap among those live together."""

from __future__ import annotations

from dataclasses import dataclass

from ortools.sat.python import cp_model

from mapper.solve.budget import Budget
from mapper.solve.cpsat import Answer, solve
from mapper.solve.packing.problem import Ints, Problem


@dataclass(frozen=True, slots=True)
class Variables:
    """The offset of each buffer in units, and the bytes that it occupies from there."""

    offset: list[cp_model.IntVar]
    range: list[cp_model.IntervalVar]


def live_sets(problem: Problem) -> list[list[int]]:
    """The maximal sets of buffers live at one time: those live just before a first death after a birth."""
    moments = sorted(
        [(int(s), 1, i) for i, s in enumerate(problem.starts)] + [(int(e), 0, i) for i, e in enumerate(problem.ends)]
    )
    found: list[list[int]] = []
    live: set[int] = set()
    grown = False
    for _, begins, i in moments:
        if begins:
            live.add(i)
        else:
            if grown:
                found.append(sorted(live))
            live.discard(i)
        grown = bool(begins)
    return found


def pack_below(problem: Problem, capacity: int, budget: Budget) -> tuple[list[int] | None, Answer]:
    """Offsets in units below a capacity in bytes, no smaller than any buffer, or None; the answer tells why."""
    model = cp_model.CpModel()
    x = _variables(model, problem, problem.highest(capacity))
    add_overlap(model, x, problem)
    answer = solve(model, budget, linearization_level=0)
    return _read(x, answer), answer


def _variables(model: cp_model.CpModel, problem: Problem, highest: Ints) -> Variables:
    offsets = [model.new_int_var(0, h, f"offset {i}") for i, h in enumerate(highest.tolist())]
    ranges = [
        model.new_fixed_size_interval_var(offset, size, f"range {i}")
        for i, (offset, size) in enumerate(zip(offsets, problem.sizes.tolist(), strict=True))
    ]
    return Variables(offsets, ranges)


def add_overlap(model: cp_model.CpModel, x: Variables, problem: Problem) -> None:
    """No two buffers that are live together share a byte: one no-overlap for each maximal set of live buffers."""
    for together in live_sets(problem):
        sized = [x.range[i] for i in together if problem.sizes[i]]
        if len(sized) > 1:
            model.add_no_overlap(sized)


def _read(x: Variables, answer: Answer) -> list[int] | None:
    return [answer.solver.value(v) for v in x.offset] if answer.found else None
