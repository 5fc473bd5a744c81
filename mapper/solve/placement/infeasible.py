"""Why nothing fits: the demand, what is offered, and what would make it fit."""

from __future__ import annotations

from mapper.errors import Infeasible
from mapper.solve.placement.problem import Problem


def no_placement(problem: Problem) -> Infeasible:
    """The error to raise when no placement exists (or none was found within the budget)."""
    details = [*_memory_capacity(problem), *_one_option(problem), *_ties(problem)]
    least, offered = demand(problem), sum(problem.capacities)
    if least > offered:
        message = f"no placement fits: the items need at least {least} bytes of residents, memories offer {offered}"
    else:
        message = f"no placement keeps every rule: {least} of {offered} bytes are needed at least, but not as they lie"
    return Infeasible(
        message,
        details=details,
        hint="levers: more or larger memories | smaller weights (fewer bits, fewer replicas) | an option that streams",
    )


def demand(problem: Problem) -> int:
    """Bytes that any placement keeps resident: each item's least, where residents are shared by nobody else."""
    users: dict[int, int] = {}
    for item in problem.items:
        for k in {k for o in item.options for k in o.needs}:
            users[k] = users.get(k, 0) + 1
    total = 0.0
    for item in problem.items:
        total += min(sum(problem.residents[k].bytes / users[k] for k in set(o.needs)) for o in item.options)
    return int(total)


def _memory_capacity(problem: Problem) -> list[str]:
    """What each memory offers."""
    return [f"memory '{n}' holds {c} bytes" for n, c in zip(problem.memories, problem.capacities, strict=True)]


def _one_option(problem: Problem) -> list[str]:
    """Items none of whose options fits an empty chip."""
    found = []
    for item in problem.items:
        over = []
        for option in item.options:
            need: dict[int, int] = {}
            for k in set(option.needs):
                resident = problem.residents[k]
                need[resident.memory] = need.get(resident.memory, 0) + resident.bytes
            over.append(max((b - problem.capacities[m] for m, b in need.items()), default=0))
        if min(over) > 0:
            found.append(f"item '{item.name}': every option exceeds a memory, the nearest by {min(over)} bytes")
    return found


def _ties(problem: Problem) -> list[str]:
    """Tied items with no place in common."""
    found = []
    for tie in problem.ties:
        common = set.intersection(*({o.place for o in problem.items[i].options} for i in tie))
        if not common:
            names = ", ".join(f"'{problem.items[i].name}'" for i in tie)
            found.append(f"tie: {names} have no place in common")
    return found
