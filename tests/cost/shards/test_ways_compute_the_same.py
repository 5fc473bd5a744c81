"""Every way to divide an op computes what the op does: run on parts with numpy, put together as the layout says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from shard_builders import EXPERTS, GROUPS, HEADS, RUN, SIZE, TOKENS, WIDTH, block, mixture, value, weight

from mapper.cost.shards.analysis import Analysis
from mapper.cost.shards.op_ways import OpWay, op_ways
from mapper.hw.layout import Layout
from mapper.hw.work import Role
from mapper.ir.graph import Graph, Op

Array = NDArray[np.float64]
RANKS = 2
ROUTES = np.random.default_rng(7).permuted(np.tile(np.arange(EXPERTS), (TOKENS, 1)), axis=1)[:, :2].reshape(-1)


def heads(x: Array) -> Array:
    """[1, tokens, heads x size] as [heads, tokens, size]."""
    return x.reshape(x.shape[1], -1, SIZE).transpose(1, 0, 2)


def attend(q: Array, k: Array, v: Array) -> tuple[Array, Array, Array]:
    """Sums of values weighted by exp(scores - maximum), the sums of the weights, and the maxima."""
    queries, keys, values = heads(q), heads(k), heads(v)
    times = len(queries) // len(keys)
    scores = queries @ np.repeat(keys, times, 0).transpose(0, 2, 1)
    top = scores.max(-1, keepdims=True)
    weights = np.exp(scores - top)
    return weights @ np.repeat(values, times, 0), weights.sum(-1, keepdims=True), top


def merged(context: Array) -> Array:
    return context.transpose(1, 0, 2).reshape(1, context.shape[1], -1)


def run(graph: Graph, op: Op, given: dict[str, Array], routes: Array = ROUTES) -> Array:
    """The op's result from whole operands, or from parts that fit each other."""
    x = given[op.inputs[0]]
    match op.kind, op.attr("fn"):
        case "norm", _:
            return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * given[op.inputs[1]]
        case "elementwise", "add":
            return x + given[op.inputs[1]]
        case "elementwise", "relu":
            return np.maximum(x, 0)
        case "elementwise", "swiglu":
            return x / (1 + np.exp(-x)) * given[op.inputs[1]]
        case "attention", _:
            sums, weights, _ = attend(*(given[n] for n in op.inputs))
            return merged(sums / weights)
        case "reduce", _:
            return x.reshape(-1, 2, x.shape[-1]).sum(1)[None]
    matrix = given[op.inputs[1]]
    if op.attr("experts"):
        rows = x if x.ndim == 2 else np.repeat(x[0], 2, 0)
        return np.stack([matrix[e] @ row for e, row in zip(routes, rows, strict=True)])
    return x @ matrix + (given[op.inputs[2]] if len(op.inputs) > 2 else 0)


OWNER = ROUTES // (EXPERTS // RANKS)
"""The rank that has the expert of each row."""


def parts(found: Analysis, name: str, whole: Array, layout: Layout) -> list[Array]:
    """What each rank has of a value in a layout."""
    held = found.spread(name, found.binding).held(layout)
    axes = found.axes.get(name)
    match held:
        case Layout.FEATURES:
            assert axes is not None
            return np.split(whole, RANKS, axes.features)
        case Layout.TOKENS:
            assert axes is not None
            return np.split(whole, RANKS, axes.tokens[0])
        case Layout.SUM:
            some = np.random.default_rng(3).normal(size=(RANKS - 1, *whole.shape))
            return [*some, whole - some.sum(0)]
    return [whole] * RANKS


def together(found: Analysis, name: str, held: list[Array], layout: Layout) -> Array:
    """The whole value of what the ranks have."""
    axes = found.axes[name]
    match layout:
        case Layout.FEATURES:
            return np.concatenate(held, axes.features)
        case Layout.TOKENS:
            return np.concatenate(held, axes.tokens[0])
        case Layout.SUM:
            return np.sum(held, 0)
    assert all(np.allclose(part, held[0]) for part in held)
    return held[0]


def divided(graph: Graph, op: Op, way: OpWay, rank: int, given: dict[str, Array]) -> dict[str, Array]:
    """The rank's weights: columns, rows or all; what is added to a sum is added by the first rank."""
    found = dict(given)
    for place, name in enumerate(op.inputs):
        if graph.value[name].role is not Role.WEIGHT:
            continue
        if way.name == "column":
            found[name] = np.split(given[name], RANKS, -1)[rank]
        elif way.name == "row":
            bias = given[name] if rank == 0 else np.zeros_like(given[name])
            found[name] = bias if place > 1 else np.split(given[name], RANKS, 0)[rank]
    return found


def by_context(op: Op, given: dict[str, Array]) -> list[Array]:
    """Attention where each rank has a part of keys and values: partial sums, scaled by what all ranks found."""
    q, k, v = (given[n] for n in op.inputs)
    some = [attend(q, part, other) for part, other in zip(np.split(k, RANKS, 1), np.split(v, RANKS, 1), strict=True)]
    top = np.max([t for _, _, t in some], 0)
    total = np.sum([w * np.exp(t - top) for _, w, t in some], 0)
    return [merged(s * np.exp(t - top) / total) for s, _, t in some]


def on_ranks(found: Analysis, op: Op, way: OpWay, whole: dict[str, Array]) -> list[Array]:
    """What each rank leaves."""
    if way.name == "context":
        return by_context(op, whole)
    wants = dict(way.wants)
    lying = {n: parts(found, n, whole[n], wants[n]) if n in wants else [whole[n]] * RANKS for n in op.inputs}
    if way.name == "sequence":  # keys and values are gathered
        lying |= {n: [whole[n]] * RANKS for n in op.inputs[1:]}
    return [
        run(found.graph, op, divided(found.graph, op, way, rank, {n: p[rank] for n, p in lying.items()}))
        for rank in range(RANKS)
    ]


def values(graph: Graph) -> dict[str, Array]:
    """Whole values of everything in the graph."""
    random = np.random.default_rng(11)
    given = {v.name: random.normal(size=tuple(int(d) for d in v.shape)) for v in graph.values}
    for op in graph.ops:
        given[op.outputs[0]] = run(graph, op, given)
    return given


FOUND = Analysis(block(), RUN)
CASES = [(o, w) for o in FOUND.graph.ops for w in op_ways(FOUND, o, RANKS)]


@pytest.mark.parametrize(("op", "way"), CASES, ids=[f"{o.name} by {w.name}" for o, w in CASES])
def test_ranks_together_compute_what_one_unit_does(op: Op, way: OpWay) -> None:
    whole = values(FOUND.graph)
    if way.name == "sum":
        left = [run(FOUND.graph, op, p) for p in _summands(op, whole)]
    else:
        left = on_ranks(FOUND, op, way, whole)
    assert np.allclose(together(FOUND, op.outputs[0], left, way.leaves), whole[op.outputs[0]])


def _summands(op: Op, whole: dict[str, Array]) -> list[dict[str, Array]]:
    lying = {n: parts(FOUND, n, whole[n], Layout.SUM) for n in op.inputs}
    return [{n: p[rank] for n, p in lying.items()} for rank in range(RANKS)]


def test_the_usual_ways_are_found() -> None:
    names = {o.name: [w.name for w in op_ways(FOUND, o, RANKS)] for o in FOUND.graph.ops}
    assert names["q"] == names["gate"] == ["copy", "column", "row", "tokens"]
    assert names["attention"] == ["copy", "head", "sequence", "context"]
    assert names["norm1"] == ["copy", "tokens"]
    assert names["act"] == ["copy", "features", "tokens"]
    assert names["sum1"] == ["copy", "features", "tokens", "sum"]


def test_more_ranks_than_heads_leave_attention_to_other_ways() -> None:
    names = [w.name for w in op_ways(FOUND, FOUND.graph.op["attention"], 2 * HEADS)]
    assert "head" not in names
    assert "context" in names


def test_heads_of_keys_are_repeated_where_they_are_fewer_than_ranks() -> None:
    assert GROUPS < HEADS
    names = [w.name for w in op_ways(FOUND, FOUND.graph.op["k"], HEADS)]
    assert "column" in names
    assert FOUND.spread("k", FOUND.binding).part(Layout.FEATURES, HEADS) == TOKENS * SIZE


def packed() -> Graph:
    """Queries, keys and values of grouped heads from one product, cut apart before the attention."""
    plain, width = block(), (HEADS + 2 * GROUPS) * SIZE
    kept = ("x", "n", "q", "k", "v", "c", "wn")
    ops = {o.name: o for o in plain.ops}
    return Graph(
        "packed",
        (
            ops["norm1"],
            Op("qkv", "matmul", ("n", "w"), ("p",)),
            Op("cut", "move", ("p",), ("q", "k", "v"), (("op_type", "Split"), ("axis", -1))),
            ops["attention"],
        ),
        (*(plain.value[n] for n in kept), value("p", 1, TOKENS, width), weight("w", WIDTH, width)),
    )


@pytest.mark.parametrize("ranks", [2, 4])
def test_a_rank_gets_whole_groups_of_packed_heads(ranks: int) -> None:
    """The columns that a rank needs to attend with its own heads of queries are the part that it is said to have."""
    graph = packed()
    found, whole = Analysis(graph, RUN), np.random.default_rng(5).normal(size=(1, TOKENS, (HEADS + 2 * GROUPS) * SIZE))
    q, k, v = np.split(whole, [HEADS * SIZE, (HEADS + GROUPS) * SIZE], -1)
    sums, weights, _ = attend(q, k, v)
    most, left = 0, []
    for rank in range(ranks):
        mine = range(HEADS * rank // ranks, HEADS * (rank + 1) // ranks)
        groups = sorted({head * GROUPS // HEADS for head in mine})
        columns = [h * SIZE + i for h in mine for i in range(SIZE)]
        shared = [g * SIZE + i for g in groups for i in range(SIZE)]
        own_sums, own_weights, _ = attend(q[..., columns], k[..., shared], v[..., shared])
        left.append(merged(own_sums / own_weights))
        most = max(most, len(columns) + 2 * len(shared))
    assert np.allclose(np.concatenate(left, -1), merged(sums / weights))
    assert found.spread("p", found.binding).part(Layout.FEATURES, ranks) == TOKENS * most
    assert "column" in [w.name for w in op_ways(found, graph.op["qkv"], ranks)]
    assert "features" in [w.name for w in op_ways(found, graph.op["cut"], ranks)]


Rows = Callable[[Array, int], Array]


def test_experts_on_different_ranks_compute_what_one_unit_does() -> None:
    graph = mixture()
    found, whole = Analysis(graph, RUN), values(graph)
    for name in ("up", "down"):
        assert "expert" in [w.name for w in op_ways(found, graph.op[name], RANKS)]
    sums = np.zeros_like(whole["y"])
    for rank in range(RANKS):
        mine = rank == OWNER
        h = run(graph, graph.op["up"], {**whole, "n": np.repeat(whole["n"][0], 2, 0)[mine]}, ROUTES[mine])
        a = run(graph, graph.op["act"], {"h": h})
        d = np.zeros_like(whole["d"])
        d[mine] = run(graph, graph.op["down"], {**whole, "a": a}, ROUTES[mine])
        sums += run(graph, graph.op["sum"], {**whole, "d": d})
    assert [(w.name, w.leaves) for w in op_ways(found, graph.op["sum"], RANKS)][-1] == ("combine", Layout.SUM)
    assert np.allclose(sums, whole["y"])
