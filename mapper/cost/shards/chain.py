"""Ways in which ranks divide a cluster: one way for each op, such that the layouts chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mapper.cost.shards.analysis import Analysis
from mapper.cost.shards.names import JOIN
from mapper.cost.shards.op_ways import OpWay, op_ways, operands
from mapper.hw.layout import Layout
from mapper.ir.graph import Op

TAKES = (Layout.COPY, Layout.FEATURES, Layout.TOKENS, Layout.EXPERTS, Layout.SUM)
_MOST = 64
"""Chains followed at once: clusters have one op that decides, so that a handful is usual."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to divide a cluster: what its operands from outside are taken as, what its results are left as, and the way
    of each op."""

    name: str
    takes: Layout
    leaves: Layout
    ops: tuple[OpWay, ...]


ALONE = Way("", Layout.ONE, Layout.ONE, ())
"""What a unit does that is no team."""


@dataclass(frozen=True, slots=True)
class _Chain:
    made: tuple[tuple[str, Layout], ...] = ()
    ways: tuple[OpWay, ...] = ()


def cluster_ways(
    found: Analysis, ops: tuple[str, ...], ranks: int, taken: tuple[Layout, ...] = TAKES
) -> tuple[Way, ...]:
    """Every way that so many ranks have for the ops, each under a name of its own; of those alone that take what comes
    from outside in one of the layouts."""
    names: dict[str, Way] = {}
    for takes in taken:
        for chain in _chains(found, [found.graph.op[n] for n in ops], ranks, takes):
            leaves = _leaves(found, ops, chain)
            alike = any(w.decides and w.name == "copy" for w in chain.ways)
            if leaves is None or (alike and (takes, leaves) != (Layout.COPY, Layout.COPY)):
                continue
            name = _name(chain.ways, takes)
            known = names.get(name)
            if known is not None and (known.takes, known.leaves) != (takes, leaves):
                name = f"{name}{JOIN}{takes}-{leaves}"
            names.setdefault(name, Way(name, takes, leaves, chain.ways))
    return tuple(names.values())


def _name(ways: tuple[OpWay, ...], takes: Layout) -> str:
    decided = dict.fromkeys(w.name for w in ways if w.decides)
    return JOIN.join(decided) if decided else next((w.name for w in ways), takes.value)


def _chains(found: Analysis, ops: list[Op], ranks: int, takes: Layout) -> Iterator[_Chain]:
    made = {n for op in ops for n in op.outputs if n}
    outside = [n for op in ops for n in operands(found, op) if n not in made]
    if takes not in (Layout.COPY, Layout.SUM) and not any(_held(found, n, takes) is takes for n in outside):
        return
    if takes is Layout.SUM and not outside:
        return
    chains = [_Chain()]
    for op in ops:
        ways = op_ways(found, op, ranks)
        chains = [
            _Chain((*chain.made, *((n, way.leaves) for n in op.outputs if n)), (*chain.ways, way))
            for chain in chains
            for way in ways
            if _fits(found, op, way, dict(chain.made), takes) and _stays_divided(found, op, way)
        ][:_MOST]
    yield from chains


def _held(found: Analysis, value: str, layout: Layout) -> Layout:
    return found.spread(value, found.binding).held(layout)


def _fits(found: Analysis, op: Op, way: OpWay, made: dict[str, Layout], takes: Layout) -> bool:
    """Whether operands lie as the way wants them. Beside what the cluster made itself, others may be cut on the spot;
    into a sum of summands each rank adds its part of something, or one rank all of it."""
    mixed = any(n in made for n, _ in way.wants)
    for name, want in way.wants:
        if name in made:
            lies = _held(found, name, made[name])
            if lies is not want and not (want is Layout.SUM and mixed and lies is not Layout.ONE):
                return False
            continue
        lies = _held(found, name, takes)
        if lies is want:
            continue
        if not (mixed and (lies is Layout.COPY or want is Layout.SUM)):
            return False
    if way.leaves is Layout.SUM and way.name == "sum":
        return any((made.get(n) or takes) is Layout.SUM for n, _ in way.wants)
    return True


def _stays_divided(found: Analysis, op: Op, way: OpWay) -> bool:
    """Whether all results can lie as the way leaves them; states lie with their op."""
    kept = found.graph.states_at
    return all(_held(found, n, way.leaves) is way.leaves for n in op.outputs if n and n not in kept)


def _leaves(found: Analysis, ops: tuple[str, ...], chain: _Chain) -> Layout | None:
    """The layout of all that leaves the cluster; None where results differ."""
    members, graph = set(ops), found.graph
    ends = graph.ends
    left = {
        layout
        for name, layout in chain.made
        if name in ends or any(u.name not in members for u in graph.users.get(name, ()))
    }
    if not left:
        return chain.ways[-1].leaves if chain.ways else None
    return left.pop() if len(left) == 1 else None
