"""BERT as exporters write it: token types, padding mask, one projection each for q, k and v, erf gelu."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from .onnx_writer import GraphWriter

BATCH, SEQ = "batch", "seq"
FLOAT_MIN = float(np.finfo(np.float32).min)


@dataclass(frozen=True)
class Bert:
    """The sizes of a BERT encoder."""

    name: str = "bert-base"
    layers: int = 12
    width: int = 768
    heads: int = 12
    inner: int = 3072
    vocabulary: int = 30522
    positions: int = 512

    @property
    def head_dim(self) -> int:
        return self.width // self.heads


LARGE = Bert("bert-large", layers=24, width=1024, heads=16, inner=4096)
TINY = Bert("bert-tiny", layers=2, width=64, heads=2, inner=256, vocabulary=128, positions=64)


def build(config: Bert = Bert(), *, seed: int | None = None) -> onnx.ModelProto:
    """The encoder; a seed stores random weights in it."""
    g = GraphWriter(config.name, seed)
    ids = g.input("input_ids", (BATCH, SEQ), TensorProto.INT64)
    attention_mask = g.input("attention_mask", (BATCH, SEQ), TensorProto.INT64)
    token_types = g.input("token_type_ids", (BATCH, SEQ), TensorProto.INT64)
    with g.scope("embeddings"):
        hidden = _embeddings(g, config, ids, token_types)
    seen = g.node("Cast", g.node("Unsqueeze", attention_mask, g.ints(1, 2)), to=TensorProto.FLOAT)
    mask = g.node("Mul", g.node("Sub", g.constant(1.0), seen), g.constant(FLOAT_MIN))
    for i in range(config.layers):
        with g.scope("encoder", "layer", str(i)):
            hidden = _block(g, config, hidden, mask)
    g.output(hidden, "last_hidden_state", (BATCH, SEQ, config.width))
    return g.model(opset=17)


def _embeddings(g: GraphWriter, config: Bert, ids: str, token_types: str) -> str:
    words = g.node("Gather", g.weight("word_embeddings.weight", config.vocabulary, config.width), ids, axis=0)
    types = g.node("Gather", g.weight("token_type_embeddings.weight", 2, config.width), token_types, axis=0)
    length = g.node("Gather", g.node("Shape", ids), g.constant(1, np.int64), axis=0)
    positions = g.node("Range", g.constant(0, np.int64), length, g.constant(1, np.int64))
    table = g.weight("position_embeddings.weight", config.positions, config.width)
    places = g.node("Unsqueeze", g.node("Gather", table, positions, axis=0), g.ints(0))
    return _layer_norm(g, "LayerNorm", g.node("Add", g.node("Add", words, types), places), config.width)


def _block(g: GraphWriter, config: Bert, hidden: str, mask: str) -> str:
    with g.scope("attention"):
        context = _attention(g, config, hidden, mask)
        projected = _linear(g, "output.dense", context, config.width, config.width)
        hidden = _layer_norm(g, "output.LayerNorm", g.node("Add", projected, hidden), config.width)
    inner = _gelu_erf(g, _linear(g, "intermediate.dense", hidden, config.width, config.inner))
    projected = _linear(g, "output.dense", inner, config.inner, config.width)
    return _layer_norm(g, "output.LayerNorm", g.node("Add", projected, hidden), config.width)


def _attention(g: GraphWriter, config: Bert, hidden: str, mask: str) -> str:
    width = config.width
    query, key, value = (_linear(g, f"self.{n}", hidden, width, width) for n in ("query", "key", "value"))
    query, value = (_split_heads(g, config, part, [0, 2, 1, 3]) for part in (query, value))
    scores = g.node("MatMul", query, _split_heads(g, config, key, [0, 2, 3, 1]))
    scores = g.node("Div", scores, g.constant(config.head_dim**0.5))
    weights = g.node("Softmax", g.node("Add", scores, mask), axis=-1)
    merged = g.node("Transpose", g.node("MatMul", weights, value), perm=[0, 2, 1, 3])
    return g.node("Reshape", merged, g.ints(0, 0, width))


def _split_heads(g: GraphWriter, config: Bert, value: str, perm: list[int]) -> str:
    return g.node("Transpose", g.node("Reshape", value, g.ints(0, 0, config.heads, config.head_dim)), perm=perm)


def _linear(g: GraphWriter, name: str, hidden: str, width: int, out: int) -> str:
    with g.scope(name):
        product = g.node("MatMul", hidden, g.weight("weight", width, out))
        return g.node("Add", g.weight("bias", out), product)


def _layer_norm(g: GraphWriter, name: str, hidden: str, width: int) -> str:
    with g.scope(name):
        scale, bias = g.weight("weight", width), g.weight("bias", width)
        return g.node("LayerNormalization", hidden, scale, bias, axis=-1, epsilon=1e-12)


def _gelu_erf(g: GraphWriter, x: str) -> str:
    with g.scope("act"):
        erf = g.node("Erf", g.node("Div", x, g.constant(2**0.5)))
        return g.node("Mul", g.node("Mul", x, g.node("Add", erf, g.constant(1.0))), g.constant(0.5))
