"""Which unit runs each node of a file in a phase."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from mapper.emit.planned import Planned
from mapper.frontend.anatomy import Anatomy, FileNode
from mapper.ir.order import live

CHEAP_ELEMENTS = 4096
"""Nodes without an op that read an input are copied into every piece that reads them, rather than sent, where their
results have at most so many elements: sizes, positions. What reads constants or other copies is copied at any size."""


@dataclass
class Owners:
    """The owner of every live node of a file in one phase, found in the order of the file.

    owner: unit by node name. copied: nodes that each piece which reads them has a copy of. moved: nodes that run
    elsewhere than planned, with the units that the plan has them on.
    """

    anatomy: Anatomy
    planned: Planned
    phase: str
    owner: dict[str, str] = field(default_factory=dict)
    copied: set[str] = field(default_factory=set)
    moved: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def find(self, outputs: tuple[str, ...]) -> list[FileNode]:
        """The nodes that these results depend on, each with an owner or copied."""
        nodes = live(self.anatomy.nodes, outputs, lambda node: node.reads)
        maker = {out: node for node in nodes for out in node.outputs if out}
        ends = frozenset(outputs)
        for node in nodes:
            self._by_plan_or_operands(node, maker, ends)
        readers: dict[str, list[int]] = {}
        for place, node in enumerate(nodes):
            for name in node.reads:
                readers.setdefault(name, []).append(place)
        for node in reversed(nodes):
            if node.name not in self.owner and node.name not in self.copied:
                places = sorted({place for out in node.outputs for place in readers.get(out, ())})
                self.owner[node.name] = self._by_readers([nodes[place] for place in places])
        self._keep_together(nodes, maker)
        return nodes

    def _by_plan_or_operands(self, node: FileNode, maker: Mapping[str, FileNode], ends: frozenset[str]) -> None:
        """ends: results of the phase; what makes one is no copy, some piece has it as a result."""
        planned = Counter[str]()
        for unit, work in self.planned.units_of(node, self.phase):
            planned[unit] += work
        if planned:
            unit = max(planned, key=lambda u: (planned[u], u))
            self.owner[node.name] = unit
            if len(planned) > 1:
                self.moved[node.name] = tuple(sorted(planned))
            return
        makers = [maker[name] for name in node.reads if name in maker]
        free = ends.isdisjoint(node.outputs) and all(m.name in self.copied for m in makers)
        if free and self._is_cheap(node, fixed=not self._reads_inputs(node)):
            self.copied.add(node.name)
            return
        owned = next((self.owner[m.name] for m in makers if m.name in self.owner), None)
        if owned is not None:
            self.owner[node.name] = owned

    def _reads_inputs(self, node: FileNode) -> bool:
        return any(name in self.anatomy.inputs for name in node.reads)

    def _is_cheap(self, node: FileNode, *, fixed: bool) -> bool:
        """Whether copies cost nothing: constants of the file, and what is small."""
        if fixed and not node.inside:
            return True
        facts = [self.anatomy.fact(out) for out in node.outputs if out]
        return all(f is not None and f.shape is not None and f.elements <= CHEAP_ELEMENTS for f in facts)

    def _by_readers(self, readers: list[FileNode]) -> str:
        """The owner of the first reader that has one; where none has, the unit of the plan's first task."""
        owned = next((self.owner[node.name] for node in readers if node.name in self.owner), None)
        return owned or self.planned.first_unit(self.phase)

    def _keep_together(self, nodes: list[FileNode], maker: Mapping[str, FileNode]) -> None:
        """What is no tensor (a sequence, an optional) does not leave its unit: its readers run where it is made."""
        for node in nodes:
            for name in node.reads:
                source = maker.get(name)
                if source is None or source.name in self.copied or self.anatomy.type_of(name) is not None:
                    continue
                mine, other = self.owner.get(node.name), self.owner[source.name]
                if mine not in (None, other):
                    self.moved[node.name] = (str(mine),)
                self.copied.discard(node.name)
                self.owner[node.name] = other
