"""Prices of clusters on units: Work x Unit -> Cost, asked once for each distinct question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from mapper.cost.asked import Answer, Typed, asked_of
from mapper.cost.exchanges import exchange_cost, inner_exchange, is_exchange, why_no_exchange
from mapper.cost.shards.chain import ALONE, Way
from mapper.cost.shards.parts import Part
from mapper.hw.target import Target, Unit
from mapper.hw.work import Cost, DType, Feed, Operand, Role, Work
from mapper.ir.graph import Graph, Phase, ops_in, static_elements
from mapper.ir.kinds import priced_as
from mapper.ir.op_work import PICKING_KINDS, stored
from mapper.ir.op_work import work as work_of
from mapper.ir.plan import Cluster, Option, Refusal

_STATIC_KINDS = ("matmul", "conv", "rnn", "embedding")
"""Kinds whose weights are stored in the arithmetic type of the unit; all other constants in the activations' type."""

REPLICAS = (1, 2, 4, 8, 16)
"""Copies of a weight that are tried where the unit can use several; finer steps bring little."""


class Estimator:
    """Answers what clusters cost on a target's units. Holds caches only; two estimators of equal inputs agree."""

    def __init__(self, target: Target, graph: Graph, phases: Sequence[Phase], precision: DType | None = None) -> None:
        self.target = target
        self.graph = graph
        self.phases = tuple(phases)
        self.precision = precision
        self._asked = asked_of(graph, self.phases)
        self._answers: dict[tuple[tuple[str, ...], str, str, str], Answer] = {}
        self.sharing = self._asked.sharing
        self.has_teams = any(u.ranks > 1 for u in target.units)

    @cached_property
    def _pasts(self) -> frozenset[str]:
        return frozenset(n for s in self.graph.states for n in (s.past, s.present) if n)

    @cached_property
    def _ops_of(self) -> dict[str, frozenset[str]]:
        return {p.name: ops_in(self.graph, p) for p in self.phases}

    def runs(self, cluster: Cluster, phase: Phase) -> bool:
        """Whether a phase runs a cluster."""
        return cluster.ops[0] in self._ops_of[phase.name]

    def price(self, unit: Unit, work: Work, *, source: int = -1, replicas: int = 1) -> Cost:
        """The cost of one piece of work on a unit, its weights taken from entry `source` of `unit.weights`."""
        return self._ask(unit, work, self._feed(unit, source, replicas))

    def _ask(self, unit: Unit, work: Work, feed: Feed) -> Cost:
        if is_exchange(work):
            return exchange_cost(self.target, unit, work)
        key, known = (unit.model, work, feed), self._asked.prices
        if key not in known:
            known[key] = unit.model.cost(work, feed)
        return known[key]

    def _feed(self, unit: Unit, source: int, replicas: int) -> Feed:
        data = self.target.memory[unit.data].bandwidth_bytes_per_s / unit.count
        if source < 0:
            return Feed(data, data, replicas)
        memory = self.target.memory[unit.weights[source]]
        inside = memory.unit == unit.name and unit.model.engine == "spatial"
        return Feed(data, None if inside else memory.bandwidth_bytes_per_s / unit.count, replicas)

    def is_resident(self, unit: Unit, source: int) -> bool:
        """Whether weights from that source sit in the unit's own arrays."""
        return (
            source >= 0
            and unit.model.engine == "spatial"
            and self.target.memory[unit.weights[source]].unit == unit.name
        )

    def works(self, cluster: Cluster) -> tuple[tuple[tuple[Work, ...], ...], ...]:
        """The cluster's ops as Work, in the graph's types: [phase][sample][op]; values that stay inside left out.

        A phase that does not run the cluster has no samples.
        """
        known = self._asked.works
        if cluster.ops not in known:
            ops = [self.graph.op[name] for name in cluster.ops]
            inside = self.inside(cluster)
            fused = [any(n in inside for n in op.inputs) for op in ops]
            known[cluster.ops] = tuple(
                tuple(
                    tuple(
                        replace(work_of(self.graph, op, binding, inside=inside), fused=f)
                        for op, f in zip(ops, fused, strict=True)
                    )
                    for binding in (phase.bindings() if self.runs(cluster, phase) else ())
                )
                for phase in self.phases
            )
        return known[cluster.ops]

    def inside(self, cluster: Cluster) -> frozenset[str]:
        """Values that are made and used up within the cluster."""
        return self.sharing.inside(cluster.ops)

    def typed(self, unit: Unit, works: Sequence[Work]) -> Typed | tuple[int, str]:
        """The works in the unit's types, or the index of the first that it refuses and why."""
        out: list[Work] = []
        for i, work in enumerate(works):
            found = self._retyped(unit, work)
            if not isinstance(found, Typed):
                return i, found[1]
            out += found.works
        return Typed(tuple(out), tuple(w.dtype for w in out))

    def _retyped(self, unit: Unit, work: Work) -> Typed | tuple[int, str]:
        """The work in the unit's types; what a group exchanges is of the type in which its units keep activations."""
        if not is_exchange(work):
            return retyped(unit, work, self.precision)
        reason = why_no_exchange(self.target, unit, work)
        kept = unit.model.activation_dtype() if work.dtype.is_float else work.dtype
        return Typed((_stored(work, kept, kept, kept),), (kept,)) if reason is None else (0, reason)

    def ways(self, cluster: Cluster, unit: Unit, phase: Phase) -> tuple[Way, ...]:
        """How the unit's ranks can divide the cluster in a phase."""
        return self.sharing.ways(cluster.ops, phase.name, unit.ranks)

    def refusal(self, cluster: Cluster, unit: Unit, phase: Phase | None = None, way: Way = ALONE) -> Refusal | None:
        """Why the unit cannot run the cluster in a phase (in any, when none is given) in a way, or None."""
        for asked in self.phases:
            for found in self._typed(cluster, unit, asked, way) if phase in (None, asked) else ():
                if isinstance(found, tuple):
                    return Refusal(cluster.repeat, unit.kind, cluster.ops[found[0]], found[1])
        return None

    def _typed(self, cluster: Cluster, unit: Unit, phase: Phase, way: Way) -> Answer:
        """The works of the unit, or of one of its ranks, at each sample, or what is refused of them."""
        key = (cluster.ops, unit.name, phase.name, way.name)
        if key not in self._answers:
            self._answers[key] = self._known_or_typed(cluster, unit, phase, way)
        return self._answers[key]

    def _known_or_typed(self, cluster: Cluster, unit: Unit, phase: Phase, way: Way) -> Answer:
        """The same, asked once of all units of a model; what a group exchanges asks the target as well."""
        samples = self.works(cluster)[self.phases.index(phase)]
        key = (cluster.ops, unit.model, unit.ranks, self.precision, phase.name, way.name)
        known = self._asked.typed.get(key)
        if known is not None:
            return known
        if way is ALONE:
            found: Answer = tuple(self.typed(unit, works) for works in samples)
        else:
            found = self._typed_parts(cluster, unit, phase, way)
        if not any(is_exchange(work) for works in samples for work in works):
            self._asked.typed[key] = found
        return found

    def _typed_parts(self, cluster: Cluster, unit: Unit, phase: Phase, way: Way) -> Answer:
        samples = self.works(cluster)[self.phases.index(phase)]
        own = next(w for w in self.ways(cluster, unit, phase) if w.name == way.name)
        found: list[Typed | tuple[int, str]] = []
        for works, binding in zip(samples, phase.bindings(), strict=True):
            parts = self.sharing.parts(cluster.ops, phase.name, own, unit.ranks, works, binding)
            typed = self.typed(unit, [p.work for p in parts])
            found.append(replace(typed, parts=parts) if isinstance(typed, Typed) else typed)
        return tuple(found)

    def options(
        self, cluster: Cluster, units: Sequence[Unit], phases: Sequence[str], way: Way = ALONE
    ) -> tuple[Option, ...]:
        """Every way to run the cluster in these phases on one of these units, which are all alike; none refuses it."""
        unit = units[0]
        weighty = any(w.weight for sample in self.works(cluster) for works in sample for w in works)
        names = tuple(u.name for u in units)
        return tuple(
            self._option(cluster, unit, names, source, replicas, phases, way)
            for source in (range(len(unit.weights)) if weighty else (-1,))
            for replicas in self._replicas(cluster, unit, source, phases, way)
        )

    def _served(self, cluster: Cluster, unit: Unit, phases: Sequence[str], way: Way) -> list[tuple[Phase, list[Typed]]]:
        """The phases with the cluster's works in the unit's types, one `Typed` a sample."""
        asked = [(phase, self._typed(cluster, unit, phase, way)) for phase in self.phases if phase.name in phases]
        return [(phase, [t for t in typed if isinstance(t, Typed)]) for phase, typed in asked]

    def _replicas(self, cluster: Cluster, unit: Unit, source: int, phases: Sequence[str], way: Way) -> Iterable[int]:
        if not self.is_resident(unit, source):
            return (1,)
        most = 1
        for _, samples in self._served(cluster, unit, phases, way):
            for typed in samples:
                most = max([most, *(unit.model.max_replicas(w) for w in typed.works if w.weight)])
        return (r for r in REPLICAS if r <= most)

    def _option(
        self,
        cluster: Cluster,
        unit: Unit,
        names: tuple[str, ...],
        source: int,
        replicas: int,
        phases: Sequence[str],
        way: Way,
    ) -> Option:
        feed = self._feed(unit, source, replicas)
        costs: list[tuple[str, Cost]] = []
        types: tuple[DType, ...] = ()
        footprint = 0
        for phase, samples in self._served(cluster, unit, phases, way):
            sums = [_total(self._costs(unit, typed, feed)) for typed in samples]
            types = samples[-1].types
            footprint = self._footprint(cluster, unit, samples[-1], source)
            costs.append((phase.name, _mean(sums, phase.shares)))
        shared = (way.name, way.takes, way.leaves)
        return Option(cluster.repeat, names, source, replicas, footprint, types, tuple(costs), *shared)

    def tile_cost(
        self, cluster: Cluster, unit: Unit, option: Option, phase: Phase, way: Way, tiles: int
    ) -> Cost | None:
        """The cost, in the mean over the phase's samples, of going through one of so many tiles of the cluster's rows;
        None where the unit refuses so few. What streams in of the weights does so for each tile."""
        found = self.tile_works(cluster, unit, phase, way, tiles)
        if found is None:
            return None
        feed = self._feed(unit, option.source, option.replicas)
        sums = [_total([self._ask(unit, work, feed) for work in typed.works]) for typed in found]
        return _mean(sums, phase.shares)

    def tile_works(self, cluster: Cluster, unit: Unit, phase: Phase, way: Way, tiles: int) -> list[Typed] | None:
        """The works of one of so many tiles of the cluster's rows in the unit's types, at each sample of the phase;
        None where the unit refuses so few."""
        samples = self.works(cluster)[self.phases.index(phase)]
        found = []
        for works, binding in zip(samples, phase.bindings(), strict=True):
            parts = self.sharing.parts(cluster.ops, phase.name, way, tiles, works, binding)
            typed = self.typed(unit, [p.work for p in parts])
            if not isinstance(typed, Typed):
                return None
            found.append(typed)
        return found

    def _costs(self, unit: Unit, typed: Typed, feed: Feed) -> list[Cost]:
        """What each work costs: of a team the ticks of its fullest rank, energy and traffic of all ranks."""
        found = [self._ask(unit, work, feed) for work in typed.works]
        for i, shared in enumerate(typed.parts):
            found[i] = _of_all(found[i], shared)
            if shared.exchange is not None:
                found.append(inner_exchange(self.target, unit, shared.exchange))
        return found

    def op_costs(self, cluster: Cluster, unit: Unit, option: Option, phase: Phase) -> tuple[Cost, ...]:
        """The part of each op in the cost of a cluster that runs in a way, in the mean over the phase's samples; what
        ranks exchange for an op is part of it."""
        feed = self._feed(unit, option.source, option.replicas)
        way = ALONE if not option.shard else next(w for w in self.ways(cluster, unit, phase) if w.name == option.shard)
        samples = []
        for _, typed in self._served(cluster, unit, [phase.name], way):
            samples += [_by_op(self._costs(unit, t, feed), t) for t in typed]
        return tuple(_mean(costs, phase.shares) for costs in zip(*samples, strict=True))

    def _footprint(self, cluster: Cluster, unit: Unit, typed: Typed, source: int) -> int:
        """Bytes that the cluster's weights take: in the unit's own granularity where they lie in it, in a memory
        outside as many as they are. A look-up reads some rows of its table, but keeps all."""
        total, inside = 0, self.is_resident(unit, source)
        shares = [p.kept for p in typed.parts] or [(1, 1)] * len(typed.works)
        for name, work, (part, of) in zip(cluster.ops, typed.works, shares, strict=True):
            if work.weight is None:
                continue
            op = self.graph.op[name]
            held = stored(self.graph, op, work)
            total += unit.model.weight_footprint_bytes(held) if inside else held.bytes(Role.WEIGHT)
            if priced_as(op) in PICKING_KINDS and work.inputs[0].role is Role.WEIGHT and work.inputs[0].elements:
                names = [n for n in dict.fromkeys(op.inputs) if n and self.graph.value[n].role is Role.WEIGHT]
                for weight, read in zip(names, (o for o in work.inputs if o.role is Role.WEIGHT), strict=True):
                    whole = replace(read, elements=static_elements(self.graph.value[weight]))
                    total += -(-whole.bytes * part // of) - read.bytes
        return total * unit.ranks

    def deploy(self, cluster: Cluster, unit: Unit, shard: str = "") -> Cost:
        """What it takes to write one copy of the cluster's weights into the unit; into a team all ranks write theirs at
        once, in each set that serves other requests. `weight_bytes` are those of one set, as they are sent to it."""
        ways = ((p, w) for p in self.phases if self.runs(cluster, p) for w in self.ways(cluster, unit, p))
        phase, way = next((p, w) for p, w in ways if w.name == shard)
        typed = next(t for t in self._typed(cluster, unit, phase, way) if isinstance(t, Typed))
        works = [stored(self.graph, self.graph.op[n], w) for n, w in zip(cluster.ops, typed.works, strict=True)]
        cost = _total([unit.model.deploy(w) for w in works if w.weight])
        times, sent = unit.ranks * unit.copies, unit.ranks * sum(w.bytes(Role.WEIGHT) for w in works)
        return replace(cost, weight_bytes=sent, energy_pj=tuple((cause, times * pj) for cause, pj in cost.energy_pj))


def retyped(unit: Unit, work: Work, wanted: DType | None) -> Typed | tuple[int, str]:
    """One piece of work in a unit's types (arithmetic in `wanted` where it is given), or (0, why the unit refuses).

    A product that the graph quantised keeps its type on units that have it; others compute it in their own.
    """
    dtype = unit.model.compute_dtype(work, wanted or _quantised(work))
    if dtype is None and wanted is None:
        dtype = unit.model.compute_dtype(work, None)
    if dtype is None:
        return 0, unit.model.why_not(work) or f"no {wanted or work.dtype} arithmetic for {work.kind}"
    typed = _stored(work, dtype, unit.model.activation_dtype(), unit.model.weight_dtype(dtype))
    reason = unit.model.why_not(typed)
    return Typed((typed,), (dtype,)) if reason is None else (0, reason)


def _quantised(work: Work) -> DType | None:
    """The type of a product of narrow operands; None for all other work."""
    return work.dtype if work.kind in ("matmul", "conv") and work.dtype.bits <= 8 else None


def _stored(work: Work, dtype: DType, activations: DType, weights: DType) -> Work:
    """The work in a unit's types: floats of the graph become the unit's; integers and quantised weights and states
    stay."""

    def stored(operand: Operand) -> Operand:
        kept = operand.role in (Role.WEIGHT, Role.STATE)
        quantised = not operand.dtype.is_float or (operand.dtype is DType.F8 and kept)
        if quantised:
            return operand
        if operand.role is Role.WEIGHT and work.kind in _STATIC_KINDS:
            narrow = weights if work.kind != "embedding" else activations
            return replace(operand, dtype=narrow)
        return replace(operand, dtype=activations)

    return replace(work, dtype=dtype, inputs=tuple(map(stored, work.inputs)), outputs=tuple(map(stored, work.outputs)))


def _of_all(cost: Cost, shared: Part) -> Cost:
    """The cost of work that several ranks do side by side, each on its part."""
    times = shared.times
    return replace(
        cost,
        energy_pj=tuple((cause, round(times * pj)) for cause, pj in cost.energy_pj),
        data_bytes=round(times * cost.data_bytes),
        weight_bytes=round(shared.weight_times * cost.weight_bytes),
    )


def _total(costs: Sequence[Cost]) -> Cost:
    """The cost of works run one after the other on one unit; the longest names what limits."""
    if not costs:
        return Cost(ticks=0)
    longest = max(costs, key=lambda c: c.ticks)
    ticks = sum(c.ticks for c in costs)
    return Cost(
        ticks=ticks,
        energy_pj=_merged([(1.0, c.energy_pj) for c in costs]),
        data_bytes=sum(c.data_bytes for c in costs),
        weight_bytes=sum(c.weight_bytes for c in costs),
        share=sum(c.share * c.ticks for c in costs) / ticks if ticks else longest.share,
        limited_by=longest.limited_by,
        band=sum(c.band * c.ticks for c in costs) / ticks if ticks else longest.band,
        energy_band=_energy_band([(1.0, c) for c in costs]),
        energy_validated=all(c.energy_validated for c in costs if c.total_pj),
        validated=all(c.validated for c in costs if c.ticks),
        wear=sum(c.wear for c in costs),
    )


def _by_op(costs: Sequence[Cost], typed: Typed) -> list[Cost]:
    """The costs of works, and behind them of exchanges, by op."""
    more = iter(costs[len(typed.works) :])
    exchanges = [[next(more)] if part.exchange is not None else [] for part in typed.parts]
    own = costs[: len(typed.works)]
    return [_total([cost, *extra]) for cost, extra in zip(own, exchanges or [[] for _ in own], strict=True)]


def _mean(costs: Sequence[Cost], shares: Sequence[float]) -> Cost:
    """The mean of costs at the samples of a phase."""
    pairs = list(zip(shares, costs, strict=True))
    heaviest = max(pairs, key=lambda p: p[0] * p[1].ticks)[1]
    return replace(
        heaviest,
        ticks=round(sum(s * c.ticks for s, c in pairs)),
        energy_pj=_merged([(s, c.energy_pj) for s, c in pairs]),
        data_bytes=round(sum(s * c.data_bytes for s, c in pairs)),
        weight_bytes=round(sum(s * c.weight_bytes for s, c in pairs)),
        share=sum(s * c.share for s, c in pairs),
        band=sum(s * c.band for s, c in pairs),
        energy_band=_energy_band(pairs),
        energy_validated=all(c.energy_validated for c in costs if c.total_pj),
        validated=all(c.validated for c in costs),
        wear=sum(s * c.wear for s, c in pairs),
    )


def _energy_band(parts: Sequence[tuple[float, Cost]]) -> float:
    """The mean band of the energies, by their size; 0, not known, where it is not known of all."""
    total = sum(share * c.total_pj for share, c in parts)
    known = all(c.energy_band for _, c in parts if c.total_pj)
    return sum(share * c.total_pj * c.energy_band for share, c in parts) / total if total and known else 0.0


def _merged(parts: Sequence[tuple[float, tuple[tuple[str, int], ...]]]) -> tuple[tuple[str, int], ...]:
    sums: dict[str, float] = {}
    for share, causes in parts:
        for cause, pj in causes:
            sums[cause] = sums.get(cause, 0.0) + share * pj
    return tuple((cause, round(pj)) for cause, pj in sorted(sums.items()) if round(pj))
