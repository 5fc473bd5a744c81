"""Norms, activations, rotary embedding and biases are recognised in all their spellings, and nothing else is."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from passes_graph_sketch import Sketch, kinds, rewrite

from mapper.hw.work import DType
from passes.graph.fuse_activation import FuseActivation
from passes.graph.fuse_bias import FuseBias
from passes.graph.fuse_norm import FuseNorm
from passes.graph.fuse_rope import FuseRope

Spelling = Callable[[Sketch, str], str]


def erf_gelu_of_bert(s: Sketch, x: str) -> str:
    return s.fn("Mul", s.fn("Mul", x, s.fn("Add", s.fn("Erf", s.fn("Div", x, math.sqrt(2))), 1.0)), 0.5)


def erf_gelu_of_whisper(s: Sketch, x: str) -> str:
    return s.fn("Mul", x, s.fn("Mul", 0.5, s.fn("Add", s.fn("Erf", s.fn("Mul", x, math.sqrt(0.5))), 1.0)))


def tanh_gelu_of_gpt2(s: Sketch, x: str) -> str:
    cubic = s.fn("Mul", s.fn("Pow", x, 3.0), 0.044715)
    inner = s.fn("Mul", s.fn("Add", x, cubic), math.sqrt(2 / math.pi))
    return s.fn("Mul", s.fn("Mul", x, 0.5), s.fn("Add", s.fn("Tanh", inner), 1.0))


def tanh_gelu_of_gemma(s: Sketch, x: str) -> str:
    cubic = s.fn("Mul", 0.044715, s.fn("Mul", x, s.fn("Mul", x, x)))
    tanh = s.fn("Tanh", s.fn("Mul", math.sqrt(2 / math.pi), s.fn("Add", x, cubic)))
    return s.fn("Mul", 0.5, s.fn("Mul", x, s.fn("Add", 1.0, tanh)))


def quick_gelu(s: Sketch, x: str) -> str:
    return s.fn("Mul", x, s.fn("Sigmoid", s.fn("Mul", x, 1.702)))


def silu(s: Sketch, x: str) -> str:
    return s.fn("Mul", s.fn("Sigmoid", x), x)


def relu(s: Sketch, x: str) -> str:
    return s.fn("Relu", x)


def mish(s: Sketch, x: str) -> str:
    return s.fn("Mul", x, s.fn("Tanh", s.fn("Softplus", x)))


GELUS = [erf_gelu_of_bert, erf_gelu_of_whisper, tanh_gelu_of_gpt2, tanh_gelu_of_gemma, quick_gelu]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [*((g, "gelu") for g in GELUS), (silu, "silu"), (mish, "mish")],
    ids=lambda v: getattr(v, "__name__", str(v)),
)
def test_an_activation_is_recognised_by_what_it_computes(spelling: Spelling, name: str) -> None:
    s = Sketch()
    y = s.fn("Relu", spelling(s, s.linear(s.input("x", 2, 8), 16)))
    graph = rewrite(s.graph(y), FuseActivation())
    assert kinds(graph) == {"matmul": 1, name: 1, "relu": 1}
    assert len(graph.ops[1].origin) == len(s.ops) - 2


@pytest.mark.parametrize(
    ("spelling", "approximation"),
    [(erf_gelu_of_bert, None), (tanh_gelu_of_gpt2, "tanh"), (tanh_gelu_of_gemma, "tanh"), (quick_gelu, "quick")],
    ids=lambda v: getattr(v, "__name__", str(v)),
)
def test_a_gelu_says_how_it_approximates(spelling: Spelling, approximation: str | None) -> None:
    s = Sketch()
    (op,) = rewrite(s.graph(spelling(s, s.input("x", 2, 8))), FuseActivation()).ops
    assert op.attr("approximate") == approximation


def test_an_activation_with_another_constant_is_left_alone() -> None:
    s = Sketch()
    x = s.input("x", 2, 8)
    graph = s.graph(s.fn("Mul", x, s.fn("Sigmoid", s.fn("Mul", x, 1.5))))
    assert rewrite(graph, FuseActivation()).ops == graph.ops


def test_an_activation_whose_inside_is_read_elsewhere_is_left_alone() -> None:
    s = Sketch()
    x = s.input("x", 2, 8)
    gate = s.fn("Sigmoid", x)
    graph = s.graph(s.fn("Mul", x, gate), s.fn("Relu", gate))
    assert rewrite(graph, FuseActivation()).ops == graph.ops


@pytest.mark.parametrize(
    ("spelling", "name"),
    [(silu, "swiglu"), (tanh_gelu_of_gpt2, "geglu"), (quick_gelu, "geglu"), (relu, "reglu")],
)
@pytest.mark.parametrize("first", [True, False])
def test_an_activation_and_what_it_gates_become_one_op(spelling: Spelling, name: str, first: bool) -> None:
    s = Sketch()
    x = s.input("x", 2, 8)
    gate, other = spelling(s, s.linear(x, 16)), s.linear(x, 16)
    graph = s.graph(s.fn("Mul", *((gate, other) if first else (other, gate))))
    after = rewrite(graph, FuseActivation())
    assert kinds(after) == {"matmul": 2, name: 1}
    assert len({n for op in after.ops for n in op.origin}) == len(graph.ops)


@pytest.mark.parametrize("gated", [0, 1])
@pytest.mark.parametrize("cut", ["Split", "Slice"])
def test_a_gate_reads_both_halves_of_one_product_in_place(cut: str, gated: int) -> None:
    s = Sketch()
    both = s.linear(s.input("x", 2, 8), 32)
    halves = s.split(both, 1, 16, 16) if cut == "Split" else [s.slice(both, 1, 0, 16), s.slice(both, 1, 16, 32)]
    after = rewrite(s.graph(s.fn("Mul", silu(s, halves[gated]), halves[1 - gated])), FuseActivation())
    assert kinds(after) == {"matmul": 1, "swiglu": 1}
    assert after.ops[1].attr("gate") == gated


def test_a_half_that_is_read_elsewhere_stays_cut_off() -> None:
    s = Sketch()
    a, b = s.split(s.linear(s.input("x", 2, 8), 32), 1, 16, 16)
    graph = s.graph(s.fn("Mul", silu(s, a), b), s.fn("Relu", b))
    assert kinds(rewrite(graph, FuseActivation())) == {"matmul": 1, "move": 1, "swiglu": 1, "relu": 1}


def test_an_activation_that_is_read_twice_or_broadcast_gates_nothing() -> None:
    s = Sketch()
    x, y = s.input("x", 2, 8), s.input("y", 2, 1)
    twice = s.fn("Relu", x)
    graph = s.graph(s.fn("Mul", twice, s.input("z", 2, 8)), s.fn("Neg", twice), s.fn("Mul", x, s.fn("Relu", y)))
    assert rewrite(graph, FuseActivation()).ops == graph.ops


def layer_norm(s: Sketch, x: str) -> str:
    centred = s.fn("Sub", x, s.mean(x))
    deviation = s.fn("Sqrt", s.fn("Add", s.mean(s.fn("Pow", centred, 2.0)), 1e-5))
    return s.fn("Div", centred, deviation)


def rms_norm_of_llama(s: Sketch, x: str) -> str:
    return s.fn("Mul", x, s.fn("Reciprocal", s.fn("Sqrt", s.fn("Add", s.mean(s.fn("Pow", x, 2.0)), 1e-6))))


def rms_norm_of_t5(s: Sketch, x: str) -> str:
    return s.fn("Mul", x, s.fn("Div", 1.0, s.fn("Sqrt", s.fn("Add", s.mean(s.fn("Pow", x, 2.0)), 1e-6))))


def rms_norm_of_qwen(s: Sketch, x: str) -> str:
    return s.fn("Div", x, s.fn("Pow", s.fn("Add", s.mean(s.fn("Mul", x, x)), 1e-6), 0.5))


@pytest.mark.parametrize(
    ("spelling", "name"),
    [(layer_norm, "layer"), (rms_norm_of_llama, "rms"), (rms_norm_of_t5, "rms"), (rms_norm_of_qwen, "rms")],
    ids=lambda v: getattr(v, "__name__", str(v)),
)
@pytest.mark.parametrize("affine", ["nothing", "scale", "scale and bias"])
def test_a_norm_is_recognised_by_what_it_computes(spelling: Spelling, name: str, affine: str) -> None:
    s = Sketch()
    x = s.fn("Relu", s.input("x", 2, 3, 8))
    y = spelling(s, x)
    vectors = []
    if affine != "nothing":
        vectors.append(s.weight("scale", 8))
        y = s.fn("Mul", "scale", y)
    if affine == "scale and bias":
        vectors.append(s.weight("bias", 8))
        y = s.fn("Add", y, "bias")
    graph = rewrite(s.graph(s.fn("Relu", y)), FuseNorm())
    assert kinds(graph) == {"relu": 2, "norm": 1}
    assert graph.ops[1].inputs == (x, *vectors)
    assert dict(graph.ops[1].attrs) == {"width": 8, "fn": name}


def test_a_norm_takes_over_the_casts_around_it() -> None:
    s = Sketch()
    x = s.fn("Relu", s.cast(s.input("x", 2, 8), DType.F16))
    s.weight("scale", 8)
    y = s.fn("Relu", s.fn("Mul", "scale", s.cast(rms_norm_of_llama(s, s.cast(x, DType.F32)), DType.F16)))
    assert kinds(rewrite(s.graph(y), FuseNorm())) == {"cast": 1, "relu": 2, "norm": 1}


def test_a_norm_over_another_axis_names_it() -> None:
    s = Sketch()
    x = s.input("x", 8, 8)
    mean = s.op("reduce", "ReduceMean", (s.fn("Pow", x, 2.0),), (1, 8), axes=(0,))
    y = s.fn("Div", x, s.fn("Sqrt", s.fn("Add", mean, 1e-6)))
    (op,) = rewrite(s.graph(y), FuseNorm()).ops
    assert dict(op.attrs) == {"width": 8, "fn": "rms", "axes": (0,)}


def test_means_over_different_axes_are_no_norm() -> None:
    s = Sketch()
    x = s.input("x", 8, 8)
    mean = s.op("reduce", "ReduceMean", (s.fn("Pow", s.fn("Sub", x, s.mean(x)), 2.0),), (1, 8), axes=(0,))
    y = s.fn("Div", x, s.fn("Sqrt", s.fn("Add", mean, 1e-6)))
    assert "norm" not in kinds(rewrite(s.graph(y), FuseNorm()))


def test_a_residual_after_a_norm_is_not_its_bias() -> None:
    s = Sketch()
    x = s.fn("Relu", s.input("x", 2, 3, 8))
    s.weight("scale", 8)
    y = s.fn("Add", s.fn("Mul", "scale", rms_norm_of_llama(s, x)), x)
    assert kinds(rewrite(s.graph(y), FuseNorm())) == {"relu": 1, "norm": 1, "add": 1}


@pytest.mark.parametrize("cut", ["slices", "split"])
def test_a_rotary_embedding_becomes_one_op(cut: str) -> None:
    s = Sketch()
    x = s.fn("Relu", s.input("x", 1, 4, 7, 16))
    cos, sin = s.input("cos", 1, 1, 7, 16), s.input("sin", 1, 1, 7, 16)
    first, second = (s.slice(x, 3, 0, 8), s.slice(x, 3, 8, 16)) if cut == "slices" else s.split(x, 3, 8, 8)
    swapped = s.concat(s.fn("Neg", second), first, 3, 16)
    y = s.fn("Add", s.fn("Mul", x, cos), s.fn("Mul", swapped, sin))
    graph = rewrite(s.graph(s.fn("Tanh", y)), FuseRope())
    assert kinds(graph) == {"relu": 1, "rope": 1, "tanh": 1}
    assert graph.ops[1].inputs == (x, cos, sin)


@pytest.mark.parametrize("first", ["product", "bias"])
def test_a_bias_joins_the_product(first: str) -> None:
    s = Sketch()
    product, bias = s.linear(s.input("x", 2, 3, 8), 16), s.weight("bias", 16)
    y = s.fn("Relu", s.fn("Add", *((product, bias) if first == "product" else (bias, product))))
    graph = rewrite(s.graph(y), FuseBias())
    assert kinds(graph) == {"matmul": 1, "relu": 1}
    assert graph.ops[0].inputs == ("x", "w0", "bias")
    assert graph.ops[0].origin == ("MatMul_0", "Add_1")


def test_a_residual_is_not_a_bias() -> None:
    s = Sketch()
    x = s.input("x", 2, 8)
    graph = s.graph(s.fn("Add", s.linear(x, 8), x))
    assert rewrite(graph, FuseBias()).ops == graph.ops


def test_a_product_that_is_read_elsewhere_keeps_its_bias_apart() -> None:
    s = Sketch()
    product, bias = s.linear(s.input("x", 2, 8), 16), s.weight("bias", 16)
    graph = s.graph(s.fn("Add", product, bias), s.fn("Relu", product))
    assert rewrite(graph, FuseBias()).ops == graph.ops
