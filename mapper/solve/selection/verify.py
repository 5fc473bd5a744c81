"""The rules of a selection, recomputed from the definition: choice, forbidden, memory."""

from __future__ import annotations

from mapper.errors import MapperError
from mapper.solve.selection.problem import FORBIDDEN, Problem, Solution, peaks


def verify(problem: Problem, solution: Solution) -> None:
    """Refuse a solution that breaks a rule; the message starts with the rule's name."""
    choice(problem, solution)
    forbidden(problem, solution)
    memory(problem, solution)


def choice(problem: Problem, solution: Solution) -> None:
    """Every node has one of its options."""
    if len(solution.choice) != len(problem.nodes):
        raise MapperError(f"choice: {len(solution.choice)} options are chosen for {len(problem.nodes)} nodes")
    for node, option in zip(problem.nodes, solution.choice, strict=True):
        if not 0 <= option < len(node.costs):
            raise MapperError(f"choice: node '{node.name}' has option {option} of {len(node.costs)}")


def forbidden(problem: Problem, solution: Solution) -> None:
    """No chosen option and no chosen pair is forbidden."""
    for node, option in zip(problem.nodes, solution.choice, strict=True):
        if node.costs[option] >= FORBIDDEN:
            raise MapperError(f"forbidden: node '{node.name}' has option {option}, which costs {node.costs[option]}")
    for edge in problem.edges:
        cost = problem.pair_cost(edge, solution.choice)
        if cost >= FORBIDDEN:
            a, b = (f"'{problem.nodes[i].name}' option {solution.choice[i]}" for i in (edge.a, edge.b))
            raise MapperError(f"forbidden: {a} and {b} together cost {cost}")


def memory(problem: Problem, solution: Solution) -> None:
    """At every moment the options in use fit their memory."""
    chosen = list(zip(problem.nodes, solution.choice, strict=True))
    usages = [node.usages[option] for node, option in chosen]
    memories = [node.memories[option] if node.memories else 0 for node, option in chosen]
    for m, (load, moment) in enumerate(peaks(problem, usages, memories)):
        if load > problem.limits[m]:
            raise MapperError(
                f"memory: {load} in use of memory {m} at moment {moment}, {load - problem.limits[m]} above "
                f"its limit {problem.limits[m]}"
            )
