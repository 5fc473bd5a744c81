"""Collective operations between units: the quickest of ring, tree and direct exchange on the real routes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from mapper.errors import UsageError, did_you_mean
from mapper.hw.target import Curve, Target
from mapper.hw.topology import Route, routes

Kind = Literal["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "send_recv"]
KINDS: tuple[str, ...] = get_args(Kind)
Flow = tuple[int, int, float]
"""Rank that sends, rank that receives, bytes."""
Round = list[Flow]
"""Flows that run at the same time; the next round starts when the last of them has arrived."""


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
    hands it from the first unit to the second. The arithmetic of reductions is not included. One unit needs nothing."""
    if kind not in KINDS:
        raise UsageError(f"no collective '{kind}'; {did_you_mean(kind, KINDS)}")
    if len(units) < 2 or size_bytes <= 0:
        return Collective(kind, "none", 0.0, 0)
    priced = [
        Collective(kind, name, sum(_round_seconds(target, units, r) for r in rounds), _energy(target, units, rounds))
        for name, rounds in _algorithms(kind, len(units), float(size_bytes))
    ]
    best = min(priced, key=lambda c: (c.seconds, c.algorithm))
    known = _measured(target, kind, units)
    if known is None:
        return best
    curve, band = known
    return replace(best, algorithm="measured", seconds=curve.seconds(size_bytes), band=band, validated=True)


def _measured(target: Target, kind: str, units: Sequence[str]) -> tuple[Curve, float] | None:
    """The measured curve for the collective among so many of the units that were measured, and its error band."""
    measured = target.collectives
    if measured is None or not set(units) <= set(measured.among):
        return None
    found = (c for c in measured.curves if (c.kind, c.ranks) == (kind, len(units)))
    return next(((c, measured.band) for c in found), None)


def collective_seconds(target: Target, kind: str, units: Sequence[str], size_bytes: int) -> float:
    """Seconds of the quickest algorithm."""
    return collective(target, kind, units, size_bytes).seconds


def _algorithms(kind: str, g: int, size: float) -> Iterator[tuple[str, list[Round]]]:
    """Every known algorithm for the collective among g ranks, as its rounds (Thakur et al., IJHPCA 2005)."""
    part = size / g
    around, at_once = ring_rounds(g, part), [direct_round(g, part)]
    up, down = gather_rounds(g, part), spread_rounds(g, size)
    match kind:
        case "all_reduce":
            yield "ring", around + around
            yield "direct", at_once + at_once
            yield "tree", _reversed(down) + down
        case "all_gather":
            yield "ring", around
            yield "direct", at_once
            yield "tree", up + down
        case "reduce_scatter":
            yield "ring", around
            yield "direct", at_once
            yield "tree", _reversed(down) + _reversed(up)
        case "all_to_all":
            yield "ring", [[(i, (i + step) % g, part) for i in range(g)] for step in range(1, g)]
            yield "direct", at_once
        case "broadcast":
            yield "ring", [*_reversed(up), *around]
            yield "direct", [[(0, i, size) for i in range(1, g)]]
            yield "tree", down
        case "send_recv":
            yield "direct", [[(0, 1, size)]]


def ring_rounds(g: int, part: float) -> list[Round]:
    """g - 1 rounds in which each rank hands one part to the next."""
    return [[(i, (i + 1) % g, part) for i in range(g)] for _ in range(g - 1)]


def direct_round(g: int, part: float) -> Round:
    """One round in which each rank sends every other one its part."""
    return [(i, j, part) for i in range(g) for j in range(g) if i != j]


def spread_rounds(g: int, size: float) -> list[Round]:
    """Binomial tree from rank 0: the ranks that have the tensor double in every round."""
    return [[(i, i + step, size) for i in range(step) if i + step < g] for step in _powers(g)]


def gather_rounds(g: int, part: float) -> list[Round]:
    """Binomial tree to rank 0: each round hands on what a subtree has collected."""
    return [
        [(i + step, i, part * min(step, g - i - step)) for i in range(0, g - step, 2 * step)] for step in _powers(g)
    ]


def _powers(g: int) -> list[int]:
    return [1 << k for k in range((g - 1).bit_length())]


def _reversed(rounds: list[Round]) -> list[Round]:
    return [[(b, a, size) for a, b, size in r] for r in reversed(rounds)]


def _ways(target: Target, units: Sequence[str], flows: Round) -> Iterator[tuple[Route, float]]:
    known = routes(target)
    for a, b, size in flows:
        source, destination = target.unit[units[a]].data, target.unit[units[b]].data
        if source != destination:
            yield known[source, destination], size


def _round_seconds(target: Target, units: Sequence[str], flows: Round) -> float:
    """Seconds of one round: each flow waits for the most loaded thing on its way (links and memories are shared)."""
    ways = list(_ways(target, units, flows))
    load: defaultdict[str, float] = defaultdict(float)
    speed: dict[str, float] = {}
    for route, size in ways:
        for name in route.resources:
            load[name] += size
        speed |= {hop.resource: hop.link.bandwidth_bytes_per_s for hop in route.hops}
        speed |= {m.name: m.bandwidth_bytes_per_s for m in (route.source, route.destination)}
    busy = {name: load[name] / speed[name] for name in load}
    return max((route.latency_s + max(busy[name] for name in route.resources) for route, _ in ways), default=0.0)


def _energy(target: Target, units: Sequence[str], rounds: list[Round]) -> int:
    """Picojoules of all flows, memories at both ends included."""
    flows = (way for r in rounds for way in _ways(target, units, r))
    return round(sum(size * 8 * (route.link_pj_per_bit + route.memory_pj_per_bit) for route, size in flows))
