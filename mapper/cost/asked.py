"""What has been asked about a graph's works: kept with the graph, so that estimators of many targets share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mapper.cost.shards.parts import Part
from mapper.cost.shards.sharing import Sharing
from mapper.hw.work import Cost, DType, Feed, UnitModel, Work
from mapper.ir.graph import Graph, Phase

Works = tuple[tuple[tuple[Work, ...], ...], ...]
"""[phase][sample][op]."""

MOST = 200_000
"""Prices, or works in the types of a unit, that are kept: about 100 MB. Beyond, all are found anew."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A cluster's works at one sample with the types that a unit gives them; of a team the parts that they are of."""

    works: tuple[Work, ...]
    types: tuple[DType, ...]
    parts: tuple[Part, ...] = ()


Answer = tuple[Typed | tuple[int, str], ...]
"""By sample: the works in a unit's types, or the index of the first that it refuses and why."""

Question = tuple[tuple[str, ...], UnitModel, int, DType | None, str, str]
"""A cluster's ops, who is asked and of how many ranks, the wanted type, the phase and the way."""


@dataclass(frozen=True)
class Asked:
    """Answers that depend on works and unit models alone, on nothing else of a target: unit models are immutable."""

    sharing: Sharing
    works: dict[tuple[str, ...], Works] = field(default_factory=dict)
    typed: dict[Question, Answer] = field(default_factory=dict)
    prices: dict[tuple[UnitModel, Work, Feed], Cost] = field(default_factory=dict)


def asked_of(graph: Graph, phases: Sequence[Phase]) -> Asked:
    """What is known of a graph in some phases."""
    key = ("asked", tuple(phases))
    known: Asked | None = graph.derived.get(key)
    if known is None:
        known = graph.derived[key] = Asked(Sharing(graph, phases))
    for kept in (known.typed, known.prices):
        if len(kept) > MOST:
            kept.clear()
    return known
