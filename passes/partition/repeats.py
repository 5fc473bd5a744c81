"""Repeats: which clusters are structurally equal."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.hw.work import Role
from mapper.ir.graph import Graph, Phase, ops_in

Key = tuple[object, ...]


def repeat_keys(graph: Graph, groups: Sequence[tuple[str, ...]], phases: Sequence[Phase] = ()) -> list[Key]:
    """For each group of ops a key, equal for groups with the same ops on equally shaped and typed operands wired alike.

    Names do not count, and neither do the nodes an op came from: two layers of a transformer get equal keys. Groups
    that run in different phases differ.
    """
    running = [ops_in(graph, phase) for phase in phases]
    pasts = {n for s in graph.states for n in (s.past, s.present) if n}
    keys: list[Key] = []
    for ops in groups:
        local: dict[str, int] = {}
        outside: dict[str, int] = {}
        parts: list[object] = []
        for name in ops:
            op = graph.op[name]
            ins = tuple(_operand(graph, n, local, outside, pasts) for n in op.inputs)
            for out in op.outputs:
                local.setdefault(out, len(local))
            outs = tuple(_shape(graph, n) for n in op.outputs)
            parts.append((op.kind, op.attrs, ins, outs))
        inner = {n for name in ops for n in graph.op[name].inputs}
        leaving = tuple(sorted(i for n, i in local.items() if n not in inner or _leaves(graph, n, set(ops))))
        keys.append((tuple(parts), leaving, tuple(ops[0] in names for names in running)))
    return keys


def _operand(graph: Graph, name: str, local: dict[str, int], outside: dict[str, int], pasts: set[str]) -> object:
    if not name:
        return None
    if name in local:
        return local[name]
    value = graph.value[name]
    role = value.role if value.role in (Role.WEIGHT, Role.STATE) else Role.ACTIVATION
    return (role, _shape(graph, name), name in pasts, outside.setdefault(name, len(outside)))


def _shape(graph: Graph, name: str) -> object:
    return (graph.value[name].shape, graph.value[name].dtype) if name else None


def _leaves(graph: Graph, name: str, members: set[str]) -> bool:
    return name in graph.outputs or any(u.name not in members for u in graph.users.get(name, ()))
