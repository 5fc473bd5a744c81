"""What a search has come to: the solution of its incumbent, with value, bound and whether the two meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from mapper.solve.cpsat import Outcome
from mapper.solve.incumbent import Incumbent

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Result(Generic[S]):
    """A solution with its value, a lower bound with its name, and whether the two meet."""

    solution: S
    value: int
    bound: int
    bound_name: str
    status: Outcome


def result_of(incumbent: Incumbent[S]) -> Result[S]:
    """What a search over whole values has come to. Raises MapperError when it has found no solution."""
    status = Outcome.OPTIMAL if incumbent.closed else Outcome.FEASIBLE
    return Result(incumbent.solution, int(incumbent.value), int(incumbent.bound), incumbent.bound_name, status)
