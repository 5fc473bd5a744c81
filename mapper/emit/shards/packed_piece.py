"""What one rank runs in a stretch, small in memory: a phase of many ranks has all of its pieces at hand at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import onnx

from mapper.emit.cut import read_by
from mapper.emit.shards.program import Form, Segment
from mapper.emit.shards.rank_piece import RankPiece

Ports = dict[str, tuple[str, str, Form]]
"""By the name in the piece: the phase's name, the value, and its form."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """Nodes that some results depend on, and what these read."""

    nodes: Sequence[onnx.NodeProto]
    inputs: Ports
    initializers: Sequence[onnx.TensorProto]


@dataclass(frozen=True, slots=True)
class PackedPiece:
    """A piece before it is known what others read of it. made: the values of its nodes. sums: what rows of experts are
    called that leave it, as summands. graph: its nodes and initializers, as ONNX writes them: messages of a few bytes
    take a thousand each."""

    segment: Segment
    rank: int
    made: Sequence[str]
    inputs: Ports
    sums: Mapping[str, str]
    graph: bytes

    @classmethod
    def of(cls, piece: RankPiece) -> PackedPiece:
        """All of a piece."""
        graph = onnx.GraphProto(node=piece.nodes, initializer=piece.initializers.values())
        data = bytes(graph.SerializeToString())
        return cls(piece.segment, piece.rank, tuple(piece.made), piece.inputs, piece.sums, data)

    def pruned(self, wanted: Set[str]) -> Pruned:
        """What these results depend on, by their names in the piece."""
        graph = onnx.GraphProto.FromString(self.graph)
        needed, kept = set(wanted), []
        for node in reversed(graph.node):
            if not needed.isdisjoint(node.output):
                needed.update(read_by(node))
                kept.append(node)
        inputs = {name: found for name, found in self.inputs.items() if name in needed}
        return Pruned(kept[::-1], inputs, [t for t in graph.initializer if t.name in needed])
