"""Shape rules of standard operators for which onnx has no inference, or one that stops short."""

from __future__ import annotations

import math

from mapper.frontend.facts import Node
from mapper.frontend.inference.rule_parts import (
    F32,
    I64,
    Inputs,
    Rule,
    RuleError,
    Typed,
    elem_of,
    integers_at,
    need,
    positive,
    same,
    shape_at,
    shape_of,
)

_STRING = 8


def _as_floats(node: Node, inputs: Inputs) -> list[Typed]:
    return [(F32, shape_of(inputs, 0))]


def _rows(inputs: Inputs) -> int:
    shape = shape_of(inputs, 0)
    return shape[0] if len(shape) > 1 else 1


def _joined(node: Node, inputs: Inputs) -> list[Typed]:
    """FeatureVectorizer: rows of all inputs side by side."""
    shapes = [shape_of(inputs, i) for i in range(len(inputs))]
    return [(F32, (_rows(inputs), sum(s[-1] if s else 1 for s in shapes)))]


def _regression(name: str) -> Rule:
    """One number per row and target; `name` is the attribute that counts the targets."""

    def rule(node: Node, inputs: Inputs) -> list[Typed]:
        return [(F32, (_rows(inputs), positive(node, name) if name else 1))]

    return rule


def _labels(node: Node) -> tuple[int, int]:
    """Element type and number of a classifier's labels."""
    for name, elem in (
        ("classlabels_strings", _STRING), ("classlabels_int64s", I64), ("classlabels_ints", I64),
    ):  # fmt: skip
        found = node.attr(name)
        if found:
            return elem, len(found)
    return I64, 2


def _classification(node: Node, inputs: Inputs) -> list[Typed]:
    elem, count = _labels(node)
    return [(elem, (_rows(inputs),)), (F32, (_rows(inputs), count))]


def _vectorised(node: Node, inputs: Inputs) -> list[Typed]:
    """DictVectorizer: a column per word of its vocabulary."""
    words = node.attr("string_vocabulary") or node.attr("int64_vocabulary") or ()
    return [(elem_of(inputs, 0) or F32, (1, len(words)))]


def _gradient(node: Node, inputs: Inputs) -> list[Typed]:
    return [(elem_of(inputs, i), shape_of(inputs, i)) for i in range(len(node.outputs))]


def _unpooled(node: Node, inputs: Inputs) -> list[Typed]:
    size = integers_at(inputs, 2)
    return [(elem_of(inputs, 0), size)]


def _short_fourier(node: Node, inputs: Inputs) -> list[Typed]:
    """STFT: [batch, frames, bins, 2]; a real signal has half of the bins unless told otherwise."""
    signal, step, length = shape_of(inputs, 0), integers_at(inputs, 1), integers_at(inputs, 3)
    window = shape_at(inputs, 2)
    frame = length[0] if length else window[0] if window else None
    if step is None or frame is None or len(signal) < 2:
        return [(elem_of(inputs, 0), None)]
    if step[0] < 1 or not 1 <= frame <= signal[1]:
        raise RuleError(f"frames of {frame} every {step[0]} samples in a signal of {signal[1]}")
    real = len(signal) == 2 or signal[2] == 1
    bins = frame // 2 + 1 if node.attr("onesided", 1) and real else frame
    return [(elem_of(inputs, 0), (signal[0], (signal[1] - frame) // step[0] + 1, bins, 2))]


def _range(node: Node, inputs: Inputs) -> list[Typed]:
    """Range: its numbers may be scalars or vectors of one, as runtimes take them."""
    numbers = [need(inputs, i) for i in range(3)]
    if any(fact.elements != 1 for fact in numbers):
        raise RuleError("start, limit and delta are not one number each")
    elem = numbers[0].elem
    if any(fact.data is None for fact in numbers):
        return [(elem, None)]
    start, limit, delta = (float(fact.data.reshape(-1)[0]) for fact in numbers if fact.data is not None)
    if delta == 0:
        raise RuleError("delta is 0")
    return [(elem, (max(math.ceil((limit - start) / delta), 0),))]


BEFORE_ONNX: dict[tuple[str, str], Rule] = {("", "Range"): _range, ("", "STFT"): _short_fourier}
"""Rules that go before onnx's inference, which is mistaken or too strict there."""

AFTER_ONNX: dict[tuple[str, str], Rule] = {
    ("", "GroupNormalization"): same,
    ("", "MaxUnpool"): _unpooled,
    ("", "MeanVarianceNormalization"): same,
    ("ai.onnx.ml", "DictVectorizer"): _vectorised,
    ("ai.onnx.ml", "FeatureVectorizer"): _joined,
    ("ai.onnx.ml", "Imputer"): same,
    ("ai.onnx.ml", "LinearClassifier"): _classification,
    ("ai.onnx.ml", "LinearRegressor"): _regression("targets"),
    ("ai.onnx.ml", "Normalizer"): _as_floats,
    ("ai.onnx.ml", "SVMClassifier"): _classification,
    ("ai.onnx.ml", "SVMRegressor"): _regression(""),
    ("ai.onnx.ml", "Scaler"): _as_floats,
    ("ai.onnx.ml", "TreeEnsemble"): _regression("n_targets"),
    ("ai.onnx.ml", "TreeEnsembleClassifier"): _classification,
    ("ai.onnx.ml", "TreeEnsembleRegressor"): _regression("n_targets"),
    ("ai.onnx.preview.training", "Gradient"): _gradient,
}
"""Rules for outputs whose shape onnx leaves open, by domain and operator."""
