"""Topologies of links: which pairs of places a chain, ring, mesh, torus, star or clique connects."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

Pair = tuple[str, str]


def chain(places: Sequence[str]) -> list[Pair]:
    """Each place and the next."""
    return list(pairwise(places))


def ring(places: Sequence[str]) -> list[Pair]:
    """A chain closed from the last place to the first (two places share one link)."""
    return chain(places) + ([(places[-1], places[0])] if len(places) > 2 else [])


def mesh(rows: Sequence[Sequence[str]]) -> list[Pair]:
    """Each place with its right and its lower neighbour; rows have equal length."""
    columns = list(zip(*rows, strict=True))
    return [p for row in rows for p in chain(row)] + [p for column in columns for p in chain(column)]


def torus(rows: Sequence[Sequence[str]]) -> list[Pair]:
    """A mesh in which every row and column is a ring."""
    columns = list(zip(*rows, strict=True))
    return [p for row in rows for p in ring(row)] + [p for column in columns for p in ring(column)]


def all_to_all(places: Sequence[str]) -> list[Pair]:
    """Every pair."""
    return list(combinations(places, 2))


def star(hub: str, leaves: Sequence[str]) -> list[Pair]:
    """The hub with every leaf."""
    return [(hub, leaf) for leaf in leaves]
