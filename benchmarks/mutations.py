"""Damage for the fuzz run: bytes of files, parts of models, and models of operators picked at random."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper

Dice = random.Random

NUMBERS = (-(2**63), -(2**31), -65537, -129, -2, -1, 0, 1, 2, 3, 7, 64, 127, 4097, 2**16, 2**31 - 1, 2**31, 2**40,
           2**62, 2**63 - 1)  # fmt: skip
"""Integers at which code tends to break."""

FLOATS = (float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 1e-45, 3.4e38)
TYPES = (*range(26), 99)
MODIFIERS = ("", "com.microsoft", "ai.onnx.ml", "acme")


def damaged_bytes(dice: Dice, blob: bytes, other: bytes) -> bytes:
    """The file with bytes flipped, cut, repeated, inserted or taken from another file."""
    data = bytearray(blob)
    for _ in range(dice.choice((1, 1, 1, 2, 4, 16))):
        at = dice.randrange(len(data) + 1) if data else 0
        length = min(dice.choice((1, 2, 8, 64, 1024)), len(data) - at)
        match dice.randrange(8):
            case 0 | 1 | 2:
                for _ in range(dice.choice((1, 4, 32))):
                    if data:
                        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            case 3:
                del data[at:]
            case 4:
                del data[at : at + length]
            case 5:
                data[at:at] = data[at : at + length] * dice.choice((1, 3))
            case 6:
                start = dice.randrange(len(other) + 1)
                data[at : at + length] = other[start : start + length]
            case 7:
                data[at : at + length] = bytes([dice.choice((0, 0x7F, 0x80, 0xFF))]) * length
    return bytes(data)


def damaged_model(dice: Dice, model: ModelProto) -> ModelProto:
    """A copy of the model with one to eight parts changed."""
    copy = ModelProto()
    copy.CopyFrom(model)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        change = dice.choice(_CHANGES)
        change(dice, copy)
    return copy


def _graph(dice: Dice, model: ModelProto) -> GraphProto:
    """The main graph, or now and then one inside a node."""
    inner = [a.g for n in model.graph.node for a in n.attribute if a.type == AttributeProto.GRAPH]
    return dice.choice(inner) if inner and dice.random() < 0.4 else model.graph


def _node(dice: Dice, model: ModelProto) -> NodeProto:
    graph = _graph(dice, model)
    functions = [f for f in model.functions if f.node]
    if functions and dice.random() < 0.2:
        return dice.choice(dice.choice(functions).node)
    return dice.choice(graph.node) if graph.node else graph.node.add()


def _name(dice: Dice, graph: GraphProto) -> str:
    names = [o for n in graph.node for o in n.output] + [i.name for i in (*graph.input, *graph.initializer)]
    return dice.choice([*names, "", "ghost"])


def _swap_nodes(dice: Dice, model: ModelProto) -> None:
    graph = _graph(dice, model)
    if len(graph.node) > 1:
        a, b = dice.sample(range(len(graph.node)), 2)
        kept = NodeProto()
        kept.CopyFrom(graph.node[a])
        graph.node[a].CopyFrom(graph.node[b])
        graph.node[b].CopyFrom(kept)


def _drop_node(dice: Dice, model: ModelProto) -> None:
    graph = _graph(dice, model)
    if graph.node:
        del graph.node[dice.randrange(len(graph.node))]


def _repeat_node(dice: Dice, model: ModelProto) -> None:
    graph = _graph(dice, model)
    if graph.node:
        copy = graph.node.add()
        copy.CopyFrom(dice.choice(graph.node))
        if dice.random() < 0.7:
            copy.output[:] = [f"{o}.copy" if o else "" for o in copy.output]
            if graph.output:
                graph.output[0].name = copy.output[0] if copy.output else "y"


def _bypass_node(dice: Dice, model: ModelProto) -> None:
    """Readers of a node read its input instead: operators meet shapes and types they were not made for."""
    graph = _graph(dice, model)
    node = dice.choice(graph.node) if graph.node else None
    if node is not None and node.input and node.output:
        for reader in graph.node:
            reader.input[:] = [node.input[0] if i == node.output[0] else i for i in reader.input]


def _change_inputs(dice: Dice, model: ModelProto) -> None:
    node = _node(dice, model)
    values = node.input if dice.random() < 0.75 else node.output
    match dice.randrange(5):
        case 0 if values:
            values[dice.randrange(len(values))] = _name(dice, model.graph)
        case 1 if values:
            values.pop(dice.randrange(len(values)))
        case 2:
            values.append(_name(dice, model.graph))
        case 3:
            shuffled = list(values)
            dice.shuffle(shuffled)
            values[:] = shuffled
        case 4:
            del values[:]


def _change_attribute(dice: Dice, model: ModelProto) -> None:
    node = _node(dice, model)
    if not node.attribute:
        node.attribute.append(helper.make_attribute(dice.choice(("axis", "perm", "to", "axes")), dice.choice(NUMBERS)))
        return
    attribute = dice.choice(node.attribute)
    match dice.randrange(7):
        case 0:
            node.attribute.remove(attribute)
        case 1:
            node.attribute.add().CopyFrom(attribute)
        case 2:
            attribute.type = dice.randrange(15)
        case 3:
            attribute.name = dice.choice(("axis", "axes", "perm", "to", "value", "K", "body", "then_branch"))
        case _:
            _change_value(dice, attribute)


def _change_value(dice: Dice, attribute: AttributeProto) -> None:
    attribute.i = dice.choice(NUMBERS)
    attribute.f = dice.choice(FLOATS)
    attribute.s = dice.choice((b"", b"\xff\xfe", b"NHWC", b"bij,bjk->bik", b"i" * 300, b"SAME_UPPER"))
    for values in (attribute.ints,):
        if values:
            match dice.randrange(4):
                case 0:
                    values[dice.randrange(len(values))] = dice.choice(NUMBERS)
                case 1:
                    del values[:]
                case 2:
                    values.append(dice.choice(NUMBERS))
                case 3:
                    values.extend(list(values) * dice.choice((1, 3, 300)))
    if attribute.HasField("t"):
        _change_tensor(dice, attribute.t)


def _change_operator(dice: Dice, model: ModelProto) -> None:
    node = _node(dice, model)
    match dice.randrange(4):
        case 0:
            node.domain = dice.choice(MODIFIERS)
        case 1:
            node.op_type = dice.choice(("", "Ghost", "\udc80".encode("utf-8", "replace").decode(), "x" * 10_000))
        case _:
            schema = dice.choice(SCHEMAS)
            node.op_type, node.domain = schema.name, schema.domain


def _change_opset(dice: Dice, model: ModelProto) -> None:
    match dice.randrange(4):
        case 0:
            del model.opset_import[:]
        case 1:
            model.opset_import.append(helper.make_opsetid(dice.choice(MODIFIERS), dice.choice((1, 9, 13, 20))))
        case _ if model.opset_import:
            dice.choice(model.opset_import).version = dice.choice((*range(7, 30), -1, 0, 2**40))


def _change_weight(dice: Dice, model: ModelProto) -> None:
    graph = _graph(dice, model)
    if not graph.initializer:
        return
    tensor = dice.choice(graph.initializer)
    match dice.randrange(6):
        case 0:
            graph.initializer.remove(tensor)
        case 1:
            graph.initializer.add().CopyFrom(tensor)
        case 2:
            tensor.name = _name(dice, graph)
        case _:
            _change_tensor(dice, tensor)


def _change_tensor(dice: Dice, tensor: TensorProto) -> None:
    match dice.randrange(7):
        case 0:
            tensor.data_type = dice.choice(TYPES)
        case 1 if tensor.dims:
            tensor.dims[dice.randrange(len(tensor.dims))] = dice.choice(NUMBERS)
        case 2:
            tensor.dims.extend([dice.choice(NUMBERS)] * dice.choice((1, 1, 70)))
        case 3 if tensor.dims:
            tensor.dims.pop()
        case 4:
            tensor.raw_data = dice.randbytes(dice.choice((0, 1, 7, 8, 16, 64)))
        case 5:
            values = dice.choices(NUMBERS, k=max(1, min(len(tensor.raw_data) // 8, 8)))
            kept = TensorProto(name=tensor.name, data_type=TensorProto.INT64, dims=[len(values)], int64_data=values)
            tensor.CopyFrom(kept)
        case 6:
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(
                key=dice.choice(("location", "offset", "length", "x")), value=dice.choice(("../w", "/w", "-1", "w", ""))
            )


def _change_type(dice: Dice, model: ModelProto) -> None:
    graph = _graph(dice, model)
    values = [*graph.input, *graph.output, *graph.value_info]
    if not values:
        return
    value = dice.choice(values)
    tensor = value.type.tensor_type
    dims = tensor.shape.dim
    match dice.randrange(8):
        case 0:
            tensor.elem_type = dice.choice(TYPES)
        case 1 if dims:
            dice.choice(dims).dim_value = dice.choice(NUMBERS)
        case 2 if dims:
            dice.choice(dims).dim_param = dice.choice(("n", "batch", "a+1", "1//0", "", "9**9**9", "((((", "x" * 9999))
        case 3 if dims:
            dims.pop()
        case 4:
            dims.add().dim_value = dice.choice(NUMBERS)
        case 5:
            value.type.ClearField("value")
        case 6:
            value.type.sequence_type.elem_type.tensor_type.elem_type = dice.choice(TYPES)
        case 7:
            value.name = _name(dice, graph)


def _change_ends(dice: Dice, model: ModelProto) -> None:
    graph = _graph(dice, model)
    ends = graph.input if dice.random() < 0.3 else graph.output
    match dice.randrange(3):
        case 0 if ends:
            ends.pop(dice.randrange(len(ends)))
        case 1 if ends:
            ends.add().CopyFrom(dice.choice(ends))
        case 2:
            ends.append(helper.make_tensor_value_info(_name(dice, graph), dice.choice(TYPES), None))


def _wrap_in_if(dice: Dice, model: ModelProto) -> None:
    """A node becomes an If with that node in both branches."""
    graph = model.graph
    if not graph.node:
        return
    node = dice.choice(graph.node)
    inner = NodeProto()
    inner.CopyFrom(node)
    outputs = [helper.make_tensor_value_info(o, 1, None) for o in node.output if o]
    branch = helper.make_graph([inner], "branch", [], outputs)
    condition = helper.make_tensor("", TensorProto.BOOL, [], [dice.random() < 0.5])
    name = f"cond{len(graph.node)}"
    wrapped = helper.make_node("If", [name], list(node.output), then_branch=branch, else_branch=branch)
    node.CopyFrom(wrapped)
    graph.node.insert(0, helper.make_node("Constant", [], [name], value=condition))


_CHANGES: tuple[Callable[[Dice, ModelProto], None], ...] = (
    _swap_nodes, _drop_node, _repeat_node, _bypass_node, _change_inputs, _change_inputs, _change_inputs,
    _change_attribute, _change_attribute, _change_attribute, _change_operator, _change_operator, _change_opset,
    _change_weight, _change_weight, _change_weight, _change_type, _change_type, _change_ends, _wrap_in_if,
)  # fmt: skip


def _schemas() -> tuple[onnx.defs.OpSchema, ...]:
    known = {(s.domain, s.name) for s in onnx.defs.get_all_schemas()}
    return tuple(onnx.defs.get_schema(name, domain=domain) for domain, name in sorted(known))


SCHEMAS = _schemas()


def probe(dice: Dice) -> ModelProto:
    """A chain of one to four operators picked at random, on inputs of random types and sizes."""
    inputs: dict[str, onnx.ValueInfoProto] = {}
    weights: list[TensorProto] = []
    nodes: list[NodeProto] = []
    pool: list[str] = []
    for index in range(dice.randint(1, 4)):
        schema = dice.choice(SCHEMAS)
        names = []
        for position in range(dice.randint(schema.min_input, min(schema.max_input, schema.min_input + 3))):
            if pool and dice.random() < 0.6:
                names.append(dice.choice(pool))
                continue
            name = f"v{index}_{position}"
            names.append(name)
            if dice.random() < 0.4:
                weights.append(_small(dice, name))
            else:
                inputs[name] = helper.make_tensor_value_info(name, dice.choice((1, 1, 1, 2, 7, 7, 9, 10)), _sizes(dice))
        outputs = [f"o{index}_{i}" for i in range(dice.randint(max(schema.min_output, 1), min(schema.max_output, 4)))]
        node = helper.make_node(schema.name, names, outputs, domain=schema.domain)
        for attribute in schema.attributes.values():
            if attribute.required or dice.random() < 0.3:
                _set(dice, node, attribute)
        nodes.append(node)
        pool += outputs
    ends = [helper.make_tensor_value_info(name, 1, None) for name in nodes[-1].output]
    imports = [helper.make_opsetid(d, onnx.defs.onnx_opset_version() if not d else 5 if "ml" in d else 1)
               for d in dict.fromkeys(["", *(n.domain for n in nodes)])]  # fmt: skip
    return helper.make_model(
        helper.make_graph(nodes, "probe", list(inputs.values()), ends, weights), opset_imports=imports
    )


def _sizes(dice: Dice) -> Sequence[int]:
    return [dice.choice((0, 1, 1, 2, 3, 4, 8)) for _ in range(dice.choice((0, 1, 2, 2, 3, 4, 5)))]


def _small(dice: Dice, name: str) -> TensorProto:
    size = dice.choice((0, 1, 1, 2, 3, 4))
    dims = [] if size == 1 and dice.random() < 0.5 else [size]
    if dice.random() < 0.7:
        values = dice.choices((*NUMBERS, -1, 0, 1, 1, 2, 2, 3, 4), k=size)
        return TensorProto(name=name, data_type=TensorProto.INT64, dims=dims, int64_data=values)
    return TensorProto(
        name=name, data_type=TensorProto.FLOAT, dims=dims, float_data=dice.choices((*FLOATS, 1, 2), k=size)
    )


def _set(dice: Dice, node: NodeProto, attribute: onnx.defs.OpSchema.Attribute) -> None:
    kind = onnx.defs.OpSchema.AttrType
    small = lambda: dice.choice((*NUMBERS, -1, 0, 0, 1, 1, 2, 3))  # noqa: E731
    values = {
        kind.INT: small(),
        kind.INTS: [small() for _ in range(dice.randint(0, 4))],
        kind.FLOAT: dice.choice((*FLOATS, 0.5, 1.0)),
        kind.FLOATS: [0.5] * dice.randint(1, 3),
        kind.STRING: dice.choice(("", "linear", "SAME_UPPER", "ij,jk->ik", "\n", "x" * 200)),
        kind.STRINGS: ["a"] * dice.randint(1, 3),
        kind.TENSOR: _small(dice, "t"),
        kind.GRAPH: helper.make_graph([helper.make_node("Identity", ["i"], ["j"])], "g",
                                      [helper.make_tensor_value_info("i", 7, [])],
                                      [helper.make_tensor_value_info("j", 7, [])]),
    }  # fmt: skip
    if attribute.type in values:
        value = values[attribute.type]
        made = AttributeProto()
        if isinstance(value, list) and not value:
            made.name, made.type = attribute.name, AttributeProto.INTS
        else:
            made = helper.make_attribute(attribute.name, value)
        node.attribute.append(made)
