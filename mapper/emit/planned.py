"""What a plan says of the nodes of its files: where each runs, when, in which types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from mapper.frontend.anatomy import FileNode
from mapper.hw.work import TICKS_PER_SECOND
from mapper.ir.graph import Op
from mapper.ir.plan import Plan, Task


@dataclass(frozen=True)
class Planned:
    """A finished plan, asked by node of a file. label: what the plan's names of it begin with, '' for the only file."""

    plan: Plan
    label: str = ""

    @cached_property
    def _ops(self) -> dict[str, list[Op]]:
        """The ops that a node of the file stands in."""
        start = f"{self.label}/" if self.label else ""
        found: dict[str, list[Op]] = {}
        for op in self.plan.graph.ops:
            for name in op.origin:
                if name.startswith(start):
                    found.setdefault(name.removeprefix(start), []).append(op)
        return found

    @cached_property
    def _cluster(self) -> dict[str, str]:
        return {op: cluster.name for cluster in self.plan.clusters or () for op in cluster.ops}

    @cached_property
    def _task(self) -> dict[tuple[str, str], Task]:
        return {(task.cluster, task.phase): task for task in self.plan.tasks or ()}

    @cached_property
    def _times(self) -> dict[str, tuple[int, int]]:
        """First start and last end of each task, over its tiles."""
        found: dict[str, tuple[int, int]] = {}
        for slot in self.plan.schedule or ():
            name = slot.what if slot.what in self.plan.task else slot.what.rpartition(" [")[0]
            if name in self.plan.task:
                start, end = found.get(name, (slot.start, slot.end))
                found[name] = min(start, slot.start), max(end, slot.end)
        return found

    def tasks_of(self, node: FileNode, phase: str) -> Iterator[tuple[Task, Op]]:
        """The tasks of a phase that a node, or one in its branches and bodies, is part of, each with the op."""
        for op in (op for name in node.names for op in self._ops.get(name, ())):
            task = self._task.get((self._cluster[op.name], phase))
            if task is not None:
                yield task, op

    def units_of(self, node: FileNode, phase: str) -> Iterator[tuple[str, int]]:
        """The units that a node is planned on, each with a weight: products count more than what rides on them."""
        for task, op in self.tasks_of(node, phase):
            yield self.plan.place[task.name].unit, 1000 if op.kind in ("matmul", "conv", "attention", "rnn") else 1

    def start(self, node: FileNode, phase: str) -> int | None:
        """When the first task that the node is part of starts, in ticks of one call; None for a node without a task."""
        found = [self._times[task.name][0] for task, _ in self.tasks_of(node, phase) if task.name in self._times]
        return min(found, default=None)

    def seconds(self, task: str) -> tuple[float, float]:
        """Start and end of a task in one call."""
        start, end = self._times.get(task, (0, 0))
        return start / TICKS_PER_SECOND, end / TICKS_PER_SECOND

    def types(self, task: Task) -> tuple[str, ...]:
        """The number types in which the task's ops are computed, each once."""
        return tuple(dict.fromkeys(t.value for t in self.plan.chosen(task.name).types))

    def first_unit(self, phase: str) -> str:
        """The unit of the task that starts first."""
        tasks = [task for task in self.plan.tasks or () if task.phase == phase]
        first = min(tasks, key=lambda t: (self._times.get(t.name, (0, 0))[0], t.name))
        return self.plan.place[first.name].unit


def starts(nodes: Sequence[FileNode], planned: Planned, phase: str) -> dict[str, int]:
    """When the plan starts each node, by name; one without a task starts as the one before it in the file."""
    found: dict[str, int] = {}
    last = 0
    for node in nodes:
        start = planned.start(node, phase)
        last = last if start is None else start
        found[node.name] = last
    return found
