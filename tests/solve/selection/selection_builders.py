"""Random small selection problems, and their optimum by trying every choice."""

from __future__ import annotations

import random
from itertools import product

from mapper.errors import MapperError
from mapper.solve.selection import FORBIDDEN, Edge, Node, Problem, Solution, verify


def random_problem(
    seed: int, *, nodes: int = 6, options: int = 3, memories: int = 1, negative: bool = False
) -> Problem:
    rng = random.Random(seed)
    counts = [rng.randint(1, options) for _ in range(nodes)]
    low = -9 if negative else 0

    def cost(forbidding: float) -> int:
        return FORBIDDEN if rng.random() < forbidding else rng.randint(low, 20)

    shape = rng.choice(["any", "equal", "additive", "chain"])

    def matrix(a: int, b: int) -> list[int]:
        if shape == "equal" and counts[a] == counts[b] and rng.random() < 0.6:
            return [rng.randint(0, 5) if i == j else FORBIDDEN for i in range(counts[a]) for j in range(counts[b])]
        if shape == "additive" and rng.random() < 0.5:
            left, right = ([rng.randint(0, 9) for _ in range(counts[x])] for x in (a, b))
            return [x + y for x in left for y in right]
        forbidding = rng.choice([0.0, 0.2, 0.5])
        return [cost(forbidding) for _ in range(counts[a] * counts[b])]

    def node(i: int) -> Node:
        start = rng.randint(0, 6)
        usages = [rng.choice([0, rng.randint(0, 9)]) for _ in range(counts[i])]
        its = [rng.randrange(memories) for _ in range(counts[i])] if memories > 1 else []
        return Node(f"n{i}", [cost(0.1) for _ in range(counts[i])], usages, start, start + rng.randint(0, 5), its)

    made = tuple(node(i) for i in range(nodes))
    pairs = [(rng.randrange(nodes), rng.randrange(nodes)) for _ in range(rng.randint(0, 2 * nodes))]
    if shape == "chain":
        pairs = [(i, i + 1) for i in range(nodes - 1)]
    edges = tuple(Edge(a, b, matrix(a, b)) for a, b in pairs)
    return Problem(made, edges, tuple(rng.choice([5, 12, 25, 60]) for _ in range(memories)))


def choices(problem: Problem) -> list[tuple[int, ...]]:
    return list(product(*(range(len(node.costs)) for node in problem.nodes)))


def feasible(problem: Problem, choice: tuple[int, ...]) -> bool:
    try:
        verify(problem, Solution(choice))
    except MapperError:
        return False
    return True


def brute_force(problem: Problem) -> int | None:
    """The least cost of a choice that keeps all rules; None if there is none."""
    return min((problem.objective(c) for c in choices(problem) if feasible(problem, c)), default=None)
