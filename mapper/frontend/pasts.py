"""The cache that one phase of a request leaves is the one that the next starts from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mapper.errors import ModelError
from mapper.ir.graph import Graph, Phase, Shape, State, bind


def check_pasts(graph: Graph, phases: Sequence[Phase]) -> None:
    """Refuse a phase that goes on with fewer tokens a call than the one before it, but not where that one stopped.

    Phases of one size that run several times may stand at any of the lengths that their calls pass through. Phases of
    as many new tokens (the decoding of several requests, say) and phases that start without a cache are left alone.
    Raises ModelError.
    """
    for state in graph.states:
        if state.past and state.present and not state.same:
            axis = _grows(graph, state, phases)
            for before, after in pairwise(phases) if axis is not None else ():
                assert axis is not None
                _check_pair(graph, state, axis, before, after)


def _shapes(graph: Graph, state: State, phase: Phase, sample: int) -> tuple[Shape, Shape]:
    """A state before and after a call."""
    binding = phase.bindings()[sample]
    return bind(graph.value[state.past].shape, binding), bind(graph.value[state.present].shape, binding)


def _grows(graph: Graph, state: State, phases: Sequence[Phase]) -> int | None:
    """The one axis that calls make longer; None for a state of a fixed size."""
    if len(graph.value[state.past].shape) != len(graph.value[state.present].shape):
        return None
    pairs = [_shapes(graph, state, phase, 0) for phase in phases]
    axes = {k for past, present in pairs for k, (a, b) in enumerate(zip(past, present, strict=True)) if a != b}
    return axes.pop() if len(axes) == 1 else None


def _check_pair(graph: Graph, state: State, axis: int, before: Phase, after: Phase) -> None:
    shapes = _shapes(graph, state, before, 0), _shapes(graph, state, before, -1), _shapes(graph, state, after, 0)
    (first, grown), (_, last), (past, present) = ((a[axis], b[axis]) for a, b in shapes)
    chunk, step = grown - first, present - past
    growing = _shapes(graph, state, after, -1)[0][axis]
    if step >= chunk or growing == 0:
        return
    least = last
    most = last + (before.calls - 1) * chunk if last == grown else last
    if past == growing:  # one size for all calls: that of the first, of the last or of any between
        most += after.calls * step if after.calls > 1 else 0
    if least <= past <= most:
        return
    span = str(least) if least == most else f"{least} to {most}"
    raise ModelError(
        f"phase '{after.name}' starts from a past of {past} tokens, but '{before.name}' before it leaves {span} "
        f"('{state.past}')",
        hint=f'a request goes through both: start "{after.name}" from past={least}, or compile them one by one',
    )
