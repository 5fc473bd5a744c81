"""Whatever a graph of views, moves, casts and products computes, it computes after simplification."""

from __future__ import annotations

from math import prod

from hypothesis import given
from hypothesis import strategies as st
from passes_graph_sketch import Sketch, rewrite
from sweeps import examples

from mapper.hw.work import DType
from mapper.ir.graph import Graph
from passes.graph.fuse_bias import FuseBias
from passes.graph.simplify import Simplify

SHAPES = [(24,), (2, 12), (4, 6), (2, 3, 4), (1, 24), (2, 1, 3, 4), (1, 4, 6), (1, 1, 24)]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs in which each op reads one of the latest values."""
    s = Sketch()
    values = [s.input("x", 2, 3, 4)]
    for _ in range(draw(st.integers(1, 12))):
        x = draw(st.sampled_from(values[-3:]))
        values.append(_step(draw, s, x))
    read = {name for op in s.ops for name in op.inputs}
    outputs = {name for name in values if name not in read} | {draw(st.sampled_from(values))}
    return s.graph(*sorted(outputs - {"x"}))


def _step(draw: st.DrawFn, s: Sketch, x: str) -> str:
    shape = tuple(int(d) for d in s.shape(x))
    match draw(st.sampled_from(["reshape", "transpose", "cast", "fn", "neutral", "same", "product", "bias"])):
        case "reshape":
            fitting = [t for t in SHAPES if prod(t) == prod(shape)] or [shape]
            return s.reshape(x, *draw(st.sampled_from(fitting)))
        case "transpose":
            return s.transpose(x, *draw(st.permutations(range(len(shape)))))
        case "cast":
            return s.cast(x, draw(st.sampled_from([DType.F32, DType.F64])))
        case "fn":
            return s.fn(draw(st.sampled_from(["Tanh", "Neg"])), x)
        case "neutral":
            return s.fn(*draw(st.sampled_from([("Add", x, 0.0), ("Mul", 1.0, x), ("Sub", 0.0, x), ("Div", x, 1.0)])))
        case "same":
            return s.expand(x, *shape)
        case "bias":
            return s.fn("Add", x, s.weight(f"b{len(s.ops)}", shape[-1]))
    if len(shape) < 2:
        return s.fn("Neg", x)
    table = s.weight(f"w{len(s.ops)}", *draw(st.sampled_from([(shape[-1], 6), (6, shape[-1])])))
    if s.shape(table)[0] != shape[-1]:
        table = s.transpose(table, 1, 0)
    return s.matmul(x, table)


@examples(40, 120)
@given(graphs())
def test_simplification_does_not_change_what_is_computed(graph: Graph) -> None:
    rewrite(graph, Simplify(), FuseBias(), Simplify())


@examples(30, 100)
@given(graphs())
def test_simplification_leaves_nothing_to_simplify(graph: Graph) -> None:
    once = rewrite(graph, Simplify())
    assert rewrite(once, Simplify()) == once
