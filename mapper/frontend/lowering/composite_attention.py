"""Attention operators that hold their projections: matmuls, then the attention."""

from __future__ import annotations

from collections.abc import Callable

from mapper.frontend.lowering.composite_parts import Parts, columns_of, trimmed, type_of


def _joint(weight_inputs: tuple[int, ...], rest: tuple[int, ...], typed_by: int = 0) -> Callable[[Parts], None]:
    """Attention whose queries, keys and values come from one projection of the first input."""

    def make(parts: Parts) -> None:
        projected = parts.project(
            "qkv", parts.inputs(0, *weight_inputs), columns_of(parts, 1), type_of(parts, typed_by)
        )
        others = tuple(parts.input(i) for i in rest)
        parts.add("", "attention", (projected, *trimmed(others)), parts.node.outputs)

    return make


def _longformer(parts: Parts) -> None:
    """Every token is projected twice: for the tokens near it, and for the few that all attend to."""
    first = 2 if parts.node.op_type.startswith("QOrdered") else 1
    places = (first, first + 2, 8, 10, 7, 12) if first == 2 else (1, 2, 4, 5, 3, 6)
    weight, bias, other, other_bias, mask, marks = places
    columns, dtype = columns_of(parts, weight), type_of(parts, 0)
    near = parts.project("qkv", parts.inputs(0, weight, bias), columns, dtype)
    far = parts.project("global_qkv", parts.inputs(0, other, other_bias), columns, dtype)
    parts.add("", "attention", (near, far, *parts.inputs(mask, marks)), parts.node.outputs)


def _three(parts: Parts) -> None:
    """QOrderedAttention: a weight and a bias each for queries, keys and values."""
    made = [
        parts.project(suffix, parts.inputs(0, 5 + i, 11 + i), columns_of(parts, 5 + i), type_of(parts, 0))
        for i, suffix in enumerate(("query", "key", "value"))
    ]
    parts.add("", "attention", (*made, *parts.inputs(17, 18, 19)), parts.node.outputs)


def _decoder(parts: Parts) -> None:
    """DecoderAttention: queries from one input, keys and values from another."""
    query = parts.project("query", parts.inputs(0, 2, 4), columns_of(parts, 2), type_of(parts, 0))
    both = parts.project("kv", parts.inputs(1, 3), columns_of(parts, 3), type_of(parts, 0))
    parts.add("", "attention", (query, both, *parts.inputs(5, 6, 7)), parts.node.outputs)


ATTENTION: dict[str, Callable[[Parts], None]] = {
    "Attention": _joint((1, 2), (3, 4, 5, 6)),
    "DecoderAttention": _decoder,
    "DecoderMaskedSelfAttention": _joint((1, 2), (3, 4, 5, 6, 7, 8)),
    "LongformerAttention": _longformer,
    "PackedAttention": _joint((1, 2), (3, 4, 5)),
    "QAttention": _joint((1, 2, 3, 4, 6, 7), (5, 8), typed_by=3),
    "QOrderedAttention": _three,
    "QOrderedLongformerAttention": _longformer,
}
"""By operator of com.microsoft."""
