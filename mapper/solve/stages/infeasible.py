"""Why nodes cannot be split over the devices: the demand, what is offered, and what would make them fit."""

from __future__ import annotations

from mapper.errors import Infeasible
from mapper.solve.stages.problem import Problem


def no_split(problem: Problem) -> Infeasible:
    """The error to raise where no split exists."""
    total = sum(node.size for node in problem.nodes)
    must = _must_be_attached(problem)
    offered = sum(d.count * d.memory for d in problem.classes if d.memory is not None)
    kind = "contiguous split" if problem.contiguous else "split"
    if must > offered:
        message = f"no {kind} fits: {must} bytes must be on devices with limits, which hold {offered}"
    else:
        message = f"no {kind} keeps every rule: {total} bytes in pieces that do not fill the devices' {offered} evenly"
    largest = sorted(problem.groups, key=lambda g: -sum(problem.nodes[i].size for i in g))[:3]
    details = [f"class '{d.name}': {d.count} devices of {_bytes(d.memory)}" for d in problem.classes]
    for group in largest:
        size = sum(problem.nodes[i].size for i in group)
        tied = f" and {len(group) - 1} tied to it" if len(group) > 1 else ""
        details.append(f"node '{problem.nodes[group[0]].name}'{tied}: {size} bytes on one device")
    levers = "levers: more devices, or larger ones | smaller weights (fewer bits) | fewer ties"
    return Infeasible(
        message, details=details, hint=levers + (" | a split that need not be contiguous" * problem.contiguous)
    )


def _must_be_attached(problem: Problem) -> int:
    """Bytes of the groups that no class without a limit can take."""
    free = [c for c, d in enumerate(problem.classes) if d.memory is None and d.count]
    return sum(
        sum(problem.nodes[i].size for i in group)
        for group in problem.groups
        if all(problem.group_time(group, c) is None for c in free)
    )


def _bytes(memory: int | None) -> str:
    return "any size" if memory is None else f"{memory} bytes"
