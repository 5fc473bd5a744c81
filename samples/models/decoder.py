"""Decoders of any size as one rank of a tensor-parallel group sees them: its part of each weight, and all-reduces."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import TensorProto

from .onnx_writer import GraphWriter

BATCH, SEQ, PAST, TOTAL = "batch", "seq", "past", "past + seq"
MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class Decoder:
    """The sizes of a decoder and how it is split: heads, inner width and vocabulary are divided among `ranks`.

    kv_heads: of keys and values, as many as heads where it is 0. gated: the inner width is that of a gate and of what
    it lets through. rms: RMS norms instead of layer norms. rotary: rotated queries and keys instead of learned
    positions. bias: linear layers have one. experts: of each layer, of which a token takes `picked`; none where it is
    0. cache: type of cached keys and values, as ONNX numbers types.
    """

    name: str
    layers: int
    width: int
    heads: int
    inner: int
    vocabulary: int = 51200
    head_dim: int = 0
    kv_heads: int = 0
    gated: bool = False
    rms: bool = False
    rotary: bool = False
    bias: bool = True
    ranks: int = 1
    positions: int = 2048
    experts: int = 0
    picked: int = 2
    tied: bool = False
    cache: int = TensorProto.FLOAT

    @property
    def size(self) -> int:
        """Width of a head."""
        return self.head_dim or self.width // self.heads

    @property
    def own_heads(self) -> int:
        """Query heads of one rank."""
        return _part(self.heads, self.ranks, "heads")

    @property
    def own_kv_heads(self) -> int:
        """Heads of keys and values of one rank; with fewer than ranks each has one, some the same."""
        whole = self.kv_heads or self.heads
        return 1 if whole < self.ranks else _part(whole, self.ranks, "heads of keys and values")

    @property
    def own_inner(self) -> int:
        """Inner width of one rank."""
        return _part(self.inner, self.ranks, "inner width")

    @property
    def own_vocabulary(self) -> int:
        """Words whose logits one rank computes; the last rank's part is filled up."""
        return -(-self.vocabulary // self.ranks)


GPT3_175B = Decoder(
    "gpt3-175b", layers=96, width=12288, heads=96, inner=49152, vocabulary=50257, tied=True
)  # Brown et al., 2020
TINY = Decoder("decoder-tiny", layers=2, width=64, heads=4, inner=128, vocabulary=96, kv_heads=2, positions=64)


def _part(whole: int, ranks: int, what: str) -> int:
    if whole % ranks:
        raise ValueError(f"{ranks} ranks do not divide {whole} {what}")
    return whole // ranks


def build(config: Decoder, *, seed: int | None = None) -> onnx.ModelProto:
    """One graph for prefill (past = 0) and decode (seq = 1) with logits of the last token."""
    g = GraphWriter(config.name, seed)
    ids = g.input("input_ids", (BATCH, SEQ), TensorProto.INT64)
    cache = (BATCH, config.own_kv_heads, PAST, config.size)
    pasts = [
        tuple(g.input(f"past.{i}.{n}", cache, config.cache) for n in ("key", "value")) for i in range(config.layers)
    ]
    lengths = g.input("seqlens_k", (BATCH,), TensorProto.INT32)
    total = g.input("total_sequence_length", (1,), TensorProto.INT32)
    stream = _Stream(_embedded(g, config, ids))
    for i, past in enumerate(pasts):
        with g.scope("layers", str(i)):
            stream = _block(g, config, stream, _Cached(i, past, lengths, total))
    _write_head(g, config, stream)
    g.output_first("logits")
    return g.model(opset=23)


def build_prompt(config: Decoder, *, seed: int | None = None) -> onnx.ModelProto:
    """The whole decoder over a prompt without a cache, its attention in pieces: scores, softmax and context."""
    g = GraphWriter(f"{config.name}-prompt", seed)
    ids = g.input("input_ids", (BATCH, SEQ), TensorProto.INT64)
    mask = g.input("causal_mask", (1, 1, SEQ, SEQ))
    stream = _Stream(_embedded(g, config, ids))
    for i in range(config.layers):
        with g.scope("layers", str(i)):
            stream = _block(g, config, stream, _Plain(mask))
    _write_head(g, config, stream)
    return g.model(opset=23)


def build_layer(config: Decoder, *, seed: int | None = None) -> onnx.ModelProto:
    """One layer over a prompt, its attention in pieces as onnxruntime runs it: scores, softmax and context."""
    g = GraphWriter(f"{config.name}-layer", seed)
    hidden = g.input("hidden", (BATCH, SEQ, config.width))
    mask = g.input("causal_mask", (1, 1, SEQ, SEQ))
    with g.scope("layer"):
        stream = _block(g, config, _Stream(hidden), _Plain(mask))
        added = g.node("Add", stream.added, stream.bias) if stream.bias else stream.added
        hidden = g.node("Add", added, stream.residual)
    g.output(hidden, "output", (BATCH, SEQ, config.width))
    return g.model(opset=23)


@dataclass(frozen=True)
class _Stream:
    """The residual stream between two norms: what it was, and what is to be added to it (with a bias, if any)."""

    residual: str
    added: str = ""
    bias: str = ""


@dataclass(frozen=True)
class _Cached:
    """Attention by onnxruntime's operator, which extends a cache."""

    layer: int
    past: tuple[str, ...]
    lengths: str
    total: str

    def write(self, g: GraphWriter, config: Decoder, hidden: str) -> str:
        own = (config.own_heads + 2 * config.own_kv_heads) * config.size
        packed = _linear(g, config, "qkv", hidden, config.width, own)
        angles = _angles(g, config) if config.rotary else ()
        context, *present = g.nodes_out(
            "GroupQueryAttention", 3, packed, "", "", *self.past, self.lengths, self.total, *angles,
            domain=MICROSOFT, num_heads=config.own_heads, kv_num_heads=config.own_kv_heads,
            do_rotary=int(config.rotary),
        )  # fmt: skip
        for name, value in zip(("key", "value"), present, strict=True):
            shape = (BATCH, config.own_kv_heads, TOTAL, config.size)
            g.output(value, f"present.{self.layer}.{name}", shape, config.cache)
        return context


@dataclass(frozen=True)
class _Plain:
    """Attention in pieces, over the prompt alone."""

    mask: str

    def write(self, g: GraphWriter, config: Decoder, hidden: str) -> str:
        if config.rotary or config.own_kv_heads != config.own_heads:
            raise ValueError(f"{config.name}: attention in pieces has no rotation, and keys and values for every head")
        own = config.own_heads * config.size
        query, key, value = (_linear(g, config, n, hidden, config.width, own) for n in ("q", "k", "v"))
        query, value = (_split_heads(g, config, part, [0, 2, 1, 3]) for part in (query, value))
        scale = config.size**-0.5
        key = _split_heads(g, config, key, [0, 2, 3, 1])
        scores = g.node("FusedMatMul", query, key, domain=MICROSOFT, alpha=scale)
        weights = g.node("BiasSoftmax", scores, self.mask, domain=MICROSOFT, axis=3, is_inner_broadcast=0)
        merged = g.node("Transpose", g.node("MatMul", weights, value), perm=[0, 2, 1, 3])
        return g.node("Reshape", merged, g.ints(0, 0, own))


def _write_head(g: GraphWriter, config: Decoder, stream: _Stream) -> None:
    """The logits of the last token: each rank's words, gathered."""
    hidden, _ = _norm(g, config, "norm", stream)
    hidden = g.node("Slice", hidden, g.ints(-1), g.ints(2**31 - 1), g.ints(1))
    with g.scope("head"):
        if config.tied and config.ranks == 1:
            table = g.node("Transpose", "embedding", perm=[1, 0])
        else:
            table = g.weight("weight", config.width, config.own_vocabulary)
        logits = g.node("MatMul", hidden, table)
        if config.ranks > 1:
            logits = g.node("AllGather", logits, domain=MICROSOFT, group_size=config.ranks, axis=2)
    g.output(logits, "logits", (BATCH, 1, config.own_vocabulary * config.ranks))


def _embedded(g: GraphWriter, config: Decoder, ids: str) -> str:
    hidden = g.node("Gather", g.weight("embedding", config.vocabulary, config.width), ids, axis=0)
    if config.rotary:
        return hidden
    places = g.input("position_ids", (BATCH, SEQ), TensorProto.INT64)
    table = g.weight("positions", config.positions, config.width)
    return g.node("Add", hidden, g.node("Gather", table, places, axis=0))


def _block(g: GraphWriter, config: Decoder, stream: _Stream, attention: _Cached | _Plain) -> _Stream:
    with g.scope("attention"):
        hidden, residual = _norm(g, config, "norm", stream)
        context = attention.write(g, config, hidden)
        stream = _reduced(g, config, "out", context, config.own_heads * config.size, residual)
    with g.scope("mlp"):
        hidden, residual = _norm(g, config, "norm", stream)
        if config.experts:
            return _Stream(residual, _summed(g, config, _mixture(g, config, hidden)))
        inner = _inner(g, config, hidden)
        return _reduced(g, config, "down", inner, config.own_inner, residual)


def _inner(g: GraphWriter, config: Decoder, hidden: str) -> str:
    own = config.own_inner
    if not config.gated:
        return _gelu(g, _linear(g, config, "up", hidden, config.width, own))
    both = _linear(g, config, "gate_up", hidden, config.width, 2 * own)
    gate, up = g.nodes_out("Split", 2, both, g.ints(own, own), axis=2)
    return g.node("Mul", g.node("Mul", gate, g.node("Sigmoid", gate)), up)


def _mixture(g: GraphWriter, config: Decoder, hidden: str) -> str:
    """Experts of which each rank has a part; every token goes through those that the router picks."""
    own, width, experts = config.own_inner, config.width, config.experts
    with g.scope("router"):
        scores = g.node("MatMul", g.node("Reshape", hidden, g.ints(-1, width)), g.weight("weight", width, experts))
    with g.scope("experts"):
        first = g.weight("gate" if config.gated else "up", experts, own, width)
        down = g.weight("down", experts, width, own)
        beside = ["", g.weight("up", experts, own, width)] if config.gated else []
        return g.node("MoE", hidden, scores, first, "", down, *beside, domain=MICROSOFT, k=config.picked,
                      activation_type="silu" if config.gated else "gelu", normalize_routing_weights=1)  # fmt: skip


def _summed(g: GraphWriter, config: Decoder, product: str) -> str:
    """A product of this rank's part, summed over ranks."""
    return g.node("AllReduce", product, domain=MICROSOFT, group_size=config.ranks) if config.ranks > 1 else product


def _reduced(g: GraphWriter, config: Decoder, name: str, value: str, width: int, residual: str) -> _Stream:
    """The product with this rank's rows of a weight, summed over ranks; the bias is added once, after the sum."""
    product = _summed(g, config, _linear(g, replace(config, bias=False), name, value, width, config.width))
    with g.scope(name):
        return _Stream(residual, product, g.weight("bias", config.width) if config.bias else "")


def _linear(g: GraphWriter, config: Decoder, name: str, value: str, width: int, out: int) -> str:
    with g.scope(name):
        product = g.node("MatMul", value, g.weight("weight", width, out))
        return g.node("Add", product, g.weight("bias", out)) if config.bias else product


def _norm(g: GraphWriter, config: Decoder, name: str, stream: _Stream) -> tuple[str, str]:
    """The norm of the stream and the stream itself; both leave one kernel, as servers run it."""
    with g.scope(name):
        scale = g.weight("weight", config.width)
        offset = [] if config.rms else [g.weight("bias", config.width)]
        if not stream.added:
            kind = "RMSNormalization" if config.rms else "LayerNormalization"
            return g.node(kind, stream.residual, scale, *offset, axis=-1, epsilon=1e-5), stream.residual
        bias = [stream.bias] if stream.bias else []
        kind = "SkipSimplifiedLayerNormalization" if config.rms else "SkipLayerNormalization"
        normed, _, _, total = g.nodes_out(
            kind, 4, stream.added, stream.residual, scale, *offset, *bias, domain=MICROSOFT, epsilon=1e-5
        )
        return normed, total


def _gelu(g: GraphWriter, value: str) -> str:
    with g.scope("act"):
        return g.node("FastGelu", value, domain=MICROSOFT)


def _angles(g: GraphWriter, config: Decoder) -> tuple[str, str]:
    """Tables of cosines and sines by position."""
    shape = (config.positions, config.size // 2)
    path, g.path = g.path, ()
    tables = g.weight("rotary.cos", *shape), g.weight("rotary.sin", *shape)
    g.path = path
    return tables


def _split_heads(g: GraphWriter, config: Decoder, value: str, perm: list[int]) -> str:
    shape = g.constant((0, 0, config.own_heads, config.size), np.int64)
    return g.node("Transpose", g.node("Reshape", value, shape), perm=perm)
