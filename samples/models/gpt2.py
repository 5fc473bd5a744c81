"""GPT-1 and GPT-2 as exporters write them: fused qkv projection, tanh gelu, growing KV cache, tied embedding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from .onnx_writer import GraphWriter

BATCH, SEQ, PAST, TOTAL = "batch", "seq", "past", "past + seq"
FLOAT_MIN = float(np.finfo(np.float32).min)


@dataclass(frozen=True)
class Gpt2:
    """The sizes of a GPT; norms come before attention and inner layers, with one more at the end, or `post_norm`."""

    name: str = "gpt2"
    layers: int = 12
    width: int = 768
    heads: int = 12
    vocabulary: int = 50257
    positions: int = 1024
    post_norm: bool = False

    @property
    def head_dim(self) -> int:
        return self.width // self.heads


GPT1 = Gpt2("gpt1", vocabulary=40478, positions=512, post_norm=True)
"""Radford et al., 2018, with a cache as later models have it."""
MEDIUM = Gpt2("gpt2-medium", layers=24, width=1024, heads=16)
LARGE = Gpt2("gpt2-large", layers=36, width=1280, heads=20)
XL = Gpt2("gpt2-xl", layers=48, width=1600, heads=25)
TINY = Gpt2("gpt2-tiny", layers=2, width=64, heads=2, vocabulary=128, positions=64)


@dataclass(frozen=True)
class Masks:
    """Where a query may look: `causal` is a bool [seq, total], `padding` is added to scores [batch, 1, 1, total]."""

    causal: str
    padding: str


def build(config: Gpt2 = Gpt2(), *, seed: int | None = None) -> onnx.ModelProto:
    """One graph for prefill (past = 0) and decode (seq = 1); a seed stores random weights in it."""
    g = GraphWriter(config.name, seed)
    ids = g.input("input_ids", (BATCH, SEQ), TensorProto.INT64)
    positions = g.input("position_ids", (BATCH, SEQ), TensorProto.INT64)
    attention_mask = g.input("attention_mask", (BATCH, TOTAL), TensorProto.INT64)
    cache = (BATCH, config.heads, PAST, config.head_dim)
    pasts = [
        (g.input(f"past_key_values.{i}.key", cache), g.input(f"past_key_values.{i}.value", cache))
        for i in range(config.layers)
    ]
    with g.scope("transformer"):
        table = g.weight("wte.weight", config.vocabulary, config.width)
        tokens = g.node("Gather", table, ids, axis=0)
        places = g.node("Gather", g.weight("wpe.weight", config.positions, config.width), positions, axis=0)
        hidden = g.node("Add", tokens, places)
        masks = _masks(g, ids, pasts[0][0], attention_mask)
        for i, past in enumerate(pasts):
            with g.scope("h", str(i)):
                hidden = _block(g, config, i, hidden, past, masks)
        hidden = hidden if config.post_norm else _layer_norm(g, "ln_f", hidden, config.width)
    with g.scope("lm_head"):
        logits = g.node("MatMul", hidden, g.node("Transpose", table, perm=[1, 0]))
    g.output(logits, "logits", (BATCH, SEQ, config.vocabulary))
    g.output_first("logits")
    return g.model(opset=18)


def _masks(g: GraphWriter, ids: str, past_key: str, attention_mask: str) -> Masks:
    past = g.node("Gather", g.node("Shape", past_key), g.constant(2, np.int64), axis=0)
    total = g.node("Add", past, g.node("Gather", g.node("Shape", ids), g.constant(1, np.int64), axis=0))
    one = g.constant(1, np.int64)
    queries = g.node("Unsqueeze", g.node("Range", past, total, one), g.ints(1))
    keys = g.node("Unsqueeze", g.node("Range", g.constant(0, np.int64), total, one), g.ints(0))
    causal = g.node("LessOrEqual", keys, queries)
    seen = g.node("Cast", g.node("Unsqueeze", attention_mask, g.ints(1, 2)), to=TensorProto.FLOAT)
    padding = g.node("Mul", g.node("Sub", g.constant(1.0), seen), g.constant(FLOAT_MIN))
    return Masks(causal, padding)


def _block(g: GraphWriter, config: Gpt2, layer: int, hidden: str, past: tuple[str, str], masks: Masks) -> str:
    width, after = config.width, config.post_norm
    with g.scope("attn"):
        normed = hidden if after else _layer_norm(g, "ln_1", hidden, width)
        context = _attention(g, config, layer, normed, past, masks)
        hidden = g.node("Add", _conv1d(g, "c_proj", context, width, width), hidden)
        hidden = _layer_norm(g, "ln_1", hidden, width) if after else hidden
    with g.scope("mlp"):
        normed = hidden if after else _layer_norm(g, "ln_2", hidden, width)
        inner = _gelu_tanh(g, _conv1d(g, "c_fc", normed, width, 4 * width))
        hidden = g.node("Add", hidden, _conv1d(g, "c_proj", inner, 4 * width, width))
        return _layer_norm(g, "ln_2", hidden, width) if after else hidden


def _attention(g: GraphWriter, config: Gpt2, layer: int, hidden: str, past: tuple[str, str], masks: Masks) -> str:
    qkv = _conv1d(g, "c_attn", hidden, config.width, 3 * config.width)
    parts = g.nodes_out("Split", 3, qkv, g.ints(*[config.width] * 3), axis=2)
    query, key, value = (_split_heads(g, config, part) for part in parts)
    key = _extend(g, config, f"present.{layer}.key", past[0], key)
    value = _extend(g, config, f"present.{layer}.value", past[1], value)
    scores = g.node("MatMul", query, g.node("Transpose", key, perm=[0, 1, 3, 2]))
    scores = g.node("Div", scores, g.constant(config.head_dim**0.5))
    scores = g.node("Where", masks.causal, scores, g.constant(FLOAT_MIN))
    weights = g.node("Softmax", g.node("Add", scores, masks.padding), axis=-1)
    merged = g.node("Transpose", g.node("MatMul", weights, value), perm=[0, 2, 1, 3])
    return g.node("Reshape", merged, g.ints(0, 0, config.width))


def _split_heads(g: GraphWriter, config: Gpt2, value: str) -> str:
    return g.node("Transpose", g.node("Reshape", value, g.ints(0, 0, config.heads, config.head_dim)), perm=[0, 2, 1, 3])


def _extend(g: GraphWriter, config: Gpt2, present: str, past: str, new: str) -> str:
    whole = g.node("Concat", past, new, axis=-2)
    g.output(whole, present, (BATCH, config.heads, TOTAL, config.head_dim))
    return present


def _conv1d(g: GraphWriter, name: str, hidden: str, width: int, out: int) -> str:
    with g.scope(name):
        product = g.node("MatMul", hidden, g.weight("weight", width, out))
        return g.node("Add", product, g.weight("bias", out))


def _layer_norm(g: GraphWriter, name: str, hidden: str, width: int) -> str:
    with g.scope(name):
        scale, bias = g.weight("weight", width), g.weight("bias", width)
        return g.node("LayerNormalization", hidden, scale, bias, axis=-1, epsilon=1e-5)


def _gelu_tanh(g: GraphWriter, x: str) -> str:
    with g.scope("act"):
        half = g.node("Mul", x, g.constant(0.5))
        cubic = g.node("Mul", g.node("Pow", x, g.constant(3.0)), g.constant(0.044715))
        inner = g.node("Mul", g.node("Add", x, cubic), g.constant((2 / np.pi) ** 0.5))
        return g.node("Mul", half, g.node("Add", g.node("Tanh", inner), g.constant(1.0)))
