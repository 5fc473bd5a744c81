"""Fused groups that several dumps of one workload have priced, put together in every way that has each layer once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.instances.stream_chip import Json, outside_name

MOST = 64
"""Mixtures at most; beyond it the first ones."""


def layers(group: Json) -> frozenset[str]:
    """The layers of a group."""
    return frozenset(node["name"] for node in group["nodes"] if node["kind"] == "compute")


def mixtures(dumps: Mapping[str, Json]) -> list[Json]:
    """Dumps with groups of several files, named by file and number; the given ones among them.

    Files partition the layers differently. Where some of them agree on a set of layers (the smallest such sets are the
    parts), each part may have the groups of any file. Stream runs groups one after another, so its own cycles for a
    mixture are the sum of theirs.
    """
    named = {name: [{**g, "group": f"{name}/{g['group']}"} for g in dump["groups"]] for name, dump in dumps.items()}
    if len({frozenset().union(*map(layers, groups)) for groups in named.values()}) > 1:
        return []
    choices = []
    for part in _parts([layers(g) for groups in named.values() for g in groups]):
        found: dict[frozenset[frozenset[str]], list[dict[str, Any]]] = {}
        for groups in named.values():
            mine = [g for g in groups if layers(g) <= part]
            found.setdefault(frozenset(map(layers, mine)), mine)
        choices.append(list(found.values()))
    first = next(iter(dumps.values()))
    chosen = itertools.islice(itertools.product(*choices), MOST)
    return [_put_together(first, [g for groups in pick for g in groups]) for pick in chosen]


def _parts(sets: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """The finest partition whose parts are unions of the sets."""
    parts: list[frozenset[str]] = []
    for one in sets:
        touched = [part for part in parts if part & one]
        parts = [part for part in parts if not part & one] + [one.union(*touched)]
    return parts


def _put_together(first: Json, groups: Sequence[Json]) -> Json:
    total = sum(g["solution"]["total"] for g in groups)
    return {**first, "groups": _in_order(groups), "stream_result": {"total_cycles": total}}


def _in_order(groups: Sequence[Json]) -> list[Json]:
    """The groups, each after those that make what it reads."""
    makers = {node["tensor"]: k for k, g in enumerate(groups) for node in _transfers(g, "COMPUTE_TO_MEM")}
    needs = [
        {makers[outside_name(n)] for n in _transfers(g, "MEM_TO_COMPUTE") if outside_name(n) in makers} for g in groups
    ]
    found: list[int] = []
    while len(found) < len(groups):
        found.append(next(k for k in range(len(groups)) if k not in found and needs[k] <= set(found)))
    return [groups[k] for k in found]


def _transfers(group: Json, kind: str) -> list[Json]:
    return [node for node in group["nodes"] if node["kind"] == "transfer" and node["transfer_type"] == kind]
