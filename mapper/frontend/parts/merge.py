"""The graphs of several files as one graph: names told apart, shared weights once, states and results handed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mapper.frontend.parts.links import Part, continued, received
from mapper.frontend.parts.weights import Match, match_weights
from mapper.hw.work import Role
from mapper.ir.graph import Graph, Op, Phase, State, Value, static_elements


@dataclass(frozen=True)
class Merged:
    """One graph of all files, with all phases in the order of the files, and what the user should know of it."""

    graph: Graph
    phases: tuple[Phase, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Links:
    """What the files have in common: for each but the first, by its own names, the earlier file that it continues, the
    states and the weights that are that one's; and the results that are inputs of a later file."""

    states: Sequence[tuple[int, Mapping[str, str]]]
    weights: Sequence[Sequence[tuple[int, Match]]]
    handed: Sequence[tuple[int, str, int, str]]


def links_of(
    parts: Sequence[Part], held: Sequence[Mapping[str, str]], connect: Sequence[tuple[str, str]], *, one_request: bool
) -> Links:
    """What files of one request leave for each other. held: digests of each file's weights. Files of a mix of models
    (`one_request` is False) share only what holds the same numbers."""
    states: list[tuple[int, Mapping[str, str]]] = []
    weights: list[list[tuple[int, Match]]] = []
    for j, later in enumerate(parts):
        found: tuple[int, Mapping[str, str]] = (-1, {})
        for i in range(j - 1, -1, -1) if one_request else ():
            pairs = continued(parts[i], later)
            if pairs:
                found = (i, pairs)
                break
        states.append(found)
        matches = []
        for i in range(j):
            named = one_request and found[0] == i
            matches.append((i, match_weights(parts[i].graph, later.graph, held[i], held[j], one_model=named)))
        weights.append(
            matches if one_request else [(i, _by_content(m, parts[i], later, held, i, j)) for i, m in matches]
        )
    return Links(states, weights, received(parts, connect) if one_request or connect else ())


def _by_content(match: Match, earlier: Part, later: Part, held: Sequence[Mapping[str, str]], i: int, j: int) -> Match:
    """The pairs that hold the same numbers."""
    same = {n: o for n, o in match.same.items() if n in held[j] and held[j][n] == held[i].get(o)}
    return Match(same, {"content": len(same)} if same else {})


def merge(parts: Sequence[Part], links: Links) -> Merged:
    """One graph in which every name of a file stands behind the file's label."""
    ops: list[Op] = []
    values: dict[str, Value] = {}
    states: list[State] = []
    phases: list[Phase] = []
    told: list[str] = []
    names: list[dict[str, str]] = []
    known: list[dict[str, str]] = []
    for j, part in enumerate(parts):
        mine = {v.name: f"{part.label}/{v.name}" for v in part.graph.values} | {"": ""}
        for i, match in reversed(links.weights[j]):
            mine |= {n: names[i][o] for n, o in match.same.items()}
        names.append(mine)
        for value in part.graph.values:
            values.setdefault(mine[value.name], replace(value, name=mine[value.name]))
        ops += [_renamed(op, part.label, mine) for op in part.graph.ops]
        origin, pairs = links.states[j]
        known.append({})
        for state in part.graph.states:
            first = known[origin][pairs[state.name]] if state.name in pairs else ""
            found = State(mine[state.past], mine[state.present], first)
            known[j][state.name] = found.name
            states.append(found)
        results = tuple(mine[n] for n in part.graph.outputs)
        phases += [replace(phase, results=results) for phase in part.phases]
        told += _told(parts, links, j)
    handed = tuple((names[i][made], names[j][read]) for i, made, j, read in links.handed)
    label = " + ".join(part.label for part in parts)
    return Merged(Graph(label, tuple(ops), tuple(values.values()), tuple(states), handed), tuple(phases), tuple(told))


def _renamed(op: Op, label: str, names: Mapping[str, str]) -> Op:
    return replace(
        op,
        name=f"{label}/{op.name}",
        inputs=tuple(names[n] for n in op.inputs),
        outputs=tuple(names[n] for n in op.outputs),
        origin=tuple(f"{label}/{n}" for n in op.origin),
    )


def _told(parts: Sequence[Part], links: Links, j: int) -> list[str]:
    """What a file takes from earlier ones, in words."""
    part, found = parts[j], []
    weights = {v.name: _bytes(v) for v in part.graph.values if v.role is Role.WEIGHT and part.graph.users.get(v.name)}
    for i, match in links.weights[j]:
        if match.same:
            size = sum(weights.get(n, 0) for n in match.same)
            ways = ", ".join(f"{count} by {way}" for way, count in match.ways.items())
            found.append(
                f"{part.file} shares {len(match.same)} weights with {parts[i].file}, {size / 1e6:.1f} of its "
                f"{sum(weights.values()) / 1e6:.1f} MB: {ways}"
            )
    origin, pairs = links.states[j]
    if pairs:
        found.append(f"{part.file} goes on with {len(pairs)} states that {parts[origin].file} leaves")
    found += [
        f"{parts[i].file} hands '{made}' to {part.file} as '{read}'" for i, made, k, read in links.handed if k == j
    ]
    if j and not found:
        found.append(f"{part.file} shares nothing with {', '.join(p.file for p in parts[:j])}")
    return found


def _bytes(value: Value) -> int:
    return value.dtype.bytes_for(static_elements(value))
