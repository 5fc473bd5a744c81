"""Which share of a mask is expected to be true: that of a one-hot over experts, followed from the router's TopK on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from mapper.frontend.facts import Fact, Node


@dataclass(frozen=True, slots=True)
class Share:
    """What is expected of a value's numbers.

    below: they are indices in 0..below-1, each as likely (0 where they are none). ones: the share that is not zero
    (None where not known). picks: so many in a row never coincide, the k of a TopK. root: where the mask comes from.
    hit: they are the indices of rows with a one among them, so large a share of all rows.
    """

    below: int = 0
    ones: Fraction | None = None
    picks: int = 1
    root: str = ""
    hit: Fraction | None = None


Shares = Mapping[str, Share]

_CARRIERS = frozenset({
    "Abs", "Cast", "CastLike", "Dropout", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity",
    "Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
})  # fmt: skip
"""Operators whose outputs have the numbers of their first input, in another order or some of them."""


def share_of(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    """What is expected of the node's outputs, None where nothing is."""
    if node.op_type in _CARRIERS:
        return _carried(node, shares)
    rule = _RULES.get(node.op_type)
    return rule(node, inputs, shares) if rule is not None else None


def share_matters(node: Node) -> bool:
    """Whether the node may make or hand on an expectation."""
    known = node.op_type in _CARRIERS or node.op_type in _RULES
    return known and not node.domain and bool(node.inputs and node.outputs)


def _carried(node: Node, shares: Shares) -> Share | None:
    """The same; rows picked by the indices of those that have a one hold more ones than the average."""
    share = shares.get(node.inputs[0]) if node.inputs else None
    index = shares.get(node.inputs[1]) if node.op_type == "Gather" and len(node.inputs) > 1 else None
    if share is None or share.ones is None or index is None or not index.hit:
        return share
    return replace(share, ones=min(share.ones / index.hit, Fraction(1)))


def _non_zero(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    share = shares.get(node.inputs[0])
    return Share(root=share.root, hit=share.ones) if share is not None and share.ones is not None else None


def _axis_size(node: Node, inputs: Sequence[Fact | None], default: int) -> int:
    shape = inputs[0].shape if inputs and inputs[0] is not None else None
    axis = int(node.attr("axis", default))
    return shape[axis] if shape and -len(shape) <= axis < len(shape) else 0


def _whole(inputs: Sequence[Fact | None], index: int) -> int | None:
    """The one whole number that an input is known to hold."""
    fact = inputs[index] if index < len(inputs) else None
    if fact is None or fact.data is None or fact.data.size != 1:
        return None
    number = float(fact.data.reshape(-1)[0]) if fact.data.dtype.kind in "iuf" else math.nan
    return int(number) if number.is_integer() else None


def _top(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    count = _whole(inputs, 1)
    picks = int(node.attr("k", 1)) if count is None else count
    below = _axis_size(node, inputs, -1)
    return Share(below, None, max(picks, 1), node.outputs[-1]) if below else None


def _arg_max(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    below = _axis_size(node, inputs, 0)
    return Share(below, None, 1, node.outputs[0]) if below else None


def _one_hot(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    depth = _whole(inputs, 1)
    if depth is None or depth < 1:
        return None
    picks = shares.get(node.inputs[0], Share()).picks
    return Share(0, Fraction(1, depth), picks, node.outputs[0])


def _equal(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    """Indices equal to an index: one of `below`; a mask equal to one is the mask, equal to zero its opposite."""
    if len(inputs) != 2:
        return None
    for name, other in ((node.inputs[0], 1), (node.inputs[1], 0)):
        share, against = shares.get(name), inputs[other]
        if share is None:
            continue
        if share.below:
            return Share(0, Fraction(1, share.below), share.picks, share.root)
        if share.ones is not None and against is not None and against.data is not None and against.data.size == 1:
            zero = not against.data.reshape(-1)[0]
            return replace(share, ones=1 - share.ones, picks=1) if zero else share
    return None


def _above_zero(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    """A mask compared with a number: still the mask."""
    share = shares.get(node.inputs[0])
    return share if share is not None and share.ones is not None else None


def _not(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    share = shares.get(node.inputs[0])
    return None if share is None or share.ones is None else replace(share, ones=1 - share.ones, picks=1)


def _both(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    """A mask times other numbers."""
    found = [s for s in map(shares.get, node.inputs) if s is not None and s.ones is not None]
    return min(found, key=lambda s: s.ones or 0, default=None)


def _any(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    """A sum or maximum over a mask: the share of rows with a one among them. Picks of a row never coincide."""
    share = shares.get(node.inputs[0])
    shape = inputs[0].shape if inputs and inputs[0] is not None else None
    if share is None or share.ones is None or shape is None:
        return None
    stated = node.attr("axes")
    if stated is None and len(inputs) > 1 and inputs[1] is not None and inputs[1].data is not None:
        stated = inputs[1].data.reshape(-1).tolist()
    axes = range(len(shape)) if stated is None else [int(a) for a in stated]
    if any(not -len(shape) <= a < len(shape) for a in axes):
        return None
    together = prod(shape[a] for a in axes)
    groups = max(together // share.picks, 1)
    hit = min(share.ones * min(share.picks, together), Fraction(1))
    ones = float(1 - hit) ** groups
    return Share(0, Fraction(1 - ones).limit_denominator(10**6), 1, share.root)


def _scattered(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    """Numbers written into zeros at the indices of a TopK."""
    base, index = inputs[0] if inputs else None, shares.get(node.inputs[1]) if len(node.inputs) > 1 else None
    if base is None or index is None or not index.below:
        return None
    zeros = base.data is not None and not base.data.any()
    if not zeros and shares.get(node.inputs[0], Share()).ones != 0:
        return None
    return Share(0, min(Fraction(index.picks, index.below), Fraction(1)), 1, node.outputs[0])


def _filled(node: Node, inputs: Sequence[Fact | None], shares: Shares) -> Share | None:
    """ConstantOfShape without a value makes zeros."""
    value = node.attr("value")
    zeros = value is None or not any((*value.raw_data, *value.float_data, *value.int64_data, *value.int32_data))
    return Share(0, Fraction(0), 1, node.outputs[0]) if zeros else None


_RULES: dict[str, Callable[[Node, Sequence[Fact | None], Shares], Share | None]] = {
    "ArgMax": _arg_max,
    "ConstantOfShape": _filled,
    "Equal": _equal,
    "Greater": _above_zero,
    "Mul": _both,
    "And": _both,
    "NonZero": _non_zero,
    "Not": _not,
    "OneHot": _one_hot,
    "ReduceMax": _any,
    "ReduceSum": _any,
    "ScatterElements": _scattered,
    "TopK": _top,
}
