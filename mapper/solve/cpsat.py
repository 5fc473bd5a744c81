"""The one way this program calls CP-SAT: deterministic by default, stoppable, with status and bound in our words."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from enum import StrEnum

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

WORKERS = 2
"""A fixed count, interleaved: the search is then the same on every machine, however many cores it has."""


def solve(model: cp_model.CpModel, budget: Budget, *, linearization_level: int = 1) -> Answer:
    """Run CP-SAT within the budget. Raises MapperError on a model it calls invalid (an overflow, say)."""
    solver = cp_model.CpSolver()
    p = solver.parameters
    p.random_seed = budget.seed
    has_objective = model.has_objective()
    p.num_workers = WORKERS if has_objective else 1  # OR-Tools 9.15 aborts on interleaved search without an objective
    p.interleave_search = has_objective
    p.max_deterministic_time = max(budget.deterministic_seconds, 0.001)
    p.linearization_level = linearization_level
    p.catch_sigint_signal = False
    if budget.deadline is not None:
        p.max_time_in_seconds = max(budget.deadline - time.monotonic(), 0.001)
    watcher = _Stopper(solver, budget)
    with watcher:
        status = solver.solve(model)
    if status == cp_model.MODEL_INVALID:
        raise MapperError(f"internal: CP-SAT refused the model: {model.validate()[:300]}")
    outcome = _OUTCOMES[status]
    found = outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE)
    return Answer(
        outcome,
        solver.objective_value if found and has_objective else None,
        solver.best_objective_bound if has_objective and outcome is not Outcome.INFEASIBLE else None,
        solver.response_proto.deterministic_time,
        solver,
    )


class _Stopper:
    """Stops a running solver soon after the budget's stop event is set (Ctrl-C in the main thread)."""

    def __init__(self, solver: cp_model.CpSolver, budget: Budget) -> None:
        self._solver, self._budget = solver, budget
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            if self._budget.stop.is_set():
                self._solver.stop_search()
                return

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
