"""Operators of onnxruntime that are a standard operator in another layout or with other inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from mapper.frontend.facts import Fact, Node
from mapper.frontend.inference.rule_parts import Inputs, Rule, RuleError, Typed, elem_of, integers_at, shape_of
from mapper.ir.graph import Shape

NHWC_DOMAIN, NCHWC_DOMAIN = "com.ms.internal.nhwc", "com.microsoft.nchwc"

_INPUTS: dict[str, tuple[str, tuple[int, ...]]] = {
    # operator -> the standard operator with the same shapes, and which inputs it takes
    "DequantizeLinear": ("DequantizeLinear", (0, 1, 2)),
    "FusedConv": ("Conv", (0, 1)),
    "FusedGemm": ("Gemm", (0, 1)),
    "GatherND": ("GatherND", (0, 1)),
    "GridSample": ("GridSample", (0, 1)),
    "MaxpoolWithMask": ("MaxPool", (0,)),
    "NhwcConv": ("Conv", (0, 1)),
    "NhwcFusedConv": ("Conv", (0, 1)),
    "NhwcMaxPool": ("MaxPool", (0,)),
    "Pad": ("Pad", (0, 1)),
    "QLinearAveragePool": ("AveragePool", (0,)),
    "QLinearConv": ("QLinearConv", (0, 1, 2, 3, 4, 5, 6, 7)),
    "QLinearConvTranspose": ("ConvTranspose", (0, 3)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QuantizeLinear": ("QuantizeLinear", (0, 1, 2)),
    "Range": ("Range", (0, 1, 2)),
    "Trilu": ("Trilu", (0, 1)),
    "Unique": ("Unique", (0,)),
}


_ANY_TYPE = frozenset({"AveragePool", "Conv", "ConvTranspose", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"})
"""Operators whose result has the type of the data; onnxruntime takes types here that the standard lacks."""


@dataclass(frozen=True, slots=True)
class Standard:
    """The standard operator that tells the shapes of another one.

    inputs: which inputs it takes. last: data and results have their channels last (weights never have).
    """

    op_type: str
    inputs: tuple[int, ...]
    last: bool = False

    def facts(self, given: Inputs) -> list[Fact | None]:
        """The inputs as the standard operator wants them."""
        facts = [given[i] if i < len(given) else None for i in self.inputs]
        while facts and facts[-1] is None:
            facts.pop()
        if self.op_type in _ANY_TYPE:
            facts = [_float(fact) for fact in facts]
        if self.last and facts:
            facts[0] = _moved(facts[0])
        return facts

    def outputs(self, found: Sequence[Typed], given: Inputs) -> list[Typed]:
        """The standard operator's results in this operator's layout and type."""
        if self.op_type in _ANY_TYPE and found:
            found = [(elem_of(given, 0), found[0][1]), *found[1:]]
        if not self.last:
            return list(found)
        return [(elem, None if shape is None else channels_last(shape)) for elem, shape in found]


def channels_first(shape: Shape) -> Shape:
    """[n, d.., c] as [n, c, d..]."""
    return (shape[0], shape[-1], *shape[1:-1]) if len(shape) > 2 else shape


def channels_last(shape: Shape) -> Shape:
    """[n, c, d..] as [n, d.., c]."""
    return (shape[0], *shape[2:], shape[1]) if len(shape) > 2 else shape


def _float(fact: Fact | None) -> Fact | None:
    return None if fact is None else Fact(onnx.TensorProto.FLOAT, fact.shape, None, fact.known)


def _moved(fact: Fact | None) -> Fact | None:
    if fact is None or fact.shape is None:
        return fact
    return Fact(fact.elem, channels_first(fact.shape), None, fact.known)


def has_channels_last(node: Node) -> bool:
    """Whether the operator's data has its channels in the last dim."""
    named = node.op_type.startswith("Nhwc") or node.domain == NHWC_DOMAIN
    return named or (bool(node.domain) and bool(node.attr("channels_last", 0)))


def standard_of(node: Node) -> Standard | None:
    """The standard operator that tells the shapes of an operator outside ai.onnx; None if it has none."""
    if not node.domain or node.domain not in (NHWC_DOMAIN, NCHWC_DOMAIN, "com.microsoft"):
        return None
    last = has_channels_last(node)
    if node.op_type in _INPUTS:
        op_type, inputs = _INPUTS[node.op_type]
        return Standard(op_type, inputs, last)
    own = node.op_type in LAYOUT_RULES or (node.domain == NCHWC_DOMAIN and node.op_type == "Upsample")
    if node.domain == "com.microsoft" or own or not onnx.defs.has(node.op_type):
        return None
    return Standard(node.op_type, tuple(range(len(node.inputs))), last)


def _reorder_input(node: Node, inputs: Inputs) -> list[Typed]:
    shape = shape_of(inputs, 0)
    return [(elem_of(inputs, 0), channels_first(shape) if node.attr("channels_last", 0) else shape)]


def _reorder_output(node: Node, inputs: Inputs) -> list[Typed]:
    shape = shape_of(inputs, 0)
    shape = (shape[0], int(node.attr("channels", 0)) or shape[1], *shape[2:])
    return [(elem_of(inputs, 0), channels_last(shape) if node.attr("channels_last", 0) else shape)]


def _upsample(node: Node, inputs: Inputs) -> list[Typed]:
    shape, scales = shape_of(inputs, 0), node.attr("scales") or ()
    factors = (*scales, *(1 for _ in shape[len(scales) :]))
    return [(elem_of(inputs, 0), tuple(int(d * f) for d, f in zip(shape, factors, strict=False)))]


def _transposed_convolution(node: Node, inputs: Inputs) -> list[Typed]:
    """ConvTransposeWithDynamicPads: the padding at the begin of each dim, then at their ends, is an input."""
    data, weight, pads = shape_of(inputs, 0), shape_of(inputs, 1), integers_at(inputs, 2)
    rank = len(data) - 2
    if pads is None and len(inputs) > 2 and inputs[2] is not None:
        return [(elem_of(inputs, 0), None)]
    pads = pads or (0,) * (2 * rank)
    if len(pads) != 2 * rank or len(weight) != len(data):
        raise RuleError(f"{len(pads)} pads and a weight of {len(weight)} dims for data of {len(data)} dims")
    strides, dilations = (node.attr(name) or (1,) * rank for name in ("strides", "dilations"))
    extra = node.attr("output_padding") or (0,) * rank
    spatial = tuple(
        strides[i] * (data[2 + i] - 1) + extra[i] + (weight[2 + i] - 1) * dilations[i] + 1 - pads[i] - pads[rank + i]
        for i in range(rank)
    )
    return [(elem_of(inputs, 0), (data[0], weight[1] * int(node.attr("group", 1)), *spatial))]


LAYOUT_RULES: dict[str, Rule] = {
    "ConvTransposeWithDynamicPads": _transposed_convolution,
    "ReorderInput": _reorder_input,
    "ReorderOutput": _reorder_output,
}
"""By operator; Upsample of com.microsoft.nchwc is found by domain, for ai.onnx has one too."""

NCHWC_UPSAMPLE: Rule = _upsample
