"""The one way this program calls CP-SAT: deterministic by default, stoppable, with status and bound in our words."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ortools.sat.python import cp_model

from mapper.errors import MapperError
from mapper.solve.budget import Budget


class Outcome(StrEnum):
    """How a CP-SAT run ended."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """A CP-SAT run: its end, the value and bound of the objective (None without a solution), and the assignment."""

    outcome: Outcome
    value: float | None
    bound: float | None
    deterministic_seconds: float
    solver: cp_model.CpSolver

    @property
    def found(self) -> bool:
        return self.outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE)


_OUTCOMES = {
    cp_model.OPTIMAL: Outcome.OPTIMAL,
    cp_model.FEASIBLE: Outcome.FEASIBLE,
    cp_model.INFEASIBLE: Outcome.INFEASIBLE,
    cp_model.UNKNOWN: Outcome.UNKNOWN,
}

STALLED_S = 120.0
STALLED_PER_SECOND = 30.0
"""Seconds, and seconds for each of deterministic time, after which a run is ended whose deterministic clock stands
still: OR-Tools 9.15 has loops that do not count. Far beyond what a run takes that counts, so no other is cut short."""

WORKERS = 2
"""A fixed count, interleaved, for a budget without workers: the search is then the same on every machine."""

SLICES = 1
"""Slices of the search that each worker gets before an interleaved search looks at its limit. By default OR-Tools 9.15
goes on for twice as long: fillings of chips limited to 0.2 deterministic seconds took 0.2 to 1.0, now 0.2 to 0.4."""

LONG_BATCHES: Mapping[str, Any] = {"interleave_batch_size": 0}
"""Parameters of a search that may go on for several times its limit, as OR-Tools does by default: schedules of thirty
jobs are found in what their single run takes beyond it."""


def solve(
    model: cp_model.CpModel,
    budget: Budget,
    *,
    linearization_level: int = 1,
    parameters: Mapping[str, Any] | None = None,
    on_bound: Callable[[float], None] | None = None,
    enough: Callable[[], bool] | None = None,
) -> Answer:
    """Run CP-SAT within the budget; `parameters` are further fields of its SatParameters by name.

    on_bound: called with each better bound of the objective, from another thread. enough: asked now and then; the run
    ends when it says so (another search has closed the gap, say).

    Raises MapperError on a model it calls invalid (an overflow, say).
    """
    solver = cp_model.CpSolver()
    _configure(solver, model, budget)
    solver.parameters.linearization_level = linearization_level
    for name, value in (parameters or {}).items():
        setattr(solver.parameters, name, value)
    if on_bound is not None:
        solver.best_bound_callback = on_bound
    return _run(solver, model, budget, enough)


def whole(bound: float) -> int:
    """The whole number that a bound of a whole objective stands for; a little less where floats skip whole numbers."""
    return round(bound) if abs(bound) < 2**53 else math.floor(bound - 2 * math.ulp(bound))


def add_hints(model: cp_model.CpModel, values: Iterable[tuple[cp_model.IntVar, int]]) -> None:
    """Tell CP-SAT where to look first: each variable with a value."""
    for variable, value in values:
        model.add_hint(variable, value)


def core(model: cp_model.CpModel, assumptions: Mapping[str, cp_model.IntVar], budget: Budget) -> tuple[str, ...]:
    """The names of assumptions that cannot all hold, few but not always fewest; none when the budget does not tell.

    model: without an objective, each rule that may be to blame enforced by the Boolean that stands for it.
    """
    names = {literal.index: name for name, literal in assumptions.items()}
    model.add_assumptions(list(assumptions.values()))
    solver = cp_model.CpSolver()
    _configure(solver, model, budget)
    solver.parameters.num_workers = 1  # assumptions are for one worker only
    solver.parameters.interleave_search = False
    answer = _run(solver, model, budget)
    model.clear_assumptions()
    if answer.outcome is not Outcome.INFEASIBLE:
        return ()
    return tuple(names[i] for i in solver.sufficient_assumptions_for_infeasibility())


def _configure(solver: cp_model.CpSolver, model: cp_model.CpModel, budget: Budget) -> None:
    p = solver.parameters
    p.random_seed = budget.seed
    p.catch_sigint_signal = False
    if budget.workers is None:
        has_objective = model.has_objective()  # OR-Tools 9.15 aborts on interleaved search without one
        p.num_workers = WORKERS if has_objective else 1
        p.interleave_search = has_objective
        p.interleave_batch_size = p.num_workers * SLICES
    else:
        p.num_workers = budget.workers
    if budget.deterministic_seconds < math.inf:
        p.max_deterministic_time = max(budget.deterministic_seconds, 0.001)
    stalled = STALLED_S + STALLED_PER_SECOND * budget.deterministic_seconds
    p.max_time_in_seconds = max(min(budget.seconds_left(), stalled), 0.001)


def _run(
    solver: cp_model.CpSolver, model: cp_model.CpModel, budget: Budget, enough: Callable[[], bool] | None = None
) -> Answer:
    has_objective = model.has_objective()
    watcher = _Stopper(solver, budget, enough)
    with watcher:
        status = solver.solve(model)
    if status == cp_model.MODEL_INVALID:
        raise MapperError(f"internal: CP-SAT refused the model: {model.validate()[:300]}")
    spent: float = solver.response_proto.deterministic_time
    budget.spend("cp-sat", spent)
    outcome = _OUTCOMES[status]
    found = outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE)
    return Answer(
        outcome,
        solver.objective_value if found and has_objective else None,
        solver.best_objective_bound if has_objective and outcome is not Outcome.INFEASIBLE else None,
        spent,
        solver,
    )


class _Stopper:
    """Stops a running solver soon after the budget's stop event is set (Ctrl-C in the main thread), or when others have
    found enough."""

    def __init__(self, solver: cp_model.CpSolver, budget: Budget, enough: Callable[[], bool] | None) -> None:
        self._solver, self._budget, self._enough = solver, budget, enough
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            if self._budget.stop.is_set() or (self._enough is not None and self._enough()):
                self._solver.stop_search()
                return

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
