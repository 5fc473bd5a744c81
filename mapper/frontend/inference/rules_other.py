"""Shape rules of onnxruntime's generation loops, text operators, TensorRT plug-ins and operators it once had."""

from __future__ import annotations

from mapper.frontend.facts import Node
from mapper.frontend.inference.rule_parts import (
    F32,
    I32,
    Inputs,
    Rule,
    RuleError,
    Typed,
    elem_of,
    integers_at,
    positive,
    same,
    shape_at,
    shape_of,
)  # fmt: skip
from mapper.ir.graph import Shape


def _number(inputs: Inputs, index: int) -> int | None:
    found = integers_at(inputs, index)
    return found[0] if found else None


def _beam_search(node: Node, inputs: Inputs) -> list[Typed]:
    """Sequences [batch, returned, longest], their scores, and scores per step, beam and word."""
    batch = shape_of(inputs, 0)[0]
    longest, beams, returned = (_number(inputs, i) for i in (1, 3, 4))
    elem = F32 if shape_at(inputs, 5) is None else elem_of(inputs, 5)
    sequences: Shape | None = None if longest is None or returned is None else (batch, returned, longest)
    scores: Shape | None = None
    vocabulary = int(node.attr("vocab_size", -1))
    if longest is not None and beams is not None and vocabulary > 0:
        scores = (longest - (shape_of(inputs, 0)[-1] if node.op_type == "BeamSearch" else 0), batch, beams, vocabulary)
    best = None if returned is None else (batch, returned)
    return [(I32, sequences), (elem, best), (elem, scores), (elem, None), (F32, (batch,))]


def _one_sequence(node: Node, inputs: Inputs) -> list[Typed]:
    """GreedySearch and Sampling: one sequence per row of the batch."""
    batch, longest = shape_of(inputs, 0)[0], _number(inputs, 1)
    vocabulary = int(node.attr("vocab_size", -1))
    logits: Shape | None = (batch, vocabulary) if vocabulary > 0 else None
    return [(I32, None if longest is None else (batch, longest)), (F32, logits)]


def _text(node: Node, inputs: Inputs) -> list[Typed]:
    """Tokenizer: how many tokens a string has is data."""
    return [(elem_of(inputs, 0), None)]


def _warped_path(node: Node, inputs: Inputs) -> list[Typed]:
    """DynamicTimeWarping: a path through the cost matrix, as long as the data say."""
    return [(I32, None)]


def _bifurcation(node: Node, inputs: Inputs) -> list[Typed]:
    return [(elem_of(inputs, 0), None), (elem_of(inputs, 0), ())]


def _crop(node: Node, inputs: Inputs) -> list[Typed]:
    shape, border, scale = shape_of(inputs, 0, 4), node.attr("border") or (0, 0, 0, 0), node.attr("scale")
    if len(border) != 4:
        raise RuleError(f"border has {len(border)} entries, not 4")
    left, top, right, bottom = border
    height, width = (scale[0], scale[1]) if scale else (shape[2] - top - bottom, shape[3] - left - right)
    return [(elem_of(inputs, 0), (*shape[:2], height, width))]


def _filled(node: Node, inputs: Inputs) -> list[Typed]:
    given = integers_at(inputs, 0) if node.attr("input_as_shape", 0) else shape_at(inputs, 0) or node.attr("shape")
    out = None if given is None else (*given, *(node.attr("extra_shape") or ()))
    return [(F32, out)]


def _recurrent_unit(node: Node, inputs: Inputs) -> list[Typed]:
    return [(elem_of(inputs, 0), shape_of(inputs, 0))]


def _disentangled(node: Node, inputs: Inputs) -> list[Typed]:
    return [(elem_of(inputs, 0), shape_of(inputs, 0, 3))]


def _suppressed(node: Node, inputs: Inputs) -> list[Typed]:
    """EfficientNMS_TRT: the number of boxes kept is an attribute."""
    elem, scores = elem_of(inputs, 0), shape_of(inputs, 1)
    batch, most = scores[0], positive(node, "max_output_boxes", 0)
    return [(I32, (batch, 1)), (elem, (batch, most, 4)), (elem, (batch, most)), (I32, (batch, most))]


def _pyramid(node: Node, inputs: Inputs) -> list[Typed]:
    boxes, data = shape_of(inputs, 0, 3), shape_of(inputs, 1)
    size = positive(node, "pooled_size", 0)
    return [(elem_of(inputs, 0), (boxes[0], boxes[1], data[1], size, size))]


OTHER_RULES: dict[str, Rule] = {
    "Affine": same,
    "BeamSearch": _beam_search,
    "BifurcationDetector": _bifurcation,
    "Crop": _crop,
    "DisentangledAttention_TRT": _disentangled,
    "DynamicTimeWarping": _warped_path,
    "EfficientNMS_TRT": _suppressed,
    "GRUUnit": _recurrent_unit,
    "GivenTensorFill": _filled,
    "GreedySearch": _one_sequence,
    "ImageScaler": same,
    "MemcpyFromHost": same,
    "MemcpyToHost": same,
    "MultilevelCropAndResize_TRT": _pyramid,
    "ParametricSoftplus": same,
    "PyramidROIAlign_TRT": _pyramid,
    "Sampling": _one_sequence,
    "Scale": same,
    "ScaledTanh": same,
    "Tokenizer": _text,
    "WhisperBeamSearch": _beam_search,
}
"""By operator of com.microsoft, of trt.plugins and of the operators that only onnxruntime has in ai.onnx."""
