"""The attributes of an op: what its kind's sizes and the passes need to know of the node."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from math import prod
from typing import Protocol

from mapper.frontend.facts import Fact, Node
from mapper.frontend.rules import grouped_sizes
from mapper.frontend.symbols import Symbols
from mapper.frontend.vocabulary import function_name
from mapper.ir.graph import Attr, Shape

Attrs = tuple[tuple[str, Attr], ...]


class Known(Protocol):
    """What the lowering knows of values."""

    symbols: Symbols

    def facts(self, name: str) -> list[Fact]:
        """Facts per sample."""
        ...

    def shapes(self, name: str) -> list[Shape]:
        """Shapes per sample."""
        ...


def attributes_of(known: Known, node: Node, kind: str) -> Attrs:
    """The attributes of the op that stands for the node; `op_type` always comes first."""
    found: dict[str, Attr] = {"op_type": node.op_type}
    if node.domain:
        found["domain"] = node.domain
    rule = _RULES.get(kind)
    if rule is not None:
        found.update(rule(known, node))
    return tuple(found.items())


def _size(known: Known, sizes: Sequence[int]) -> int | str:
    """A size per sample as an attribute: a number, or the name of a symbolic dim."""
    return known.symbols.dim(tuple(sizes))


def _constant(known: Known, node: Node, index: int) -> tuple[int, ...] | None:
    """The integers of an input, if they are the same at all samples."""
    if index >= len(node.inputs) or not node.inputs[index]:
        return None
    facts = known.facts(node.inputs[index])
    lists = {None if f.data is None else tuple(int(x) for x in f.data.reshape(-1)) for f in facts}
    return lists.pop() if len(lists) == 1 else None


def _matmul(known: Known, node: Node) -> dict[str, Attr]:
    match node.op_type:
        case "MatMulNBits" | "MatMulBnb4":
            return {"trans_a": 0, "trans_b": 1}
        case "Gemm" | "FusedMatMul" | "FusedGemm":
            found: dict[str, Attr] = {"trans_a": int(node.attr("transA", 0)), "trans_b": int(node.attr("transB", 0))}
            alpha = float(node.attr("alpha", 1.0))
            return found if alpha == 1.0 else {**found, "alpha": alpha}
    return {}


def _conv(known: Known, node: Node) -> dict[str, Attr]:
    return {"groups": int(node.attr("group", 1)), "transposed": int(node.op_type == "ConvTranspose")}


def _norm(known: Known, node: Node) -> dict[str, Attr]:
    shapes = known.shapes(node.inputs[0])
    rank = len(shapes[0])
    match node.op_type:
        case "BatchNormalization" | "LRN":
            width = [s[1] if rank > 1 else s[0] for s in shapes]
        case "InstanceNormalization":
            width = [prod(s[2:]) for s in shapes]
        case "GroupNormalization" | "SkipGroupNorm":
            width = [prod(s[1:]) // int(node.attr("num_groups", 1)) for s in shapes]
        case "MeanVarianceNormalization":
            width = [prod(s) // (s[1] if rank > 1 else 1) for s in shapes]
        case "LpNormalization":
            width = [s[int(node.attr("axis", -1))] for s in shapes]
        case _:
            axis = int(node.attr("axis", -1)) % max(rank, 1)
            width = [prod(s[axis:]) for s in shapes]
    found: dict[str, Attr] = {"width": _size(known, width)}
    epsilon = node.attr("epsilon")
    return found if epsilon is None else {**found, "epsilon": float(epsilon)}


def _softmax(opset: int) -> Callable[[Known, Node], dict[str, Attr]]:
    del opset

    def rule(known: Known, node: Node) -> dict[str, Attr]:
        shapes = known.shapes(node.inputs[0])
        rank = max(len(shapes[0]), 1)
        axis = int(node.attr("axis", -1)) % rank
        return {"axis": axis, "width": _size(known, [s[axis] if s else 1 for s in shapes])}

    return rule


def _elementwise(known: Known, node: Node) -> dict[str, Attr]:
    found: dict[str, Attr] = {"fn": function_name(node.op_type)}
    for name in node.inputs:
        scalar = _scalar(known, name) if name else None
        if scalar is not None:
            found["scalar"] = scalar
            break
    if node.op_type in ("Gelu", "LeakyRelu", "Elu", "HardSigmoid"):
        for key in ("approximate", "alpha", "beta"):
            value = node.attr(key)
            if value is not None:
                found[key] = value
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
    if node.op_type.startswith("Global"):
        return {"window": _size(known, [prod(s[2:]) for s in known.shapes(node.inputs[0])])}
    return {"window": prod(node.attr("kernel_shape") or (1,))}


def _rnn(known: Known, node: Node) -> dict[str, Attr]:
    gates = {"GRU": 3, "RNN": 1}.get(node.op_type, 4)
    data, weight = known.shapes(node.inputs[0]), known.shapes(node.inputs[1])[0]
    steps, batch = (1, 0) if node.attr("layout", 0) else (0, 1)
    hidden = node.attr("hidden_size") or weight[1] // gates
    return {
        "steps": _size(known, [s[steps] for s in data]),
        "batch": _size(known, [s[batch] for s in data]),
        "width": data[0][2],
        "hidden": int(hidden),
        "gates": gates,
        "directions": weight[0],
    }


def _attention(known: Known, node: Node) -> dict[str, Attr]:
    """Sizes of an attention operator: batch, heads, queries, keys, head widths, and what the mask leaves out."""
    sizes = [_attention_sizes(known, node, i) for i in range(len(known.shapes(node.inputs[0])))]
    names = ("batch", "heads", "kv_heads", "q", "kv", "head_dim", "v_dim")
    found: dict[str, Attr] = {
        name: _size(known, column) for name, column in zip(names, zip(*sizes, strict=True), strict=True)
    }
    causal = node.op_type == "GroupQueryAttention" or node.attr("is_causal", 0) or node.attr("unidirectional", 0)
    found["causal"] = int(bool(causal))
    window = int(node.attr("local_window_size", -1))
    return {**found, "window": window} if window > 0 else found


def _attention_sizes(known: Known, node: Node, sample: int) -> tuple[int, ...]:
    inputs = [known.facts(n)[sample] if n else None for n in node.inputs]
    shapes = [() if f is None or f.shape is None else f.shape for f in inputs] + [()] * 8
    query = shapes[0]
    if node.op_type == "GroupQueryAttention":
        heads, kv_heads, width, total = grouped_sizes(node, inputs)
        return query[0], heads, kv_heads, query[1], total, width, width
    if node.domain == "":
        return _standard_sizes(node, shapes)
    heads = int(node.attr("num_heads", 1))
    if node.op_type == "Attention":
        sizes = node.attr("qkv_hidden_sizes") or (shapes[1][1] // 3,) * 3
        total = query[1] + (shapes[4][3] if shapes[4] else 0)
        return query[0], heads, heads, query[1], total, sizes[1] // heads, sizes[2] // heads
    out = known.shapes(node.outputs[0])[sample]
    key, value, past = shapes[1], shapes[2], shapes[6]
    width = out[-1] // heads
    if len(query) == 3 and key:
        width = query[2] // heads
    kv = query[1] if not key else key[2] if len(key) == 4 else key[1]
    v_dim = value[3] if len(value) == 4 else value[2] // heads if value else width
    return query[0], heads, heads, query[1], kv + (past[2] if past else 0), width, v_dim


def _standard_sizes(node: Node, shapes: Sequence[Shape]) -> tuple[int, ...]:
    """Sizes of ai.onnx Attention (opset 23), whose operands have three or four dims."""
    query, key, value, past = shapes[0], shapes[1], shapes[2], shapes[4]
    before = past[2] if past else 0
    if len(query) == 4:
        return query[0], query[1], key[1], query[2], key[2] + before, query[3], value[3]
    heads, kv_heads = int(node.attr("q_num_heads", 1)), int(node.attr("kv_num_heads", 1))
    widths = query[2] // heads, value[2] // kv_heads
    return query[0], heads, kv_heads, query[1], key[1] + before, *widths


_RULES: dict[str, Callable[[Known, Node], dict[str, Attr]]] = {
    "attention": _attention,
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
    "softmax": _softmax(13),
}
