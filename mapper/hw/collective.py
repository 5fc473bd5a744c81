"""Collective operations between units: the quickest of ring, tree and direct exchange on the real routes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from mapper.errors import UsageError, did_you_mean
from mapper.hw.curves import Measured
from mapper.hw.target import Target
from mapper.hw.topology import Route, routes

Kind = Literal[
    "all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "send_recv", "custom_all_reduce"
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
Flow = tuple[int, int, float]
"""Rank that sends, rank that receives, bytes (or the part of the tensor)."""
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
    hands it from the first unit to the second. The arithmetic of reductions is not included. One unit needs nothing.

    Where the collective was measured among such units the time is the curve's. Where others were, it follows from the
    links, times how much longer than by the links the nearest measured one takes; else from the links alone."""
    if kind not in KINDS:
        raise UsageError(f"no collective '{kind}'; {did_you_mean(kind, KINDS)}")
    if len(units) < 2 or size_bytes <= 0:
        return Collective(kind, "none", 0.0, 0)
    best = _by_links(target, kind, tuple(units), size_bytes)
    measured = target.collectives
    if measured is None or not measured.covers(units):
        return best
    seconds = measured.seconds(kind, len(units), size_bytes)
    if seconds is None:
        return replace(best, seconds=best.seconds * _slower(target, measured, kind, len(units), size_bytes))
    own = measured.has(kind) and len(units) in measured.ranks_of(kind)
    return replace(best, algorithm="measured", seconds=seconds, band=measured.band, validated=own)


def quickest(target: Target, kind: str, units: Sequence[str], size_bytes: int) -> Collective:
    """The collective as a framework would run it: an all-reduce by a kernel of its own where the target has one that
    was measured and takes less time."""
    plain = collective(target, kind, units, size_bytes)
    measured = target.collectives
    if kind != "all_reduce" or measured is None or not measured.has("custom_all_reduce"):
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
            by_links = _by_links(target, known, measured.among[:near], size_bytes).seconds
            return time / by_links if time and by_links else 1.0
    return 1.0


@dataclass(frozen=True, slots=True)
class _Plan:
    """An algorithm among some units: its rounds, and its energy. A round lasts as long as the slowest of its pairs of
    latency and seconds per byte of the tensor; equal rounds are counted."""

    name: str
    rounds: tuple[tuple[int, tuple[tuple[float, float], ...]], ...]
    pj_per_byte: float

    def seconds(self, size: float) -> float:
        return sum(n * max((a + b * size for a, b in pairs), default=0.0) for n, pairs in self.rounds)


def _by_links(target: Target, kind: str, units: tuple[str, ...], size_bytes: int) -> Collective:
    """The quickest algorithm on the routes between the units."""
    plans = _plans(target, kind, units)
    seconds, best = min(((p.seconds(size_bytes), p) for p in plans), key=lambda found: (found[0], found[1].name))
    return Collective(kind, best.name, seconds, round(best.pj_per_byte * size_bytes))


def _plans(target: Target, kind: str, units: tuple[str, ...]) -> tuple[_Plan, ...]:
    """The plans of every algorithm, kept with the target as its routes are: they do not depend on the size."""
    kept: dict[tuple[str, tuple[str, ...]], tuple[_Plan, ...]] = target.__dict__.setdefault("_plans", {})
    if (kind, units) not in kept:
        kept[kind, units] = tuple(
            _Plan(
                name,
                tuple((n, pairs) for pairs, n in Counter(_pairs(target, units, r) for r in rounds).items()),
                _pj_per_byte(target, units, rounds),
            )
            for name, rounds in _algorithms(kind, len(units), 1.0)
        )
    return kept[kind, units]


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
        case "custom_all_reduce":
            yield "one-shot", [[(i, j, size) for i in range(g) for j in range(g) if i != j]]
            yield "two-shot", at_once + at_once
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


def _pairs(target: Target, units: Sequence[str], flows: Round) -> tuple[tuple[float, float], ...]:
    """Latency and seconds per byte of each flow of a round, which waits for the most loaded thing on its way (links and
    memories are shared); equal flows once."""
    ways = list(_ways(target, units, flows))
    load: defaultdict[str, float] = defaultdict(float)
    speed: dict[str, float] = {}
    for route, part in ways:
        for name in route.resources:
            load[name] += part
        speed |= {hop.resource: hop.link.bandwidth_bytes_per_s for hop in route.hops}
        speed |= {m.name: m.bandwidth_bytes_per_s for m in (route.source, route.destination)}
    busy = {name: load[name] / speed[name] for name in load}
    return tuple(sorted({(r.latency_s, max(busy[name] for name in r.resources)) for r, _ in ways}))


def _pj_per_byte(target: Target, units: Sequence[str], rounds: list[Round]) -> float:
    """Picojoules of all flows by byte of the tensor, memories at both ends included."""
    flows = (way for r in rounds for way in _ways(target, units, r))
    return sum(part * 8 * (route.link_pj_per_bit + route.memory_pj_per_bit) for route, part in flows)
