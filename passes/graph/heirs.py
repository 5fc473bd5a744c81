"""No node of the file gets lost: those of ops that a rewrite removed go to the ops that took over their effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mapper.ir.graph import Graph, Op


def with_heirs(before: Graph, after: Sequence[Op]) -> list[Op]:
    """The ops after a rewrite, with the origin of every op before it that some result depends on.

    A rule names the heir where it knows better; what is left goes on with the data: to the op that has taken over the
    first reader, or the maker where nobody reads the op any more.
    """
    held = {name for op in after for name in op.origin}
    lost = [op for op in before.ops if not held.issuperset(op.origin)]
    if not lost:
        return list(after)
    homes = _homes(before, after)
    for op in reversed(lost):
        found = (homes.get(user.name) for out in op.outputs if out for user in before.users[out])
        _adopt(homes, op, next(filter(None, found), None))
    for op in lost:
        makers = (before.producer.get(name) for name in op.inputs)
        _adopt(homes, op, next((homes[m.name] for m in makers if m is not None and m.name in homes), None))
    inherited: dict[str, dict[str, None]] = {}
    for op in lost:
        if op.name in homes:
            names = inherited.setdefault(homes[op.name], {})
            names.update((name, None) for name in op.origin if name not in held)
    return [replace(op, origin=(*op.origin, *inherited[op.name])) if op.name in inherited else op for op in after]


def _adopt(homes: dict[str, str], op: Op, home: str | None) -> None:
    if op.name not in homes and home is not None:
        homes[op.name] = home


def _homes(before: Graph, after: Sequence[Op]) -> dict[str, str]:
    """For the ops before a rewrite the op after it that stands for them: makes the same value, or has their origin."""
    makers = {out: op.name for op in after for out in op.outputs if out}
    holders: dict[str, str] = {}
    for op in after:
        for name in op.origin:
            holders.setdefault(name, op.name)
    homes = {}
    for op in before.ops:
        found = [makers[out] for out in op.outputs if out in makers]
        found += [holders[name] for name in op.origin if name in holders]
        if found:
            homes[op.name] = found[0]
    return homes
