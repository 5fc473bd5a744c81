"""Tiny stages problems for the tests."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.solve.stages import DeviceClass, Node, Problem


def node(name: str, acc: int | None, cpu: int | None = 10, **more: int | bool) -> Node:
    """A node with its ticks on an accelerator and on a core of the host."""
    return Node(name, (acc, cpu), **more)  # type: ignore[arg-type]


def chain(
    times: Sequence[int], *, accelerators: int = 2, cores: int = 0, memory: int | None = None, transfer: int = 0
) -> Problem:
    """Nodes n0 -> n1 -> ... with these ticks on an accelerator, ten times as many on a core, one byte each."""
    nodes = tuple(node(f"n{i}", t, 10 * t, size=1, transfer=transfer) for i, t in enumerate(times))
    return problem(nodes, [(i, i + 1) for i in range(len(times) - 1)], accelerators, cores, memory)


def problem(
    nodes: Sequence[Node],
    edges: Sequence[tuple[int, int]],
    accelerators: int = 2,
    cores: int = 0,
    memory: int | None = None,
    *,
    contiguous: bool = True,
) -> Problem:
    """These nodes on accelerators with `memory` bytes each, and on cores."""
    classes = (DeviceClass("acc", accelerators, memory), DeviceClass("cpu", cores, None, transfers=False))
    return Problem(tuple(nodes), tuple(edges), classes, contiguous)
