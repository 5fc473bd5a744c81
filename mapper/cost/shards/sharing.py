"""What ranks can share of a graph: ways of clusters, works of one rank, how values divide; answers are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from mapper.cost.shards.analysis import Analysis
from mapper.cost.shards.chain import ALONE, TAKES, Way, cluster_ways
from mapper.cost.shards.parts import Part, part
from mapper.cost.shards.spread import Spread
from mapper.hw.layout import Layout
from mapper.hw.work import Work
from mapper.ir.graph import Binding, Graph, Phase, bind


class Sharing:
    """Answers for one graph and its phases. Holds caches only."""

    def __init__(self, graph: Graph, phases: Sequence[Phase]) -> None:
        self.graph = graph
        self.phases = {p.name: p for p in phases}
        self._ways: dict[tuple[tuple[str, ...], str, int, tuple[Layout, ...]], tuple[Way, ...]] = {}
        self._spreads: dict[tuple[str, str], Spread] = {}
        self._peaks: dict[tuple[str, str], Spread] = {}
        self._inside: dict[tuple[str, ...], frozenset[str]] = {}
        self._sizes: dict[tuple[tuple[int | str, ...], str], tuple[int, ...]] = {}

    def analysis(self, phase: str) -> Analysis:
        """The axes of all values in a phase."""
        kept: dict[Phase, Analysis] = self.graph.derived.setdefault("analyses", {})  # plans of one graph share it
        asked = self.phases[phase]
        if asked not in kept:
            kept[asked] = Analysis(self.graph, asked)
        return kept[asked]

    def ways(self, ops: tuple[str, ...], phase: str, ranks: int, taken: tuple[Layout, ...] = TAKES) -> tuple[Way, ...]:
        """The ways that so many ranks have for a cluster in a phase, as `cluster_ways`; a single one does all alone."""
        if ranks == 1:
            return (ALONE,)
        key = (ops, phase, ranks, taken)
        if key not in self._ways:
            self._ways[key] = cluster_ways(self.analysis(phase), ops, ranks, taken)
        return self._ways[key]

    def parts(
        self, ops: tuple[str, ...], phase: str, way: Way, ranks: int, works: Sequence[Work], binding: Binding
    ) -> tuple[Part, ...]:
        """What the fullest rank does of each op, whose whole works are given, at one sample of the phase."""
        if way is ALONE:
            return tuple(Part(work, 1) for work in works)
        found = self.analysis(phase)
        inside = self.inside(ops)
        rows = zip(ops, way.ops, works, strict=True)
        return tuple(part(found, self.graph.op[n], w, work, binding, ranks, inside) for n, w, work in rows)

    def inside(self, ops: tuple[str, ...]) -> frozenset[str]:
        """Values that are made and used up within a cluster of ops."""
        if ops not in self._inside:
            graph, members = self.graph, set(ops)
            made = {n for name in ops for n in graph.op[name].outputs if n} - graph.ends
            used_up = (n for n in made if all(u.name in members for u in graph.users.get(n, ())))
            self._inside[ops] = frozenset(used_up)
        return self._inside[ops]

    def spread(self, value: str, phase: str, *, divides: bool) -> Spread:
        """How the value's mean number of elements over the phase's samples divides; whole unless it `divides`."""
        key = (value, phase)
        asked = self.phases[phase]
        if not divides:
            return Spread(self._mean(value, asked))
        if key not in self._spreads:
            found = self.analysis(phase)
            all_ = [found.spread(value, b) for b in asked.bindings()]
            rows = round(sum(s * x.rows for s, x in zip(asked.shares, all_, strict=True)))
            largest = max(all_, key=lambda x: x.elements)
            self._spreads[key] = replace(largest, elements=self._mean(value, asked), rows=rows)
        return self._spreads[key]

    def peak(self, value: str, phase: str, *, divides: bool) -> Spread:
        """The same for the sample at which the value is largest."""
        if not divides:
            return Spread(max(self._elements(value, self.phases[phase])))
        key = (value, phase)
        if key not in self._peaks:
            found, bindings = self.analysis(phase), self.phases[phase].bindings()
            self._peaks[key] = max((found.spread(value, b) for b in bindings), key=lambda x: x.elements)
        return self._peaks[key]

    def _mean(self, value: str, phase: Phase) -> int:
        return round(sum(s * n for s, n in zip(phase.shares, self._elements(value, phase), strict=True)))

    def _elements(self, value: str, phase: Phase) -> tuple[int, ...]:
        """Elements of a value at each sample of the phase; found once for all of its shape."""
        key = (self.graph.value[value].shape, phase.name)
        if key not in self._sizes:
            self._sizes[key] = tuple(prod(bind(key[0], b)) for b in phase.bindings())
        return self._sizes[key]

    def signature(self, ops: tuple[str, ...]) -> tuple[object, ...]:
        """Equal for clusters whose values divide alike in every phase, in the order in which they appear."""
        touched = (n for op in ops for n in (*self.graph.op[op].inputs, *self.graph.op[op].outputs) if n)
        names = list(dict.fromkeys(touched))
        return tuple(
            tuple((found.axes.get(n), found.heads.get(n), found.spread(n, found.binding)) for n in names)
            for found in map(self.analysis, self.phases)
            if ops[0] in found.runs
        )

    def joins(self, op: str, host: Sequence[str]) -> bool:
        """Whether the op brings a value from outside that can be divided into a cluster which changes how things are
        divided: the two then want different layouts."""
        graph = self.graph
        if not any(graph.op[n].kind in _CHANGES for n in host):
            return False
        made = {n for name in host for n in graph.op[name].outputs}
        found = next(a for a in map(self.analysis, self.phases) if op in a.runs)
        outside = [n for n in dict.fromkeys(graph.op[op].inputs) if n and n not in made]
        return any(found.columns(n) or found.axes[n].tokens for n in outside if n in found.axes)


_CHANGES = ("matmul", "conv", "attention", "embedding", "reduce")
"""Kinds whose results divide in another way than their operands."""
