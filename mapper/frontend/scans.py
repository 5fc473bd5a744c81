"""Scan: unrolled into the surrounding graph, its inputs cut into elements; one node where that makes too many."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.errors import ModelError
from mapper.frontend.closed import Closed
from mapper.frontend.facts import Fact, Node
from mapper.frontend.nodes import label
from mapper.frontend.repeat import Repeat
from mapper.frontend.walk import Walk, key_of


def run_scan(node: Node, walk: Walk) -> None:
    """Runs the body once per element along the scan inputs' axes."""
    body = walk.shop.body(node, "body")
    scanned = int(node.attr("num_scan_inputs", 0))
    if not 1 <= scanned <= len(node.inputs):
        raise ModelError(f"{label(node)}: num_scan_inputs is {scanned}, with {len(node.inputs)} inputs")
    if not all(map(walk.has, (*node.inputs, *node.captures))):
        return  # an input could not be resolved
    key, states, data = key_of(node), node.inputs[:-scanned], node.inputs[-scanned:]
    walk.shop.repeats.add(key)
    outs = len(body.outputs) - len(states)
    axes = [
        _axis(node, walk, name, axis) for name, axis in zip(data, _list(node, "scan_input_axes", scanned), strict=True)
    ]
    trips = _trips(node, walk, data, axes)
    backwards = [bool(d) for d in _list(node, "scan_input_directions", scanned)]
    is_closed = key in walk.shop.closed

    def feed(walk: Walk, index: int) -> tuple[list[str], list[str]]:
        at = [trips - 1 - index if back else index for back in backwards]
        return [], [f"{key}/element{i}" if is_closed else f"{key}/element{i}/{j}" for i, j in enumerate(at)]

    repeat = Repeat(
        node, key, body, 0, list(states), feed, tuple(_list(node, "scan_output_axes", outs)),
        tuple(bool(d) for d in _list(node, "scan_output_directions", outs)),
    )  # fmt: skip
    repeat.check(scanned)
    if is_closed or trips == 0 or not repeat.fits(walk, trips):
        is_closed = True
        for i, name in enumerate(data):
            fact, axis = walk.facts[name], axes[i]
            shape = fact.shape or ()
            walk.facts[f"{key}/element{i}"] = Fact(fact.elem, (*shape[:axis], *shape[axis + 1 :]))
        if trips:
            Closed(repeat, trips).start(walk)
        else:
            repeat.finish(walk)
        return
    walk.decide(key, trips)
    cut = walk.assemble(node)
    for i, name in enumerate(data):
        cut.slices(name, axes[i], trips, [f"{key}/element{i}/{j}" for j in range(trips)])

    def following(walk: Walk) -> None:
        if repeat.index < trips:
            walk.push([following])
            repeat.iterate(walk)
        else:
            repeat.finish(walk)

    walk.put(cut, following)


def _list(node: Node, attribute: str, count: int) -> list[int]:
    stated = node.attr(attribute)
    values = [0] * count if stated is None else [int(v) for v in stated]
    if len(values) != count:
        raise ModelError(f"{label(node)}: {attribute} has {len(values)} entries, expected {count}")
    return values


def _axis(node: Node, walk: Walk, name: str, axis: int) -> int:
    rank = len(walk.facts[name].shape or ()) if name in walk.facts else 0
    if not -rank <= axis < rank:
        raise ModelError(f"{label(node)}: scan input '{name}' has {rank} dims, none with index {axis}")
    return axis % rank


def _trips(node: Node, walk: Walk, data: Sequence[str], axes: Sequence[int]) -> int:
    lengths = {name: (walk.facts[name].shape or ())[axis] for name, axis in zip(data, axes, strict=True)}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"'{name}' {length}" for name, length in lengths.items())
        raise ModelError(f"{label(node)}: its scan inputs differ in length: {listed}")
    return next(iter(lengths.values()))
