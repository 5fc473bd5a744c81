"""Small random stages problems, and their optimum without contiguity by trying every split."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hypothesis import strategies as st

from mapper.errors import MapperError
from mapper.solve.stages import DeviceClass, Node, Problem, Solution, verify


def splits(problem: Problem) -> Iterator[Solution]:
    """Every split that keeps the rules."""
    for devices in itertools.product(range(len(problem.devices)), repeat=len(problem.groups)):
        solution = Solution(tuple(devices[problem.group_of[i]] for i in range(len(problem.nodes))))
        try:
            verify(problem, solution)
        except MapperError:
            continue
        yield solution


def least(problem: Problem) -> int | None:
    """The least largest load, None where no split keeps the rules."""
    return min((problem.value(split) for split in splits(problem)), default=None)


@st.composite
def problems(draw: st.DrawFn, *, scarce: bool = True, most_nodes: int = 6) -> Problem:
    """Up to six nodes on two to four devices; with ties, unsupported nodes and, where scarce, little memory."""
    count = draw(st.integers(1, most_nodes))
    times = st.one_of(st.just(0), st.integers(0, 9))
    nodes = []
    for i in range(count):
        cpu = draw(st.integers(0, 30))
        acc = draw(st.none() | times) if draw(st.booleans()) else draw(times)
        tie = draw(st.none() | st.integers(0, 3))
        nodes.append(Node(f"n{i}", (acc, cpu), draw(st.integers(0, 4)), draw(st.integers(0, 6)), tie))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda p: p[0] < p[1])
    edges = draw(st.lists(pairs, max_size=9)) if count > 1 else []
    memory = draw(st.none() | st.integers(3, 12)) if scarce else None
    classes = (
        DeviceClass("acc", draw(st.integers(1, 3)), memory),
        DeviceClass("cpu", draw(st.integers(0, 1)), draw(st.none() | st.just(6)) if scarce else None, transfers=False),
    )
    return Problem(tuple(nodes), tuple(edges), classes, contiguous=False)
