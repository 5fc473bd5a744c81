"""Pieces that the graphs of image models share: linear layers, norms, attention in pieces, activations."""

from __future__ import annotations

import numpy as np

from .onnx_writer import GraphWriter


def linear(g: GraphWriter, name: str, value: str, width: int, out: int, *, bias: bool = True) -> str:
    """A product with a weight [width, out], and its bias."""
    with g.scope(name):
        product = g.node("MatMul", value, g.weight("weight", width, out))
        return g.node("Add", product, g.weight("bias", out)) if bias else product


def layer_norm(g: GraphWriter, name: str, value: str, width: int, *, learned: bool = True) -> str:
    """A norm over the last axis; one that is not learned has scale 1 and no offset."""
    with g.scope(name):
        sides = (
            [g.weight("weight", width), g.weight("bias", width)]
            if learned
            else [g.table(f"ones_{width}", np.ones(width, np.float32))]
        )
        return g.node("LayerNormalization", value, *sides, axis=-1, epsilon=1e-6)


def attention(
    g: GraphWriter, hidden: str, context: str, width: int, heads: int, *, depth: int = 0, bias: bool = True
) -> str:
    """Queries of `hidden` [batch, rows, width] over keys and values of `context` [batch, columns, depth]."""
    depth, size = depth or width, width // heads
    query = linear(g, "query", hidden, width, width, bias=bias)
    key, value = (linear(g, name, context, depth, width, bias=bias) for name in ("key", "value"))
    query, value = (split_heads(g, part, heads, size, [0, 2, 1, 3]) for part in (query, value))
    scores = g.node("MatMul", query, split_heads(g, key, heads, size, [0, 2, 3, 1]))
    weights = g.node("Softmax", g.node("Mul", scores, g.constant(size**-0.5)), axis=-1)
    merged = g.node("Transpose", g.node("MatMul", weights, value), perm=[0, 2, 1, 3])
    return linear(g, "out", g.node("Reshape", merged, g.ints(0, 0, width)), width, width)


def split_heads(g: GraphWriter, value: str, heads: int, size: int, perm: list[int]) -> str:
    """[batch, rows, heads x size] as four axes in the order of `perm`."""
    return g.node("Transpose", g.node("Reshape", value, g.ints(0, 0, heads, size)), perm=perm)


def gelu(g: GraphWriter, value: str, approximate: str = "none") -> str:
    """The gelu of ONNX: by erf, or by tanh."""
    return g.node("Gelu", value, approximate=approximate)


def silu(g: GraphWriter, value: str) -> str:
    """x sigmoid(x)."""
    return g.node("Mul", value, g.node("Sigmoid", value))


def convolution(g: GraphWriter, name: str, value: str, channels: int, out: int, size: int, stride: int = 1) -> str:
    """A convolution with a bias that keeps height and width where its stride is 1; patches do not overlap."""
    with g.scope(name):
        pad = 0 if stride == size else size // 2
        sides = g.weight("weight", out, channels, size, size), g.weight("bias", out)
        return g.node(
            "Conv", value, *sides, kernel_shape=[size, size], strides=[stride, stride], pads=[pad, pad, pad, pad]
        )


def sines(g: GraphWriter, steps: str, width: int) -> str:
    """Cosines and sines of `steps` [batch] at `width` / 2 frequencies (Vaswani et al., 2017)."""
    half = width // 2
    frequencies = np.exp(-np.log(10_000.0) * np.arange(half) / half).astype(np.float32)
    angles = g.node("Mul", g.node("Unsqueeze", steps, g.ints(1)), g.table(f"frequencies_{half}", frequencies))
    return g.node("Concat", g.node("Cos", angles), g.node("Sin", angles), axis=-1)
