"""What shape rules are made of: reading input facts, broadcasting, matrix products, and the plainest rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx

from mapper.frontend.facts import Fact, Node
from mapper.ir.graph import Shape

I32, I64, U8, U32, F32, BOOL = (
    onnx.TensorProto.INT32, onnx.TensorProto.INT64, onnx.TensorProto.UINT8, onnx.TensorProto.UINT32,
    onnx.TensorProto.FLOAT, onnx.TensorProto.BOOL,
)  # fmt: skip

Typed = tuple[int, Shape | None]
"""Element type and shape of an output; the shape is None where it depends on data."""

Inputs = Sequence[Fact | None]
Rule = Callable[[Node, Inputs], list[Typed]]


class RuleError(ValueError):
    """Why a rule cannot tell the shape of an output."""


def shape_at(inputs: Inputs, index: int) -> Shape | None:
    """The shape of an input; None if it is omitted."""
    fact = inputs[index] if index < len(inputs) else None
    return None if fact is None else fact.shape


def need(inputs: Inputs, index: int) -> Fact:
    """An input that must be there."""
    fact = inputs[index] if index < len(inputs) else None
    if fact is None or fact.shape is None:
        raise RuleError(f"input {index} is missing")
    return fact


def shape_of(inputs: Inputs, index: int, rank: int | None = None) -> Shape:
    """The shape of an input that must be there, of the given rank."""
    shape = need(inputs, index).shape
    assert shape is not None
    if rank is not None and len(shape) != rank:
        raise RuleError(f"input {index} has {len(shape)} dims, not {rank}")
    return shape


def elem_of(inputs: Inputs, index: int) -> int:
    """The element type of an input that must be there."""
    return need(inputs, index).elem


def integers_at(inputs: Inputs, index: int) -> tuple[int, ...] | None:
    """The numbers of an input where they are known."""
    fact = inputs[index] if index < len(inputs) else None
    if fact is None or fact.data is None or fact.data.dtype == object:
        return None
    return tuple(int(x) for x in fact.data.reshape(-1))


def positive(node: Node, name: str, default: int = 1) -> int:
    """An attribute that counts something; 0 and below are refused."""
    found = int(node.attr(name, default))
    if found < 1:
        raise RuleError(f"attribute '{name}' is {found}, not a count of 1 or more")
    return found


def same(node: Node, inputs: Inputs) -> list[Typed]:
    """All outputs are like the first input."""
    return [(elem_of(inputs, 0), shape_of(inputs, 0))] * max(len(node.outputs), 1)


def like(*indices: int) -> Rule:
    """Each output is like the input of the given index."""

    def rule(node: Node, inputs: Inputs) -> list[Typed]:
        outputs: list[Typed] = []
        for _, index in zip(node.outputs, indices, strict=False):
            fact = inputs[index] if index < len(inputs) else None
            outputs.append((0, None) if fact is None else (fact.elem, fact.shape))
        return outputs

    return rule


def broadcasting(*indices: int, elem: int | None = None, elem_from: int = 0) -> Rule:
    """The numpy broadcast of the inputs of these indices; of type `elem`, or that of the input `elem_from`."""

    def rule(node: Node, inputs: Inputs) -> list[Typed]:
        shape: Shape = ()
        for index in indices:
            shape = broadcast(shape, shape_of(inputs, index))
        return [(elem_of(inputs, elem_from) if elem is None else elem, shape)]

    return rule


def broadcast(a: Shape, b: Shape) -> Shape:
    """The numpy broadcast of two shapes."""
    try:
        return tuple(np.broadcast_shapes(a, b))
    except ValueError:
        raise RuleError(f"{list(a)} and {list(b)} do not broadcast") from None


def product(a: Shape, b: Shape) -> Shape:
    """The shape of numpy.matmul, vectors included."""
    if not a or not b:
        raise RuleError("a matrix product of a scalar")
    left, right = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    if left[-1] != right[-2]:
        raise RuleError(f"inner sizes differ: {left[-1]} and {right[-2]}")
    whole = (*broadcast(left[:-2], right[:-2]), left[-2], right[-1])
    if len(a) == 1:
        whole = (*whole[:-2], whole[-1])
    return whole[:-1] if len(b) == 1 else whole


def swap(shape: Shape, swapped: int) -> Shape:
    """The shape with its last two dims exchanged, if asked for."""
    return (*shape[:-2], shape[-1], shape[-2]) if swapped and len(shape) > 1 else shape


def reduced(shape: Shape, axes: Sequence[int], keep: bool) -> Shape:
    """The shape after a reduction over axes; no axes means all."""
    rank = len(shape)
    dropped = {axis % rank for axis in axes} if axes and rank else set(range(rank))
    if keep:
        return tuple(1 if i in dropped else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in dropped)
