"""The attributes of an op: what its kind's sizes and the passes need to know of the node."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import prod

from mapper.errors import ModelError
from mapper.frontend.facts import Node
from mapper.frontend.file.nodes import label
from mapper.frontend.inference.rules_layout import has_channels_last
from mapper.frontend.lowering.attention import attention_attributes, recurrence_attributes
from mapper.frontend.lowering.einsum import as_matmul
from mapper.frontend.lowering.known import Known, size_of
from mapper.frontend.vocabulary import LOOSE, function_name
from mapper.ir.graph import Attr

_MISFITS = (IndexError, KeyError, ValueError, TypeError, ArithmeticError)
"""What indexing, unpacking and dividing raise where a rank or a size is not what the operator needs."""

Attrs = tuple[tuple[str, Attr], ...]


def attributes_of(known: Known, node: Node, kind: str) -> Attrs:
    """The attributes of the op that stands for the node; `op_type` always comes first."""
    found: dict[str, Attr] = {"op_type": node.op_type}
    if node.domain:
        found["domain"] = node.domain
    rule = _RULES.get(kind)
    if rule is not None:
        try:
            found.update(rule(known, node))
        except _MISFITS as error:  # a damaged node that onnx itself lets pass
            raise ModelError(f"{label(node)}: its attributes do not fit its inputs ({error})") from None
    return tuple(found.items())


def _constant(known: Known, node: Node, index: int) -> tuple[int, ...] | None:
    """The integers of an input, if they are the same at all samples."""
    if index >= len(node.inputs) or not node.inputs[index]:
        return None
    facts = known.facts(node.inputs[index])
    lists = {None if f.data is None else tuple(int(x) for x in f.data.reshape(-1)) for f in facts}
    return lists.pop() if len(lists) == 1 else None


def _matmul(known: Known, node: Node) -> dict[str, Attr]:
    match node.op_type:
        case "Einsum":
            trans_a, trans_b = as_matmul(node.attr("equation", "")) or (0, 0)
            return {"trans_a": trans_a, "trans_b": trans_b}
        case "MatMulBnb4":
            return {"trans_a": 0, "trans_b": int(node.attr("transB", 1))}
        case "MatMulNBits" | "MatMulBlockQuantizedFp4Weight" | "MatMulBlockQuantizedFp8Weight" | "CDist":
            return {"trans_a": 0, "trans_b": 1}
        case _ if node.op_type in _TRANSPOSING:
            found: dict[str, Attr] = {"trans_a": int(node.attr("transA", 0)), "trans_b": int(node.attr("transB", 0))}
            alpha = float(node.attr("alpha", 1.0))
            for key in ("transBatchA", "transBatchB"):
                if node.attr(key, 0):
                    found[f"trans_batch_{key[-1].lower()}"] = 1
            return found if alpha == 1.0 else {**found, "alpha": alpha}
    return {}


_TRANSPOSING = (
    "Gemm", "FusedMatMul", "FusedGemm", "FusedMatMulActivation", "GemmFloat8", "QGemm", "SparseToDenseMatMul",
    "TransposeMatMul", "TransposedMatMul",
)  # fmt: skip


def _conv(known: Known, node: Node) -> dict[str, Attr]:
    if node.op_type in ("CausalConvWithState", "VarlenCausalConvWithState"):  # a filter for each channel
        groups = known.shapes(node.inputs[1])[0][0]
    else:
        groups = int(node.attr("group", 1))
    found: dict[str, Attr] = {"groups": groups, "transposed": int("ConvTranspose" in node.op_type)}
    return {**found, "channels_last": 1} if has_channels_last(node) else found


_NORMS = {
    "LayerNormalization": "layer", "SkipLayerNormalization": "layer", "RMSNormalization": "rms",
    "SimplifiedLayerNormalization": "rms", "SkipSimplifiedLayerNormalization": "rms",
}  # fmt: skip
"""Which norm an operator computes, as passes name those that are spelled out."""


def _norm(known: Known, node: Node) -> dict[str, Attr]:
    shapes = known.shapes(node.inputs[0])
    rank = len(shapes[0])
    match node.op_type:
        case "BatchNormalization" | "LRN":
            width = [s[1] if rank > 1 else s[0] for s in shapes]
        case "InstanceNormalization":
            width = [prod(s[2:]) for s in shapes]
        case "GroupNormalization":
            width = [prod(s[1:]) // max(int(node.attr("num_groups", 1)), 1) for s in shapes]
        case "GroupNorm" | "SkipGroupNorm":
            width = [prod(s[1:]) // max(int(node.attr("groups", 1)), 1) for s in shapes]
        case "GatedRMSNorm":
            width = [known.shapes(node.inputs[1])[0][-1] for _ in shapes]
        case "MeanVarianceNormalization":
            width = [prod(s) // (s[1] if rank > 1 else 1) for s in shapes]
        case "LpNormalization":
            width = [s[int(node.attr("axis", -1))] for s in shapes]
        case _:
            axis = int(node.attr("axis", -1)) % max(rank, 1)
            width = [prod(s[axis:]) for s in shapes]
    found: dict[str, Attr] = {"width": size_of(known, width)}
    if node.op_type in _NORMS:
        found["fn"] = _NORMS[node.op_type]
    epsilon = node.attr("epsilon")
    return found if epsilon is None else {**found, "epsilon": float(epsilon)}


def _softmax(known: Known, node: Node) -> dict[str, Attr]:
    """Axis and width; before opset 13 a softmax ran over all dims from its axis on."""
    shapes = known.shapes(node.inputs[0])
    rank = max(len(shapes[0]), 1)
    if known.opset < 13:
        axis = int(node.attr("axis", 1)) % rank
        width = [prod(s[axis:]) for s in shapes]
    else:
        axis = int(node.attr("axis", -1)) % rank
        width = [s[axis] if s else 1 for s in shapes]
    found: dict[str, Attr] = {"axis": axis, "width": size_of(known, width)}
    return {**found, **known.visible(node.inputs[0]).attributes} if axis == rank - 1 else found


def _elementwise(known: Known, node: Node) -> dict[str, Attr]:
    found: dict[str, Attr] = {"fn": function_name(node.op_type)}
    if node.op_type in LOOSE or (not node.domain and known.opset < 7):  # before, an attribute said what to broadcast
        return {**found, "shape": "own", **_quantised_scalar(known, node)}
    for name in node.inputs:
        scalar = _scalar(known, name) if name else None
        if scalar is not None:
            found["scalar"] = scalar
            break
    if node.op_type == "Clip":
        found.update(_bounds(known, node))
    if node.op_type == "Exp":  # of a softmax in pieces
        found.update(known.visible(node.inputs[0]).attributes)
    if node.op_type in ("Gelu", "LeakyRelu", "Elu", "HardSigmoid"):
        for key in ("approximate", "alpha", "beta"):
            value = node.attr(key)
            if value is not None:
                found[key] = value
    return found


def _quantised_scalar(known: Known, node: Node) -> dict[str, Attr]:
    """The number that a constant operand of QLinearAdd or QLinearMul stands for."""
    if node.op_type not in ("QLinearAdd", "QLinearMul"):
        return {}
    for first in (0, 3):
        stored, scale, zero = (_scalar(known, n) if n else 0 for n in node.inputs[first : first + 3])
        if stored is not None and scale is not None and zero is not None:
            return {"scalar": float(f"{(stored - zero) * scale:.9g}")}
    return {}


def _bounds(known: Known, node: Node) -> dict[str, Attr]:
    """The limits of a Clip that are known, whether they are operands or attributes."""
    found: dict[str, Attr] = {}
    for index, key in enumerate(("min", "max"), start=1):
        given = node.inputs[index] if index < len(node.inputs) else ""
        bound = _scalar(known, given) if given else node.attr(key)
        if bound is not None and math.isfinite(bound):
            found[key] = bound
    return found


def _scalar(known: Known, name: str) -> float | int | None:
    """The one number of a constant, if it is finite and the same at all samples."""
    facts = known.facts(name)
    if any(f.data is None or f.data.size != 1 or f.data.dtype == object for f in facts):
        return None
    values = {f.data.reshape(-1)[0].item() for f in facts if f.data is not None}
    value = values.pop()
    if values or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value


def _axis(default: int) -> Callable[[Known, Node], dict[str, Attr]]:
    def rule(known: Known, node: Node) -> dict[str, Attr]:
        rank = len(known.shapes(node.inputs[0])[0])
        found: dict[str, Attr] = {"axis": int(node.attr("axis", default)) % max(rank, 1)}
        index = _constant(known, node, 1) if node.op_type == "Gather" else None
        return {**found, "index": index[0]} if index is not None and len(index) == 1 else found

    return rule


def _move(known: Known, node: Node) -> dict[str, Attr]:
    match node.op_type:
        case "Transpose":
            rank = len(known.shapes(node.inputs[0])[0])
            perm = node.attr("perm") or range(rank - 1, -1, -1)
            return {"perm": tuple(int(p) for p in perm)}
        case "Concat" | "Split":
            return _axis(0)(known, node)
        case "Slice":
            return _slice(known, node)
    return {}


def _slice(known: Known, node: Node) -> dict[str, Attr]:
    """Starts, ends, axes and steps, where they are the same at all samples."""
    found: dict[str, Attr] = {}
    for index, key in enumerate(("starts", "ends", "axes", "steps"), start=1):
        stated = node.attr(key)  # attributes before opset 10
        values = tuple(int(v) for v in stated) if stated is not None else _constant(known, node, index)
        if values is not None:
            found[key] = values
    return found


def _reduce(known: Known, node: Node) -> dict[str, Attr]:
    stated = node.attr("axes")
    axes = tuple(int(a) for a in stated) if stated is not None else _constant(known, node, 1)
    if node.op_type in ("ArgMax", "ArgMin"):
        axes = (int(node.attr("axis", 0)),)
    rank = len(known.shapes(node.inputs[0])[0])
    normal = tuple(a % max(rank, 1) for a in axes) if axes else tuple(range(rank))
    return {"axes": normal, "keepdims": int(node.attr("keepdims", 1))}


def _pool(known: Known, node: Node) -> dict[str, Attr]:
    shapes = known.shapes(node.inputs[0])
    if "Global" in node.op_type:
        spatial = slice(1, -1) if has_channels_last(node) else slice(2, None)
        return {"window": size_of(known, [prod(s[spatial]) for s in shapes])}
    if node.op_type == "RoiAlign":  # bilinear samples of four pixels each
        return {"window": 4 * max(int(node.attr("sampling_ratio", 0)), 1) ** 2}
    if node.op_type == "MaxRoiPool":  # a region is at most the whole picture
        pooled = max(prod(node.attr("pooled_shape") or (1,)), 1)
        return {"window": size_of(known, [max(prod(s[2:]) // pooled, 1) for s in shapes])}
    return {"window": prod(node.attr("kernel_shape") or (1,))}


def _rnn(known: Known, node: Node) -> dict[str, Attr]:
    if node.op_type in ("LinearAttention", "GatedDeltaNet"):
        return recurrence_attributes(known, node)
    gates = {"GRU": 3, "RNN": 1}.get(node.op_type, 4)
    data, weight = known.shapes(node.inputs[0]), known.shapes(node.inputs[1])[0]
    steps, batch = (1, 0) if node.attr("layout", 0) else (0, 1)
    hidden = int(node.attr("hidden_size", 0)) or weight[1] // gates
    return {
        "steps": size_of(known, [s[steps] for s in data]),
        "batch": size_of(known, [s[batch] for s in data]),
        "width": data[0][2],
        "hidden": hidden,
        "gates": gates,
        "directions": weight[0],
    }


def _exchange(known: Known, node: Node) -> dict[str, Attr]:
    found: dict[str, Attr] = {"ranks": int(node.attr("group_size", 1))}
    if node.op_type == "AllGather":
        found.update(_axis(0)(known, node))
    return found


_RULES: dict[str, Callable[[Known, Node], dict[str, Attr]]] = {
    "all_gather": _exchange,
    "all_reduce": _exchange,
    "all_to_all": _exchange,
    "attention": attention_attributes,
    "conv": _conv,
    "elementwise": _elementwise,
    "embedding": _axis(0),
    "gather": _axis(0),
    "matmul": _matmul,
    "move": _move,
    "norm": _norm,
    "pool": _pool,
    "reduce": _reduce,
    "rnn": _rnn,
    "scan": lambda known, node: {},
    "scatter": _axis(0),
    "softmax": _softmax,
}
