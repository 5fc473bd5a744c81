"""Expected shapes of operators whose output size depends on data: the user's, else a documented default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, prod

import onnx

from mapper.errors import ModelError
from mapper.frontend.facts import Fact, Node
from mapper.frontend.file.nodes import label
from mapper.frontend.walk.sizes_text import TEXT_SIZES
from mapper.frontend.walk.walk import Walk, key_of
from mapper.ir.graph import Shape

_I64 = onnx.TensorProto.INT64
_LARGEST = "the largest possible"

Inputs = Sequence[Fact | None]
Typed = tuple[int, Shape]


@dataclass(frozen=True, slots=True)
class Size:
    """A size that depends on data. most: the largest it can be; about, default: see `Expectation`."""

    about: str
    assumed: int
    most: int | None
    default: str
    shapes: Callable[[int], list[Typed]]


def expected(node: Node, inputs: Inputs, walk: Walk) -> list[Typed] | None:
    """Types and shapes of the node's outputs with the expected size; None for a node without such a size."""
    rule = _RULES.get(node.op_type) if not node.domain else None
    size = rule(node, inputs, walk) if rule is not None else None
    text = TEXT_SIZES.get((node.domain, node.op_type))
    if text is not None:
        size = Size(*text(node, inputs))
    if size is None or any(f is not None and f.parts is not None for f in inputs):
        return None  # what is known of its operands says more
    key = key_of(node)
    taken = walk.shop.expectations.take(key, size.about, size.assumed, size.default)
    if taken < 0 or (size.most is not None and taken > size.most):
        raise ModelError(
            f"--expect {key}={taken}: {label(node)} makes 0 to {size.most} of them", hint="give a size in that range"
        )
    return size.shapes(taken)


def _data(inputs: Inputs, index: int = 0) -> tuple[int, Shape] | None:
    fact = inputs[index] if index < len(inputs) else None
    return None if fact is None or fact.shape is None else (fact.elem, fact.shape)


def _number(inputs: Inputs, index: int) -> int | None:
    fact = inputs[index] if index < len(inputs) else None
    if fact is None or fact.data is None or not fact.data.size or fact.data.dtype.kind not in "iu":
        return None
    return int(fact.data.reshape(-1)[0])


def _true_share(name: str, count: int, walk: Walk) -> tuple[int, str]:
    """How many of a mask's elements are expected to be true, and why."""
    share = walk.shares.get(name)
    if share is None or share.ones is None or share.ones in (0, 1):
        return count, _LARGEST
    wanted = float(share.ones) * count
    before = walk.drawn.get(share.root, 0.0)  # rest of earlier draws: all experts together get what the router deals
    walk.drawn[share.root] = before + wanted
    taken = _up(before + wanted) - _up(before)
    return taken, f"a share of {float(share.ones):.4g} of {count}, as its mask comes from a one-hot or a top-k"


def _up(value: float) -> int:
    return ceil(value - 1e-6)


def _non_zero(node: Node, inputs: Inputs, walk: Walk) -> Size | None:
    data = _data(inputs)
    if data is None:
        return None
    shape, count = data[1], prod(data[1])
    assumed, why = _true_share(node.inputs[0], count, walk)
    return Size("elements that are not zero", assumed, count, why, lambda n: [(_I64, (len(shape), n))])


def _unique(node: Node, inputs: Inputs, walk: Walk) -> Size | None:
    data = _data(inputs)
    if data is None:
        return None
    elem, shape = data
    axis = node.attr("axis")
    if axis is not None and not -len(shape) <= int(axis) < len(shape):
        return None
    whole = prod(shape) if axis is None else shape[int(axis)]

    def shapes(n: int) -> list[Typed]:
        kept = (n,) if axis is None else _with(shape, int(axis), n)
        return [(elem, kept), (_I64, (n,)), (_I64, (whole,)), (_I64, (n,))]

    return Size("different entries", whole, whole, _LARGEST, shapes)


def _compress(node: Node, inputs: Inputs, walk: Walk) -> Size | None:
    data, condition = _data(inputs), _data(inputs, 1)
    if data is None or condition is None:
        return None
    elem, shape = data
    axis = node.attr("axis")
    if axis is not None and not -len(shape) <= int(axis) < len(shape):
        return None
    whole = min(prod(shape) if axis is None else shape[int(axis)], prod(condition[1]))
    assumed, why = _true_share(node.inputs[1], whole, walk)
    return Size(
        "entries kept", assumed, whole, why, lambda n: [(elem, (n,) if axis is None else _with(shape, int(axis), n))]
    )


def _boxes(node: Node, inputs: Inputs, walk: Walk) -> Size | None:
    boxes, scores = _data(inputs), _data(inputs, 1)
    if boxes is None or scores is None or len(boxes[1]) != 3 or len(scores[1]) != 3:
        return None
    limit = _number(inputs, 2)
    each = boxes[1][1] if limit is None else max(min(limit, boxes[1][1]), 0)
    most = scores[1][0] * scores[1][1] * each
    default = _LARGEST if limit is None else "max_output_boxes_per_class, for all classes and pictures"
    return Size("boxes selected", most, most, default, lambda n: [(_I64, (n, 3))])


def _top(node: Node, inputs: Inputs, walk: Walk) -> Size | None:
    data = _data(inputs)
    if data is None or not data[1]:
        return None
    elem, shape = data
    axis = int(node.attr("axis", -1))
    if not -len(shape) <= axis < len(shape):
        return None
    return Size(
        "entries picked by TopK", shape[axis], shape[axis], _LARGEST,
        lambda n: [(elem, _with(shape, axis, n)), (_I64, _with(shape, axis, n))],
    )  # fmt: skip


def _slice(node: Node, inputs: Inputs, walk: Walk) -> Size | None:
    """A slice whose bounds are not known is taken whole; one size serves if it has one axis."""
    data = _data(inputs)
    if data is None or len(inputs) < 3 or inputs[1] is None or inputs[1].shape is None:
        return None
    elem, shape = data
    stated = inputs[3].data if len(inputs) > 3 and inputs[3] is not None else None
    if len(inputs) > 3 and inputs[3] is not None and stated is None:
        return None
    axes = list(range(prod(inputs[1].shape))) if stated is None else [int(a) for a in stated.reshape(-1)]
    if not axes or any(not -len(shape) <= a < len(shape) for a in axes):
        return None
    if len(axes) > 1:
        return Size("entries of the first axis that is sliced", shape[axes[0]], shape[axes[0]], _LARGEST,
                    lambda n: [(elem, _with(shape, axes[0], n))])  # fmt: skip
    return Size(
        "entries of the slice", shape[axes[0]], shape[axes[0]], _LARGEST, lambda n: [(elem, _with(shape, axes[0], n))]
    )


def _expand(node: Node, inputs: Inputs, walk: Walk) -> Size | None:
    """An unknown target is taken to be no larger than the data, but for its first dim."""
    data, target = _data(inputs), _data(inputs, 1)
    if data is None or target is None or len(target[1]) != 1:
        return None
    elem, shape = data
    whole = (1,) * (target[1][0] - len(shape)) + shape
    if not whole or whole[0] != 1:
        return None if not whole else Size("rows of the target shape", whole[0], None, "those of its data",
                                           lambda n: [(elem, (max(n, whole[0]), *whole[1:]))])  # fmt: skip
    return Size("rows of the target shape", 1, None, "those of its data", lambda n: [(elem, (n, *whole[1:]))])


def _with(shape: Shape, axis: int, size: int) -> Shape:
    axis %= len(shape)
    return (*shape[:axis], size, *shape[axis + 1 :])


_RULES: dict[str, Callable[[Node, Inputs, Walk], Size | None]] = {
    "Compress": _compress,
    "Expand": _expand,
    "NonMaxSuppression": _boxes,
    "NonZero": _non_zero,
    "Slice": _slice,
    "TopK": _top,
    "Unique": _unique,
}
