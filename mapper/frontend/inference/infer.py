"""Output types of one node from its input facts: onnx's own inference, contrib rules, evaluation, stated types last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from mapper.frontend.custom import custom_kind, custom_types
from mapper.frontend.facts import Fact, Known, Node
from mapper.frontend.file.check import lacking_input
from mapper.frontend.inference import rules
from mapper.frontend.inference.fold import RANDOM, evaluate
from mapper.frontend.inference.partly import with_parts
from mapper.frontend.inference.ranges import check_ranges
from mapper.frontend.inference.rules_layout import standard_of
from mapper.frontend.inference.rules_standard import AFTER_ONNX, BEFORE_ONNX


@dataclass(frozen=True, slots=True)
class Inferred:
    """Facts of a node's outputs (shape None where unknown) and, for these, why.

    refused: the node contradicts its inputs; a shape that the file states for its output must not hide that.
    """

    facts: tuple[Fact, ...]
    reason: str = ""
    refused: bool = False


_REFUSALS = (
    shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, ValueError, TypeError, IndexError,
    ArithmeticError,
)  # fmt: skip
"""What onnx and the contrib rules raise on a node that breaks its schema or on inputs that do not fit."""


PRODUCTS = frozenset({"MatMul", "Gemm", "Conv", "ConvTranspose", "Einsum", "LSTM", "GRU", "RNN"})
"""Work that stays in each call even where all operands are weights: nobody has its result stored."""


@lru_cache(maxsize=4096)
def schema_of(op_type: str, domain: str, version: int) -> onnx.defs.OpSchema | None:
    """The operator's schema at this opset, None if onnx has none."""
    try:
        return onnx.defs.get_schema(op_type, version, domain)
    except onnx.defs.SchemaError:
        return None


def infer(node: Node, inputs: Sequence[Fact | None], opsets: Mapping[str, int], outer: Mapping[str, Fact]) -> Inferred:
    """What follows for the node's outputs; `outer` are facts that its subgraphs read."""
    refused = False
    try:
        types, reason = _types(node, inputs, opsets, outer)
    except _REFUSALS as error:
        types, reason, refused = [], " ".join(str(error).replace("[ShapeInferenceError]", "").split()), True
    known = min((f.known for f in (*inputs, *outer.values()) if f is not None), default=Known.FILE)
    if node.op_type in RANDOM:
        known = Known.CALL
    types = (types + [(0, None)] * len(node.outputs))[: len(node.outputs)]
    facts = [Fact(elem, shape, None, known) for elem, shape in types]
    if refused:
        return Inferred(tuple(facts), reason, refused)
    found = evaluate(node, inputs, facts, opsets.get("", 0))
    found = with_parts(node, inputs, found, opsets.get("", 0))
    if node.op_type in PRODUCTS and any(fact.data is None for fact in found):
        found = tuple(Fact(fact.elem, fact.shape, fact.data) for fact in found)
    return Inferred(found, reason, refused)


def is_unknown(node: Node, opsets: Mapping[str, int]) -> bool:
    """Whether nothing here knows what shape the operator makes: a plug-in's kind may state none."""
    version = opsets.get(node.domain, 0) or opsets.get("", 0)
    return standard_of(node) is None and _schema(node, version) is None and rules.rule_of(node) is None


Types = list[tuple[int, tuple[int, ...] | None]]


def _types(
    node: Node, inputs: Sequence[Fact | None], opsets: Mapping[str, int], outer: Mapping[str, Fact]
) -> tuple[Types, str]:
    """Element types and shapes by schema or rule, and why some are missing."""
    standard = standard_of(node)
    if standard is not None:
        newest = onnx.defs.get_schema(standard.op_type)
        types, reason = _by_schema(newest, node, standard.facts(inputs)[: newest.max_input], opsets, outer)
        return standard.outputs(types, inputs), reason
    schema = _schema(node, opsets.get(node.domain, 0) or opsets.get("", 0))
    if schema is not None:
        first = BEFORE_ONNX.get((node.domain, node.op_type))
        if first is not None:
            return list(first(node, inputs)), f"the shape depends on the data of {node.op_type}"
        types, reason = _by_schema(schema, node, inputs, opsets, outer)
        if reason:
            types, reason = _by_newest(schema, node, inputs, opsets, outer) or (types, reason)
        after = AFTER_ONNX.get((node.domain, node.op_type)) if reason else None
        return (types, reason) if after is None else (_merged(types, after(node, inputs)), reason)
    rule = rules.rule_of(node)
    if rule is not None:
        return list(rule(node, inputs)), f"the shape depends on the data of {node.op_type}"
    custom = custom_kind(node)
    if custom is not None:
        return custom_types(node, custom, inputs), f"kind '{custom.name}' has no rule for its shape"
    where = f"domain '{node.domain}'" if node.domain else f"opset {opsets.get('', 0)}"
    return [], f"operator {node.op_type} of {where} is not known, and the file states no shape for its output"


def _schema(node: Node, version: int) -> onnx.defs.OpSchema | None:
    """The schema to infer a node with: at its opset, or near it where that one does not serve.

    Tools raise the opset of a file and keep attributes of before (axes); a few old schemas cannot infer.
    """
    found = schema_of(node.op_type, node.domain, version)
    names = {attribute.name for attribute in node.proto.attribute}
    older = found
    while older is not None and not names <= set(older.attributes):
        older = schema_of(node.op_type, node.domain, older.since_version - 1) if older.since_version > 1 else None
    found = older or found
    if found is not None and not found.has_type_and_shape_inference_function and not found.domain:
        newest = onnx.defs.get_schema(node.op_type)
        return newest if newest.has_type_and_shape_inference_function else found
    return found


def _by_newest(
    schema: onnx.defs.OpSchema,
    node: Node,
    inputs: Sequence[Fact | None],
    opsets: Mapping[str, int],
    outer: Mapping[str, Fact],
) -> tuple[Types, str] | None:
    """What the newest schema says where the file's own leaves a shape open: old inference functions have gaps."""
    newest = onnx.defs.get_schema(schema.name, domain=schema.domain)
    names = {attribute.name for attribute in node.proto.attribute}
    fits = newest.min_input <= len(inputs) <= newest.max_input and names <= set(newest.attributes)
    if newest.since_version == schema.since_version or not fits:
        return None
    try:
        types, reason = _by_schema(newest, node, inputs, opsets, outer)
    except _REFUSALS:
        return None
    return None if reason else (types, reason)


def _merged(types: Types, others: Sequence[tuple[int, tuple[int, ...] | None]]) -> Types:
    """The types, with others in place of what is missing."""
    padded = [*others, *[(0, None)] * len(types)]
    return [
        (elem or e, shape if shape is not None else s) for (elem, shape), (e, s) in zip(types, padded, strict=False)
    ]


def _by_schema(
    schema: onnx.defs.OpSchema,
    node: Node,
    inputs: Sequence[Fact | None],
    opsets: Mapping[str, int],
    outer: Mapping[str, Fact],
) -> tuple[Types, str]:
    check_ranges(schema, node, inputs)
    lacking = lacking_input(schema, inputs)
    if lacking:
        raise ValueError(f"{node.op_type} lacks its {lacking}")
    proto = onnx.NodeProto()
    proto.op_type, proto.domain = schema.name, schema.domain
    proto.input.extend(f"i{i}" if fact is not None else "" for i, fact in enumerate(inputs))
    proto.output.extend(f"o{i}" if name else "" for i, name in enumerate(node.outputs))
    proto.attribute.extend(a for a in node.proto.attribute if a.name in schema.attributes)
    if schema.name == "Resize":
        inputs = [*inputs[:1], *map(_widened, inputs[1:])]
    present = {f"i{i}": fact for i, fact in enumerate(inputs) if fact is not None}
    types = {name: _type(fact) for name, fact in {**outer, **present}.items()}
    data = {
        name: numpy_helper.from_array(fact.data)
        for name, fact in present.items()
        if fact.data is not None and fact.data.dtype != object
    }
    imports = [onnx.helper.make_opsetid(d, v) for d, v in opsets.items()] if outer or node.captures else None
    found = shape_inference.infer_node_outputs(schema, proto, types, data, opset_imports=imports)
    out = [_read(found[name]) if name in found else (0, None) for name in proto.output]
    missing = any(shape is None for (_, shape), name in zip(out, node.outputs, strict=True) if name)
    return out, f"the shape does not follow from the inputs of {node.op_type}" if missing else ""


def _widened(fact: Fact | None) -> Fact | None:
    """Half floats as floats: converters to half precision change the scales of a resize along with its data."""
    if fact is None or fact.elem != onnx.TensorProto.FLOAT16:
        return fact
    data = None if fact.data is None else fact.data.astype(np.float32)
    return Fact(onnx.TensorProto.FLOAT, fact.shape, data, fact.known)


def _type(fact: Fact) -> onnx.TypeProto:
    return onnx.helper.make_tensor_type_proto(fact.elem, fact.shape)


def _read(proto: onnx.TypeProto) -> tuple[int, tuple[int, ...] | None]:
    tensor = proto.tensor_type
    if not tensor.HasField("shape") or any(not d.HasField("dim_value") for d in tensor.shape.dim):
        return int(tensor.elem_type), None
    return int(tensor.elem_type), tuple(int(d.dim_value) for d in tensor.shape.dim)
