"""Constants after a product belong to it; activations with limits and squares are recognised."""

from __future__ import annotations

import time

import pytest
from passes_graph_sketch import Sketch, kinds, rewrite

from mapper.ir.graph import Graph
from passes.graph.fuse_activation import FuseActivation
from passes.graph.fuse_bias import FuseBias
from passes.graph.fuse_norm import FuseNorm
from passes.graph.fuse_softmax import FuseSoftmax


def conv(s: Sketch, out: int = 6) -> str:
    weight = s.weight(f"w{len(s.ops)}", out, 4, 3, 3)
    return s.op(
        "conv", "Conv", (s.fn("Relu", s.input("x", 1, 4, 8, 8)), weight), (1, out, 6, 6), groups=1, transposed=0
    )


def batch_norm(s: Sketch, x: str) -> str:
    vectors = tuple(s.weight(f"bn{i}", 6) for i in range(4))
    return s.op("norm", "BatchNormalization", (x, *vectors), s.shape(x), width=6)


def test_a_batch_norm_becomes_the_bias_of_its_convolution() -> None:
    s = Sketch()
    graph = rewrite(s.graph(s.fn("Tanh", batch_norm(s, conv(s)))), FuseBias())
    assert kinds(graph) == {"relu": 1, "conv": 1, "tanh": 1}
    assert graph.ops[1].inputs == ("Relu_0:0", "w0", "bn1")
    assert graph.ops[1].origin == ("Conv_1", "BatchNormalization_2")
    assert graph.ops[1].attr("folded") == 1


def test_scales_and_shifts_of_channels_go_into_the_convolution() -> None:
    s = Sketch()
    y = s.fn("Add", s.fn("Mul", conv(s), s.weight("scale", 6, 1, 1)), s.weight("shift", 1, 6, 1, 1))
    graph = rewrite(s.graph(s.fn("Tanh", y)), FuseBias())
    assert kinds(graph) == {"relu": 1, "conv": 1, "tanh": 1}
    assert graph.ops[1].inputs[2:] == ("shift",)


def test_a_weight_that_others_read_is_not_scaled() -> None:
    s = Sketch()
    weight = s.weight("shared", 8, 8)
    x = s.input("x", 2, 8)
    y = s.fn("Mul", s.matmul(x, weight), s.weight("scale", 8))
    assert kinds(rewrite(s.graph(y, s.matmul(s.fn("Relu", x), weight)), FuseBias()))["mul"] == 1


def test_a_scale_of_rows_stays_apart() -> None:
    s = Sketch()
    y = s.fn("Mul", s.linear(s.input("x", 2, 8), 16), s.weight("scale", 2, 1))
    assert kinds(rewrite(s.graph(y), FuseBias())) == {"matmul": 1, "mul": 1}


def clip(s: Sketch, x: str, low: float, high: float) -> str:
    return s.op("elementwise", "Clip", (x,), s.shape(x), fn="clip", min=low, max=high)


def hard_swish_of_paddle(s: Sketch, x: str) -> str:
    return s.fn("Div", s.fn("Mul", x, clip(s, s.fn("Add", x, 3.0), 0.0, 6.0)), 6.0)


def hard_swish_of_torch(s: Sketch, x: str) -> str:
    return s.fn(
        "Mul", x, s.op("elementwise", "HardSigmoid", (x,), s.shape(x), fn="hard_sigmoid", alpha=1 / 6, beta=0.5)
    )


def softplus(s: Sketch, x: str) -> str:
    return s.fn("Log", s.fn("Add", s.fn("Exp", x), 1.0))


def squared_relu(s: Sketch, x: str) -> str:
    return s.fn("Pow", s.fn("Relu", x), 2.0)


def silu_from_exponential(s: Sketch, x: str) -> str:
    return s.fn("Div", x, s.fn("Add", s.fn("Exp", s.fn("Neg", x)), 1.0))


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        (hard_swish_of_paddle, "hard_swish"),
        (hard_swish_of_torch, "hard_swish"),
        (softplus, "softplus"),
        (squared_relu, "relu_squared"),
        (silu_from_exponential, "silu"),
    ],
)
def test_an_activation_is_recognised_in_pieces(spelling, name: str) -> None:  # type: ignore[no-untyped-def]
    s = Sketch()
    graph = rewrite(s.graph(spelling(s, s.linear(s.input("x", 2, 8), 16))), FuseActivation())
    assert kinds(graph) == {"matmul": 1, name: 1}


def test_a_clip_with_other_limits_is_left_alone() -> None:
    s = Sketch()
    x = s.input("x", 2, 8)
    graph = s.graph(s.fn("Div", s.fn("Mul", x, clip(s, s.fn("Add", x, 3.0), 0.0, 5.0)), 6.0))
    assert rewrite(graph, FuseActivation()).ops == graph.ops


def chain(length: int) -> Graph:
    s = Sketch()
    x = s.input("x", 2, 8)
    for i in range(length):
        y = s.fn(("Relu", "Sigmoid", "Exp", "Sqrt", "Tanh")[i % 5], x)
        x = s.fn("Add", x, y) if i % 2 else y
    return s.graph(x)


@pytest.mark.slow
def test_ten_times_as_many_ops_take_about_ten_times_as_long() -> None:
    seconds = []
    for graph in (chain(1_000), chain(10_000)):
        began = time.process_time()
        rewrite(graph, FuseNorm(), FuseSoftmax(), FuseActivation(), FuseBias())
        seconds.append(time.process_time() - began)
    assert seconds[1] < 20 * seconds[0] + 1


def group_norm(s: Sketch, x: str, scale: str, shift: str) -> str:
    """As PyTorch exports it: the groups are the channels of an instance norm, whose own scale and shift are 1 and 0."""
    whole = s.shape(x)
    groups = s.reshape(x, 1, 2, 3 * 8 * 8)
    normed = s.op("norm", "InstanceNormalization", (groups, s.weight("ones", 2), s.weight("zeros", 2)),
                  s.shape(groups), width=3 * 8 * 8, epsilon=1e-5)  # fmt: skip
    return s.fn("Add", s.fn("Mul", s.reshape(normed, *whole), scale), shift)


def test_a_group_norm_in_pieces_is_one_norm_of_channels() -> None:
    s = Sketch()
    y = group_norm(s, s.input("x", 1, 6, 8, 8), s.weight("scale", 6, 1, 1), s.weight("shift", 6, 1, 1))
    (norm,) = rewrite(s.graph(y), FuseNorm()).ops
    assert norm.inputs == ("x", "scale", "shift")
    assert (norm.attr("groups"), norm.attr("width"), len(norm.origin)) == (2, 3 * 8 * 8, 5)


@pytest.mark.parametrize("shape", [(8, 1), (1, 8), (6, 8, 8)])
def test_a_scale_of_places_is_no_part_of_a_group_norm(shape: tuple[int, ...]) -> None:
    s = Sketch()
    graph = s.graph(group_norm(s, s.input("x", 1, 6, 8, 8), s.weight("scale", *shape), s.weight("shift", 6, 1, 1)))
    assert rewrite(graph, FuseNorm()).ops == graph.ops
