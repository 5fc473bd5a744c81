"""Operators that hold several ops of the vocabulary: projections before attention, gated pairs, mixtures of experts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Protocol

import numpy as np

from mapper.frontend.einsum import Contraction, Equation, as_matmul
from mapper.frontend.facts import Node
from mapper.frontend.known import Known, size_of
from mapper.frontend.rules_matmul import fused_operands
from mapper.frontend.vocabulary import MICROSOFT
from mapper.hw.work import DType, Role
from mapper.ir.graph import Attr, Op, Value
from mapper.ir.kinds import expected_experts

Attrs = tuple[tuple[str, Attr], ...]
_BITS = {1: DType.I2, 2: DType.I2, 4: DType.I4, 8: DType.I8}


class Store(Known, Protocol):
    """What the lowering offers to those who make several ops of a node."""

    extra: dict[str, Value]
    stored: dict[str, Value]

    def value(self, name: str) -> Value:
        """The value with its dims named."""
        ...

    def resolve(self, name: str) -> str:
        """The value that stands for this one."""
        ...


@dataclass(slots=True)
class Parts:
    """The ops that one node becomes, in the making. inputs: the node's, resolved; "" where left out."""

    store: Store
    node: Node
    name: str
    attrs: Attrs
    ops: list[Op] = field(default_factory=list)

    def input(self, index: int) -> str:
        """The node's input, or "" if it is left out."""
        names = self.node.inputs
        return self.store.resolve(names[index]) if index < len(names) and names[index] else ""

    def inputs(self, *indices: int) -> tuple[str, ...]:
        """Those of the node's inputs that are there."""
        return tuple(filter(None, map(self.input, indices)))

    def between(self, suffix: str, shape: tuple[int | str, ...], dtype: DType) -> str:
        """A new value inside the node."""
        name = f"{next(filter(None, self.node.outputs), self.name)}.{suffix}"
        self.store.extra[name] = Value(name, shape, dtype, Role.ACTIVATION)
        return name

    def add(self, suffix: str, kind: str, inputs: tuple[str, ...], outputs: tuple[str, ...], **attrs: Attr) -> None:
        """Adds an op; the last one, with no suffix, bears the node's own name and attributes."""
        name = f"{self.name}.{suffix}" if suffix else self.name
        own = tuple((key, value) for key, value in self.attrs if key in ("op_type", "domain"))
        found = (*own, *attrs.items()) if suffix or attrs else self.attrs
        self.ops.append(Op(name, kind, inputs, outputs, found, (self.node.name or self.name,)))

    def project(self, suffix: str, inputs: tuple[str, ...], columns: int, dtype: DType, **attrs: Attr) -> str:
        """A matmul of the first input, whose columns become `columns`."""
        data = self.store.value(inputs[0])
        out = self.between(suffix, (*data.shape[:-1], columns), dtype)
        self.add(suffix, "matmul", inputs, (out,), **attrs)
        return out


def _columns(parts: Parts, index: int, dim: int = -1) -> int:
    return parts.store.shapes(parts.node.inputs[index])[0][dim]


def _type(parts: Parts, index: int) -> DType:
    return parts.store.value(parts.input(index)).dtype


def _joint(weight_inputs: tuple[int, ...], rest: tuple[int, ...], typed_by: int = 0) -> Callable[[Parts], None]:
    """Attention whose queries, keys and values come from one projection of the first input."""

    def make(parts: Parts) -> None:
        projected = parts.project("qkv", parts.inputs(0, *weight_inputs), _columns(parts, 1), _type(parts, typed_by))
        others = tuple(parts.input(i) for i in rest)
        parts.add("", "attention", (projected, *_trimmed(others)), parts.node.outputs)

    return make


def _trimmed(names: tuple[str, ...]) -> tuple[str, ...]:
    while names and not names[-1]:
        names = names[:-1]
    return names


def _longformer(parts: Parts) -> None:
    """Every token is projected twice: for the tokens near it, and for the few that all attend to."""
    first = 2 if parts.node.op_type.startswith("QOrdered") else 1
    places = (first, first + 2, 8, 10, 7, 12) if first == 2 else (1, 2, 4, 5, 3, 6)
    weight, bias, other, other_bias, mask, marks = places
    columns, dtype = _columns(parts, weight), _type(parts, 0)
    near = parts.project("qkv", parts.inputs(0, weight, bias), columns, dtype)
    far = parts.project("global_qkv", parts.inputs(0, other, other_bias), columns, dtype)
    parts.add("", "attention", (near, far, *parts.inputs(mask, marks)), parts.node.outputs)


def _three(parts: Parts) -> None:
    """QOrderedAttention: a weight and a bias each for queries, keys and values."""
    made = [
        parts.project(suffix, parts.inputs(0, 5 + i, 11 + i), _columns(parts, 5 + i), _type(parts, 0))
        for i, suffix in enumerate(("query", "key", "value"))
    ]
    parts.add("", "attention", (*made, *parts.inputs(17, 18, 19)), parts.node.outputs)


def _decoder(parts: Parts) -> None:
    """DecoderAttention: queries from one input, keys and values from another."""
    query = parts.project("query", parts.inputs(0, 2, 4), _columns(parts, 2), _type(parts, 0))
    both = parts.project("kv", parts.inputs(1, 3), _columns(parts, 3), _type(parts, 0))
    parts.add("", "attention", (query, both, *parts.inputs(5, 6, 7)), parts.node.outputs)


# Block-quantised projections that share their input.


def store_blocks(store: Store, weight: str, n: int, k: int, bits: int) -> None:
    """A block-quantised weight [n, blocks, bytes] is the matrix [n, k] in so many bits."""
    store.stored[weight] = Value(weight, (n, k), _BITS.get(bits, DType.I4), Role.WEIGHT)


def _normed(parts: Parts, skip: int, scale: int, total: str) -> str:
    """The input after the norm that the node holds, if it holds one."""
    if not parts.input(scale):
        return parts.input(0)
    data = parts.store.value(parts.input(0))
    out = parts.between("normed", data.shape, data.dtype)
    results = (out, "", "", total) if total else (out,)
    width = size_of(parts.store, [s[-1] for s in parts.store.shapes(parts.node.inputs[0])])
    epsilon = float(parts.node.attr("epsilon", 1e-5))
    parts.add("norm", "norm", parts.inputs(0, skip, scale), results, width=width, epsilon=epsilon)
    return out


def _block_projection(parts: Parts, suffix: str, data: str, first: int, columns: int) -> str:
    weight, bits = parts.input(first), int(parts.node.attr("bits", 4))
    store_blocks(parts.store, weight, columns, int(parts.node.attr("K", 0)), bits)
    inputs = (data, *parts.inputs(first, first + 1, first + 2))
    return parts.project(suffix, inputs, columns, _type(parts, 0), trans_a=0, trans_b=1)


def _gated(parts: Parts) -> None:
    """MatMulNBitsMlp: activation(gate) * up."""
    out, total = (*parts.node.outputs, "")[:2]
    data, columns = _normed(parts, 1, 2, total), int(parts.node.attr("N", 0))
    gate = _block_projection(parts, "gate", data, 3, columns)
    up = _block_projection(parts, "up", data, 6, columns)
    parts.add("", "elementwise", (gate, up), (out,), fn="swiglu")


def _queries_keys_values(parts: Parts) -> None:
    """MatMulNBitsQkv: three projections of one normed input."""
    names = (*parts.node.outputs, "", "", "")[:4]
    data = _normed(parts, 1, 2, names[3])
    queries, others = int(parts.node.attr("Nq", 0)), int(parts.node.attr("Nkv", 0))
    for i, (suffix, columns) in enumerate((("query", queries), ("key", others), ("value", others))):
        made = _block_projection(parts, suffix, data, 3 + 3 * i, columns)
        if names[i]:
            last = parts.ops.pop()
            parts.store.extra.pop(made)
            parts.ops.append(Op(last.name, last.kind, last.inputs, (names[i],), last.attrs, last.origin))


# Mixtures of experts.


def _mixture(parts: Parts) -> None:
    """MoE and QMoE: each token goes through its k experts; their products touch only the experts that are picked."""
    node, store = parts.node, parts.store
    places = (2, 5, 8) if node.op_type == "QMoE" else (2, 4, 6)
    tokens = [prod(s[:-1]) for s in store.shapes(node.inputs[0])]
    picked = max(int(node.attr("k", 1)), 1)
    experts, width = _columns(parts, 1), store.shapes(node.inputs[0])[0][-1]
    inner = _inner_width(parts, places[1], width)
    wide = _columns(parts, places[0], 1)
    rows = size_of(store, [t * picked for t in tokens])
    active = size_of(store, [expected_experts(experts, picked, t) for t in tokens])
    mixed: dict[str, Attr] = {"experts": experts, "picked": picked, "active": active, "trans_a": 0, "trans_b": 1}
    dtype, routes = _type(parts, 0), _routes(parts, rows)

    def expert(suffix: str, data: str, place: int, columns: int, depth: int) -> str:
        weight = parts.input(place)
        if node.op_type == "QMoE":
            bits = int(node.attr("expert_weight_bits", 4))
            store.stored[weight] = Value(weight, (experts, columns, depth), _BITS.get(bits, DType.I4), Role.WEIGHT)
        sides = (weight, *parts.inputs(*range(place + 1, place + (3 if node.op_type == "QMoE" else 2))))
        out = parts.between(suffix, (rows, columns), dtype)
        parts.add(suffix, "matmul", (data, *sides, routes), (out,), **mixed)
        return out

    hidden = expert("fc1", parts.input(0), places[0], wide, width)
    function = str(node.attr("activation_type", "relu"))
    if wide == 2 * inner:
        gated = parts.between("act", (rows, inner), dtype)
        parts.add("act", "elementwise", (hidden,), (gated,), fn="swiglu", shape="own")
    else:
        sides = [hidden, expert("fc3", parts.input(0), places[2], wide, width)] if parts.input(places[2]) else [hidden]
        gated = parts.between("act", (rows, inner), dtype)
        fn = "swiglu" if len(sides) > 1 else function
        parts.add("act", "elementwise", tuple(sides), (gated,), fn=fn)
    result = expert("fc2", gated, places[1], width, inner)
    parts.add("", "reduce", (result, routes), node.outputs, axes=(0,), keepdims=0)


def _inner_width(parts: Parts, place: int, width: int) -> int:
    """Width between the two products: the columns of the second one's weight, unpacked."""
    stored = _columns(parts, place)
    if parts.node.op_type != "QMoE":
        return stored
    rows = parts.store.shapes(parts.node.inputs[place])[0][1]
    bits = int(parts.node.attr("expert_weight_bits", 4))
    return stored * 8 // bits if rows == width else stored


def _routes(parts: Parts, rows: int | str) -> str:
    """Which expert each row goes to, from the router's scores."""
    routes = parts.between("routes", (rows,), DType.I32)
    parts.add("route", "sort", parts.inputs(1), (routes,))
    return routes


# Products with sizes of their own.


def _sized(parts: Parts, contraction: Contraction, sizes: dict[str, list[int]]) -> dict[str, Attr]:
    """The sizes of a matmul whose operands lie in another order than numpy's."""
    found: dict[str, Attr] = {}
    samples = range(len(next(iter(sizes.values()), [1])))
    for name in ("batch", "m", "n", "k"):
        letters = getattr(contraction, name)
        found[name] = size_of(parts.store, [prod(sizes[c][i] for c in letters) for i in samples])
    return found


def _einsum(parts: Parts) -> None:
    """Einsum: operands meet in pairs from the left, each pair a batched matrix product; one alone is rearranged."""
    node, store = parts.node, parts.store
    shapes = [store.shapes(n) for n in node.inputs]
    equation = Equation.of(node.attr("equation", ""), [len(s[0]) for s in shapes])
    sizes = _letter_sizes(equation, shapes)
    left, data, dtype = equation.terms[0], parts.input(0), _type(parts, 0)
    if len(equation.terms) == 1:
        _rearrange(parts, equation)
    for index, right in enumerate(equation.terms[1:], start=1):
        later = "".join(equation.terms[index + 1 :]) + equation.out
        last = index == len(equation.terms) - 1
        contraction = Contraction.of(left, right, later)
        kept = equation.out if last else contraction.batch + contraction.m + contraction.n
        suffix = "" if last else f"pair{index}"
        shape = tuple(size_of(store, sizes[c]) for c in kept)
        out = node.outputs[0] if last else parts.between(suffix, shape, dtype)
        operands = (data, parts.input(index))
        if contraction.k:
            parts.add(suffix, "matmul", operands, (out,), **_sized(parts, contraction, sizes))
        else:
            parts.add(suffix, "elementwise", operands, (out,), fn="mul", shape="own")
        left, data = kept, out


def _letter_sizes(equation: Equation, shapes: list[list[tuple[int, ...]]]) -> dict[str, list[int]]:
    """The size of each letter at each sample; a dim of 1 is stretched."""
    sizes: dict[str, list[int]] = {}
    for term, samples in zip(equation.terms, shapes, strict=True):
        for place, letter in enumerate(term):
            column = [shape[place] for shape in samples]
            sizes[letter] = [max(a, b) for a, b in zip(sizes.get(letter, column), column, strict=True)]
    return sizes


def _rearrange(parts: Parts, equation: Equation) -> None:
    term, out = equation.terms[0], equation.out
    if sorted(term) == sorted(out):
        parts.add("", "move", parts.inputs(0), parts.node.outputs, perm=tuple(term.index(c) for c in out))
    elif len(set(term)) == len(term):
        axes = tuple(i for i, c in enumerate(term) if c not in out)
        parts.add("", "reduce", parts.inputs(0), parts.node.outputs, axes=axes, keepdims=0)
    else:
        parts.add("", "gather", parts.inputs(0), parts.node.outputs, axis=0)


def _batch_first(parts: Parts) -> None:
    """FusedMatMul with transBatch: the batch lies between rows and columns."""
    node = parts.node
    a, b = (parts.store.shapes(n) for n in node.inputs[:2])
    pairs = [fused_operands(node, x, y) for x, y in zip(a, b, strict=True)]
    columns = {
        "batch": [prod(np.broadcast_shapes(x[:-2], y[:-2])) for x, y in pairs],
        "m": [x[-2] for x, _ in pairs],
        "n": [y[-1] for _, y in pairs],
        "k": [x[-1] for x, _ in pairs],
    }
    sizes = {name: size_of(parts.store, column) for name, column in columns.items()}
    parts.add("", "matmul", parts.inputs(0, 1), node.outputs, **sizes, alpha=float(node.attr("alpha", 1.0)))


def _packed_weight(parts: Parts) -> None:
    """MatMulFpQ4: the weight is a blob of 4-bit blocks; its shape is an input."""
    k = parts.store.shapes(parts.node.inputs[0])[0][-1]
    n = parts.store.shapes(parts.node.outputs[0])[0][-1]
    weight = parts.input(1)
    parts.store.stored[weight] = Value(weight, (k, n), DType.I4, Role.WEIGHT)
    parts.add("", "matmul", (parts.input(0), weight), parts.node.outputs, trans_a=0, trans_b=0)


def _narrow_weight(parts: Parts) -> None:
    """MatMulBlockQuantizedFp4Weight: two numbers in a byte."""
    n = _columns(parts, 1, 0)
    weight = parts.input(1)
    parts.store.stored[weight] = Value(weight, (n, 2 * _columns(parts, 1)), DType.I4, Role.WEIGHT)
    parts.add("", "matmul", parts.inputs(*range(len(parts.node.inputs))), parts.node.outputs, trans_a=0, trans_b=1)


COMPOSITE: dict[str, Callable[[Parts], None]] = {
    "Attention": _joint((1, 2), (3, 4, 5, 6)),
    "DecoderAttention": _decoder,
    "DecoderMaskedSelfAttention": _joint((1, 2), (3, 4, 5, 6, 7, 8)),
    "LongformerAttention": _longformer,
    "MatMulBlockQuantizedFp4Weight": _narrow_weight,
    "MatMulFpQ4": _packed_weight,
    "MatMulNBitsMlp": _gated,
    "MatMulNBitsQkv": _queries_keys_values,
    "MoE": _mixture,
    "PackedAttention": _joint((1, 2), (3, 4, 5)),
    "QAttention": _joint((1, 2, 3, 4, 6, 7), (5, 8), typed_by=3),
    "QMoE": _mixture,
    "QOrderedAttention": _three,
    "QOrderedLongformerAttention": _longformer,
}
"""By operator of com.microsoft."""


def composite_of(node: Node) -> Callable[[Parts], None] | None:
    """How to make the ops of a node that holds several, or one with sizes of its own; None for all others."""
    if node.domain == "":
        plain = node.op_type != "Einsum" or (len(node.inputs) == 2 and as_matmul(node.attr("equation", "")))
        return None if plain else _einsum
    if node.domain not in MICROSOFT:
        return None
    if node.attr("transBatchA", 0) or node.attr("transBatchB", 0):
        return _batch_first
    return COMPOSITE.get(node.op_type)
