"""Collective operations between units: as measured, else the quickest of ring, tree, direct exchange on the real routes
and of node by node."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt
from typing import Literal, get_args

from mapper.errors import UsageError, did_you_mean
from mapper.hw.curves import Measured
from mapper.hw.flows import Priced, price
from mapper.hw.rounds import MOST_DIRECT, Step, algorithms
from mapper.hw.target import Target
from mapper.hw.teams.nearness import levels

Kind = Literal[
    "all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "send_recv", "custom_all_reduce"
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
Groups = tuple[tuple[str, ...], ...]
"""Equally many units each; the same collective runs in all of them at once."""


@dataclass(frozen=True, slots=True)
class Collective:
    """The time and link traffic of a collective under the algorithm that was quickest, or as it was measured.

    band: relative error of the time; an assumption unless `validated`."""

    kind: str
    algorithm: str
    seconds: float
    energy_pj: int
    band: float = 0.5
    validated: bool = False


def collective(target: Target, kind: str, units: Sequence[str], size_bytes: int) -> Collective:
    """The collective (one of `KINDS`) among the data memories of `units`. `size_bytes` is the whole tensor: what each
    unit holds before a reduction, an all_to_all or (the first unit) a broadcast, and after an all_gather; a send_recv
    hands it from the first unit to the second. The arithmetic of reductions is not included. One unit needs nothing.

    Where the collective was measured among such units the time is the curve's. Where others were, it follows from the
    links, times how much longer than by the links the nearest measured one takes; else from the links alone. Among
    several nodes it also runs inside the nodes and between them by turns, each unit with its peers in the other nodes
    (hierarchical collectives, Cho et al., BlueConnect, SysML 2019), if that is quicker; where a library was measured in
    the nodes that is the way but for all_to_all, since libraries exchange directly among few units only."""
    if kind not in KINDS:
        raise UsageError(f"no collective '{kind}'; {did_you_mean(kind, KINDS)}")
    if len(units) < 2 or size_bytes <= 0:
        return Collective(kind, "none", 0.0, 0)
    group = tuple(units)
    measured = target.collectives
    if measured is not None and measured.covers(group):
        return _as_measured(target, measured, kind, group, size_bytes)
    ways = [found for nodes in _nodes(target, group) if (found := _by_nodes(target, kind, nodes, size_bytes))]
    plain = not ways or kind == "all_to_all" or measured is None or not measured.within
    if plain and _plans(target, kind, (group,)):
        ways.insert(0, _scaled(target, kind, (group,), size_bytes))
    return min(ways, key=lambda way: way.seconds)


def _as_measured(target: Target, measured: Measured, kind: str, units: tuple[str, ...], size_bytes: int) -> Collective:
    best = _by_links(target, kind, (units,), size_bytes)
    seconds = measured.seconds(kind, len(units), size_bytes)
    if seconds is None:
        return replace(best, seconds=best.seconds * _slower(target, measured, kind, len(units), size_bytes))
    own = measured.has(kind) and len(units) in measured.ranks_of(kind)
    return replace(best, algorithm="measured", seconds=seconds, band=measured.band, validated=own)


def _scaled(target: Target, kind: str, groups: Groups, size_bytes: int) -> Collective:
    """By the links, times how much longer collectives take inside the nodes where these were measured."""
    found, measured = _by_links(target, kind, groups, size_bytes), target.collectives
    if measured is None or not measured.within or not {u for g in groups for u in g} <= set(measured.among):
        return found
    slower = _slower(target, measured, kind, len(groups[0]), size_bytes)
    return replace(found, seconds=found.seconds * max(1.0, slower))


def quickest(target: Target, kind: str, units: Sequence[str], size_bytes: int) -> Collective:
    """The collective as a framework would run it: an all-reduce by a kernel of its own where the target has one that
    was measured and takes less time."""
    plain = collective(target, kind, units, size_bytes)
    measured = target.collectives
    if kind != "all_reduce" or measured is None or not measured.covers(units):
        return plain
    if not measured.has("custom_all_reduce"):
        return plain
    return min(plain, collective(target, "custom_all_reduce", units, size_bytes), key=lambda c: c.seconds)


def collective_seconds(target: Target, kind: str, units: Sequence[str], size_bytes: int) -> float:
    """Seconds of the collective; see `collective`."""
    return collective(target, kind, units, size_bytes).seconds


def _slower(target: Target, measured: Measured, kind: str, ranks: int, size_bytes: int) -> float:
    """Measured time over that by the links, of the same kind (else an all-reduce, else a transfer) among the nearest
    number of ranks."""
    for known in (kind, "all_reduce", "send_recv"):
        counts = [n for n in measured.ranks_of(known) if n <= len(measured.among)]
        if counts:
            near = min(counts, key=lambda n: (abs(n - ranks), n))
            time = measured.seconds(known, near, size_bytes)
            by_links = _by_links(target, known, (measured.among[:near],), size_bytes).seconds
            return time / by_links if time and by_links else 1.0
    return 1.0


def _nodes(target: Target, units: tuple[str, ...]) -> list[Groups]:
    """The units by node, for every level at which quick links join some of them, equally many, and not all. More
    than `MOST_DIRECT` that no such links join are taken in as many blocks as each has units, or nearly."""
    kept: dict[tuple[str, ...], list[Groups]] = target.__dict__.setdefault("_nodes_of", {})
    if units not in kept:
        kept[units] = []
        for level in levels(target, [(unit,) for unit in units]):
            nodes: defaultdict[int, list[str]] = defaultdict(list)
            for unit, first in zip(units, level, strict=True):
                nodes[first].append(unit)
            if len(nodes) > 1:
                kept[units].append(tuple(tuple(node) for node in nodes.values()))
        if not kept[units] and len(units) > MOST_DIRECT:
            size = max(d for d in range(1, isqrt(len(units)) + 1) if len(units) % d == 0)
            kept[units] += [tuple(units[i : i + size] for i in range(0, len(units), size))] if size > 1 else []
    return kept[units]


def _by_nodes(target: Target, kind: str, nodes: Groups, size_bytes: int) -> Collective | None:
    """Inside nodes and between them by turns; between nodes each unit works with its peers on its part."""
    peers: Groups = tuple(zip(*nodes, strict=True))
    part = -(-size_bytes // len(nodes[0]))
    inside: tuple[str, ...]
    match kind:
        case "all_reduce" | "custom_all_reduce":
            inside, across = ("reduce_scatter", "all_gather"), _scaled(target, "all_reduce", peers, part)
        case "all_gather" | "reduce_scatter":
            inside, across = (kind,), _scaled(target, kind, peers, part)
        case "all_to_all":
            inside, across = (kind,), _scaled(target, kind, peers, size_bytes)
        case "broadcast":
            inside, across = (kind,), _scaled(target, kind, peers[:1], size_bytes)
        case _:
            return None
    turns = [[collective(target, turn, node, size_bytes) for node in nodes] for turn in inside]
    return Collective(
        kind,
        "by nodes",
        across.seconds + sum(max(c.seconds for c in turn) for turn in turns),
        across.energy_pj + sum(c.energy_pj for turn in turns for c in turn),
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """An algorithm among some units: its rounds, and its energy. A round lasts as long as the slowest of its pairs of
    latency and seconds per byte of the tensor; equal rounds are counted."""

    name: str
    rounds: tuple[tuple[int, tuple[tuple[float, float], ...]], ...]
    pj_per_byte: float

    def seconds(self, size: float) -> float:
        return sum(n * max((a + b * size for a, b in pairs), default=0.0) for n, pairs in self.rounds)


def _by_links(target: Target, kind: str, groups: Groups, size_bytes: int) -> Collective:
    """The quickest algorithm on the routes between the units of each group, all groups at once."""
    plans = _plans(target, kind, groups)
    seconds, best = min(((p.seconds(size_bytes), p) for p in plans), key=lambda found: (found[0], found[1].name))
    return Collective(kind, best.name, seconds, round(best.pj_per_byte * size_bytes))


def _plans(target: Target, kind: str, groups: Groups) -> tuple[_Plan, ...]:
    """The plans of every algorithm, kept with the target as its routes are: they do not depend on the size."""
    kept: dict[tuple[str, Groups], tuple[_Plan, ...]] = target.__dict__.setdefault("_plans", {})
    if (kind, groups) not in kept:
        priced: dict[str, Priced] = target.__dict__.setdefault("_rounds", {}).setdefault(groups, {})
        kept[kind, groups] = tuple(
            _plan(target, groups, name, steps, priced) for name, steps in algorithms(kind, len(groups[0]))
        )
    return kept[kind, groups]


def _plan(target: Target, groups: Groups, name: str, steps: Sequence[Step], priced: dict[str, Priced]) -> _Plan:
    """The plan of some rounds; those of one name are alike and priced once."""
    for _, alike, make in steps:
        if alike not in priced:
            priced[alike] = price(target, groups, make())
    counts: Counter[tuple[tuple[float, float], ...]] = Counter()
    for n, alike, _ in steps:
        counts[priced[alike][0]] += n
    rounds = tuple((n, pairs) for pairs, n in counts.items())
    return _Plan(name, rounds, sum(n * priced[alike][1] for n, alike, _ in steps))
