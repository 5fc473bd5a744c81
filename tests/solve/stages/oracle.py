"""All splits of a tiny problem, and tiny problems of every kind."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

from mapper.errors import MapperError
from mapper.solve.stages import DeviceClass, Node, Problem, Solution, verify
from mapper.solve.stages.verify import max_load


def best(problem: Problem) -> int | None:
    """The least maximal load of all splits that keep the rules; None when there is none."""
    values = []
    for device in itertools.product(range(len(problem.devices)), repeat=len(problem.nodes)):
        solution = Solution(device)
        try:
            verify(problem, solution)
        except MapperError:
            continue
        values.append(max_load(problem, solution))
    return min(values, default=None)


@st.composite
def problems(draw: st.DrawFn, *, contiguous: bool = True, training: bool = True) -> Problem:
    """Up to five nodes on up to three devices: ties, backward nodes, forbidden classes, memory that may bind."""
    count = draw(st.integers(1, 5))
    small = st.integers(0, 9)
    nodes = []
    backward_from = draw(st.integers(1, count)) if training else count
    for i in range(count):
        times: tuple[int | None, int | None] = (draw(small), draw(small))
        forbidden = draw(st.sampled_from([None, None, None, 0, 1]))
        if forbidden is not None:
            times = (None, times[1]) if forbidden == 0 else (times[0], None)
        tie = draw(st.sampled_from([None, None, 0, 1]))
        nodes.append(Node(f"n{i}", times, draw(st.integers(0, 3)), draw(small), tie, i >= backward_from))
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=6)) if pairs else []
    memory = draw(st.sampled_from([None, 4, 8]))
    accelerators = draw(st.integers(0, 3))
    cores = draw(st.integers(0 if accelerators else 1, 3 - accelerators))
    classes = (DeviceClass("acc", accelerators, memory), DeviceClass("cpu", cores, None, transfers=False))
    return Problem(tuple(nodes), tuple(edges), classes, contiguous)
