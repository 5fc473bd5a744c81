"""Norms and softmax are recognised by what they compute, wherever scale and shift enter and whatever the axes are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from builders import tiny_target
from hypothesis import given
from hypothesis import strategies as st
from passes_graph_oracle import evaluate
from passes_graph_sketch import ONCE, Sketch, kinds, rewrite
from sweeps import examples

from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context
from passes.graph.fuse_norm import FuseNorm
from passes.graph.fuse_softmax import FuseSoftmax

Spelling = Callable[[Sketch, str], str]

ROWS, WIDTH = 6, 8


def reduced(s: Sketch, op_type: str, x: str, axis: int, *, keep: bool = True) -> str:
    before = s.shape(x)
    shape = tuple(1 if i == axis else d for i, d in enumerate(before) if keep or i != axis)
    return s.op("reduce", op_type, (x,), shape, axes=(axis,), keepdims=int(keep))


def inverse_deviation(s: Sketch, variance: str) -> str:
    return s.fn("Reciprocal", s.fn("Sqrt", s.fn("Add", variance, 1e-6)))


def tensorflow(s: Sketch, x: str) -> str:
    """x inv + (beta - mean inv), where inv holds the scale."""
    mean, gamma, beta = s.mean(x), s.weight("gamma", WIDTH), s.weight("beta", WIDTH)
    difference = s.fn("Sub", x, mean)
    inverse = s.fn("Mul", inverse_deviation(s, s.mean(s.fn("Mul", difference, difference))), gamma)
    return s.fn("Add", s.fn("Mul", x, inverse), s.fn("Sub", beta, s.fn("Mul", mean, inverse)))


def jax(s: Sketch, x: str) -> str:
    """Variance as E[x^2] - E[x]^2, sums divided by a constant, dims dropped and added again."""
    column = (*s.shape(x)[:-1], 1)
    axis = len(s.shape(x)) - 1
    mean = s.fn("Mul", reduced(s, "ReduceSum", x, axis, keep=False), 1 / WIDTH)
    square = s.fn("Mul", reduced(s, "ReduceSum", s.fn("Mul", x, x), axis, keep=False), 1 / WIDTH)
    variance = s.reshape(s.fn("Max", 0.0, s.fn("Sub", square, s.fn("Mul", mean, mean))), *column)
    centred = s.fn("Sub", x, s.reshape(mean, *column))
    scaled = s.fn("Mul", centred, s.fn("Mul", inverse_deviation(s, variance), s.weight("gamma", 1, WIDTH)))
    return s.fn("Add", scaled, s.weight("beta", 1, WIDTH))


def bare(s: Sketch, x: str) -> str:
    centred = s.fn("Sub", x, s.mean(x))
    return s.fn("Mul", centred, inverse_deviation(s, s.mean(s.fn("Mul", centred, centred))))


def of_unit_length(s: Sketch, x: str) -> str:
    """The norm of queries and keys in vision transformers: x / |x| sqrt(width), scaled."""
    length = s.fn("Max", reduced(s, "ReduceL2", x, len(s.shape(x)) - 1), 1e-12)
    return s.fn("Mul", s.fn("Mul", s.fn("Div", x, length), WIDTH**0.5), s.weight("gamma", WIDTH))


def scaled_first(s: Sketch, x: str) -> str:
    inverse = inverse_deviation(s, s.mean(s.fn("Mul", x, x)))
    return s.fn("Mul", s.fn("Mul", s.weight("gamma", WIDTH), inverse), x)


SPELLINGS = {
    tensorflow: ("layer", ("gamma", "beta")),
    jax: ("layer", ("gamma", "beta")),
    bare: ("layer", ()),
    of_unit_length: ("rms", ("gamma",)),
    scaled_first: ("rms", ("gamma",)),
}


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda f: f.__name__)
def test_a_norm_is_one_op_in_every_spelling(spelling: Spelling) -> None:
    s = Sketch()
    x = s.fn("Relu", s.input("x", ROWS, WIDTH))
    y = s.fn("Tanh", spelling(s, x))
    graph = rewrite(s.graph(y), FuseNorm())
    function, vectors = SPELLINGS[spelling]
    assert kinds(graph) == {"relu": 1, "norm": 1, "tanh": 1}
    assert graph.ops[1].inputs == (x, *vectors)
    assert dict(graph.ops[1].attrs) == {"width": WIDTH, "fn": function}
    assert set(graph.ops[1].origin) == {op.name for op in s.ops[1:-1]}


def test_a_norm_of_channels_names_its_axis() -> None:
    s = Sketch()
    x = s.input("x", 2, WIDTH, 5, 5)
    centred = s.fn("Sub", x, reduced(s, "ReduceMean", x, 1))
    variance = reduced(s, "ReduceMean", s.fn("Pow", centred, 2.0), 1)
    y = s.fn("Mul", s.fn("Div", centred, s.fn("Sqrt", s.fn("Add", variance, 1e-6))), s.weight("gamma", WIDTH, 1, 1))
    (op,) = rewrite(s.graph(s.fn("Add", y, s.weight("beta", WIDTH, 1, 1))), FuseNorm()).ops
    assert op.inputs == (x, "gamma", "beta")
    assert dict(op.attrs) == {"width": WIDTH, "fn": "layer", "axes": (1,)}


def test_what_a_condition_modulates_is_no_part_of_the_norm() -> None:
    s = Sketch()
    x, scale = s.input("x", ROWS, WIDTH), s.input("scale", 1, WIDTH)
    y = s.fn("Mul", bare(s, x), s.fn("Add", scale, 1.0))
    assert kinds(rewrite(s.graph(y), FuseNorm())) == {"norm": 1, "add": 1, "mul": 1}


def test_positions_that_are_added_after_a_norm_are_not_its_bias() -> None:
    s = Sketch()
    y = s.fn("Add", bare(s, s.input("x", ROWS, WIDTH)), s.weight("positions", ROWS, WIDTH))
    assert kinds(rewrite(s.graph(y), FuseNorm())) == {"norm": 1, "add": 1}


def test_a_deviation_that_is_read_elsewhere_keeps_the_norm_apart() -> None:
    s = Sketch()
    x = s.input("x", ROWS, WIDTH)
    inverse = inverse_deviation(s, s.mean(s.fn("Mul", x, x)))
    graph = s.graph(s.fn("Mul", x, inverse), s.fn("Tanh", inverse))
    assert rewrite(graph, FuseNorm()).ops == graph.ops


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("shifted", [True, False])
@pytest.mark.parametrize("logarithm", [True, False])
def test_a_softmax_is_one_op_in_every_spelling(keep: bool, shifted: bool, logarithm: bool) -> None:
    s = Sketch()
    x = s.input("x", ROWS, WIDTH)

    def row(op_type: str, of: str) -> str:
        found = reduced(s, op_type, of, 1, keep=keep)
        return found if keep else s.reshape(found, ROWS, 1)

    low = s.fn("Sub", x, row("ReduceMax", x)) if shifted else x
    if logarithm:
        y = s.fn("Sub", low, s.fn("Log", row("ReduceSum", s.fn("Exp", low))))
    else:
        grown = s.fn("Exp", low)
        y = s.fn("Div", grown, row("ReduceSum", grown))
    (op,) = rewrite(s.graph(y), FuseSoftmax()).ops
    wanted = {"op_type": "LogSoftmax" if logarithm else "Softmax", "axis": 1, "width": WIDTH}
    assert (op.kind, op.inputs, dict(op.attrs)) == ("softmax", (x,), wanted)


@st.composite
def affine_norms(draw: st.DrawFn) -> tuple[Sketch, str]:
    """A norm with scales and shifts drawn from what exporters write, in any order of operands."""
    s = Sketch()
    value = draw(st.sampled_from([bare, scaled_first, of_unit_length]))(s, s.input("x", 3, ROWS, WIDTH))
    for i in range(draw(st.integers(0, 3))):
        operand = draw(st.sampled_from([s.weight(f"w{i}", WIDTH), s.weight(f"u{i}", 1, WIDTH), 0.5]))
        fn = draw(st.sampled_from(["Mul", "Add", "Sub"]))
        value = s.fn(fn, *draw(st.permutations([value, operand])))
    return s, value


@examples(20, 60)
@given(affine_norms())
def test_any_affine_tail_belongs_to_the_norm(case: tuple[Sketch, str]) -> None:
    """Several vectors that scale or shift become one each when weights are loaded, so a norm stands for an affine map
    of the normalised rows: each column of the original result is one."""
    s, y = case
    graph = s.graph(y)
    fused = FuseNorm().run(Plan(tiny_target(), graph, ONCE), Context()).graph
    (op,) = fused.ops
    values = evaluate(graph)
    x = values["x"].reshape(-1, WIDTH)
    centre = x.mean(-1, keepdims=True) if op.attr("fn") == "layer" else 0.0
    normal = (x - centre) / np.sqrt(((x - centre) ** 2).mean(-1, keepdims=True) + 1e-6)
    for column in range(WIDTH):
        terms = np.stack([normal[:, column], np.ones(len(x))], axis=1)
        wanted = values[y].reshape(-1, WIDTH)[:, column]
        factors = np.linalg.lstsq(terms, wanted)[0]
        np.testing.assert_allclose(terms @ factors, wanted, rtol=1e-3, atol=1e-3)
