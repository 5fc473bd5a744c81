"""Experts dealt to ranks: rows that a router sends to a rank's own experts, and mixtures in one node."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from mapper.emit.shards.layouts import SUM, WHOLE, Dealt, Lay, Split, even
from mapper.emit.shards.rules import NO_RULE, Answer, Asked, Division, Numbers, Rule, opset

_ANY = (1 << 40, (1 << 40) + 1)
"""A stretch that stands for rows of which only a call tells which they are."""

OLDEST_OPSET = 11
"""Older files lack what rows are counted with (CumSum, ScatterElements)."""

Nodes = tuple[list[onnx.NodeProto], dict[str, Numbers]]


def row_by_row(asked: Asked, rule: Rule) -> Answer:
    """The division of a node that reads dealt rows: its own rule, where that treats them one by one whichever they are;
    else as a sum, to which each rank adds its rows and zeros."""
    held = next(lay for lay in asked.lays if isinstance(lay, Dealt))
    alike = tuple(_stand_in(lay, held) for lay in asked.lays)
    answer = rule(replace(asked, lays=alike))
    if not isinstance(answer, str) and (found := _dealt(asked, answer, held)) is not None:
        return found
    return rule(replace(asked, lays=tuple(SUM if isinstance(lay, Dealt) else lay for lay in asked.lays)))


def _stand_in(lay: Lay, held: Dealt) -> Lay:
    """Rows of the same experts; other parts are of no use beside them."""
    if not isinstance(lay, Dealt) or lay.along(held.axis) != held:
        return lay if lay is SUM else WHOLE
    return Split(lay.axis, ((_ANY,),) * len(held.ranges))


def _dealt(asked: Asked, answer: Division, held: Dealt) -> Division | None:
    """The answer with dealt rows again; None where it depends on which rows they are."""
    if answer.fixed or answer.patched or answer.attrs or answer.entry or answer.nodes or answer.first:
        return None
    if any(isinstance(lay, Split) and asked.out(i) is None for i, lay in enumerate(answer.leaves)):
        return None
    lays = [_again(lay, held) for lay in (*answer.wants, *answer.leaves)]
    if any(lay is None for lay in lays):
        return None
    found = [lay for lay in lays if lay is not None]
    return replace(answer, wants=tuple(found[: len(answer.wants)]), leaves=tuple(found[len(answer.wants) :]))


def _again(lay: Lay, held: Dealt) -> Lay | None:
    if not isinstance(lay, Split):
        return lay
    return held.along(lay.axis) if all(row == (_ANY,) for row in lay.ranges) else None


def pick(asked: Asked, rows: int) -> Division | None:
    """Matrices of a rank's own experts, for the rows that go to them. rows: axes of the indices that count rows; None
    where more than one has entries, or the plan does not divide by experts."""
    shape, places = asked.shape(0), asked.shape(1)
    if "expert" not in asked.ways or shape is None or places is None or rows != 1 or asked.split(1) is not None:
        return None
    if opset(asked) < OLDEST_OPSET:
        return None
    experts = int(shape[0] or 0)
    if experts < asked.ranks or asked.lays[1] is SUM or asked.out() is None:
        return None
    ranges = even(experts, asked.ranks)
    dealt = Dealt(0, asked.name(1), ranges, experts)
    kind = _type_of(asked, 1)

    def nodes(rank: int, proto: onnx.NodeProto) -> Nodes:
        out, own = proto.output[0], onnx.NodeProto()
        names = {key: f"{out} {key}" for key in ("experts", "first expert", "expert", "own expert")}
        made = [
            onnx.helper.make_node("Mod", [proto.input[1], names["experts"]], [names["expert"]]),
            onnx.helper.make_node("Sub", [names["expert"], names["first expert"]], [names["own expert"]]),
        ]
        own.CopyFrom(proto)
        own.input[1] = names["own expert"]
        start = ranges[rank][0][0]
        numbers = {names["experts"]: np.array(experts, kind), names["first expert"]: np.array(start, kind)}
        return [*made, own], numbers

    return asked.held({0: Split(0, ranges), 1: dealt}, dealt, nodes=nodes)


def _type_of(asked: Asked, i: int) -> Any:
    elem = asked.facts.elem(asked.name(i))
    return np.int64 if elem is None else onnx.helper.tensor_dtype_to_np_dtype(elem)


def rows_of(dealt: Dealt, rank: int, place: str, name: str, kind: Any) -> Nodes:
    """Nodes that find a rank's rows: `NAME rows` are their numbers, and `NAME places` has for each row of all where it
    lies among the rank's own, from 1 on; 0 for those of others. place: the name of the experts of all rows."""
    (start, stop) = dealt.ranges[rank][0]
    words = "all count first last nothing flat expert high under low mine found rows ones sums places"
    one = {word: f"{name} {word}" for word in words.split()}
    numbers: dict[str, Numbers] = {
        one["all"]: np.array([-1], np.int64),
        one["count"]: np.array(dealt.experts, kind),
        one["first"]: np.array(start, kind),
        one["last"]: np.array(stop, kind),
        one["nothing"]: np.array(0, np.int64),
    }
    make = onnx.helper.make_node
    made = [
        make("Reshape", [place, one["all"]], [one["flat"]]),
        make("Mod", [one["flat"], one["count"]], [one["expert"]]),
        make("Less", [one["expert"], one["last"]], [one["high"]]),
        make("Less", [one["expert"], one["first"]], [one["under"]]),
        make("Not", [one["under"]], [one["low"]]),
        make("And", [one["high"], one["low"]], [one["mine"]]),
        make("NonZero", [one["mine"]], [one["found"]]),
        make("Reshape", [one["found"], one["all"]], [one["rows"]]),
        make("Cast", [one["mine"]], [one["ones"]], to=onnx.TensorProto.INT64),
        make("CumSum", [one["ones"], one["nothing"]], [one["sums"]]),
        make("Mul", [one["ones"], one["sums"]], [one["places"]]),
    ]
    return made, numbers


def summand(local: str, sink: str, name: str, axis: int, rank: int) -> Nodes:
    """Nodes that make rows of a rank a summand: zeros where rows are those of others. rank: number of axes. `name` as
    of `rows_of`."""
    before = np.zeros(2 * rank, np.int64)
    before[axis] = 1  # a row of zeros in front, which others' rows are
    make = onnx.helper.make_node
    made = [
        make("Pad", [local, f"{sink} margin"], [f"{sink} padded"]),
        make("Gather", [f"{sink} padded", f"{name} places"], [sink], axis=axis),
    ]
    return made, {f"{sink} margin": before}


_MIXTURES = {"MoE": 8, "QMoE": 14}
"""Operands that there are at most: behind hidden values and scores, all have an axis of experts in front."""
_NOT_PICKED = -1e4
"""Logarithm of the weight of an expert that is not picked: exp() of it is 0 beside any that is."""


def mixture_by_experts(asked: Asked) -> Answer:
    """onnxruntime's MoE and QMoE by experts: each rank has its own ones, as many operands as there are.

    The node routes by itself, and weighs the experts that it picks so that weights sum to one. A rank's node gets the
    logarithms of the whole router's weights; its result is scaled by what these sum to among its experts.
    """
    kind, up, scores = asked.proto.op_type, asked.shape(2), asked.shape(1)
    width = (asked.shape(0) or (None,))[-1]
    if up is None or scores is None or up[0] is None or len(scores) != 2 or width is None:
        return NO_RULE
    experts, picked = int(up[0]), int(asked.attr("k", 1))
    if experts < asked.ranks or asked.attr("use_sparse_mixer", 0) or len(asked.proto.input) > _MIXTURES[kind]:
        return NO_RULE
    if opset(asked) < OLDEST_OPSET:
        return f"opset {opset(asked)} is too old to route beside the node"
    normal = bool(asked.attr("normalize_routing_weights", 0))
    if kind == "QMoE" and not normal:  # onnxruntime 1.31: the CPU's ignores it, the GPU's does not
        return "runtimes differ in what its routing weights sum to"
    ranges, kinds = even(experts, asked.ranks), _type_of(asked, 1)
    part = Split(0, ranges)
    wants: dict[int, Lay] = {i: part for i in range(2, len(asked.proto.input)) if asked.has(i)}

    def nodes(rank: int, proto: onnx.NodeProto) -> Nodes:
        (stretch,) = ranges[rank]
        return _routed(proto, stretch, picked, normal, width, kinds)

    return asked.held(wants, SUM, nodes=nodes)


def _routed(proto: onnx.NodeProto, own: tuple[int, int], picked: int, normal: bool, width: int, kind: Any) -> Nodes:
    """The node on its own experts, with what the whole router gives these around it. width: of a row of values."""
    out, count, make = proto.output[0], own[1] - own[0], onnx.helper.make_node
    words = "top zero first last axis floor ones alike rows weights picks values none all own any log scores made sum"
    one = {word: f"{out} {word}" for word in (*words.split(), "total", "share", "flat", "shape", "scaled")}
    numbers: dict[str, Numbers] = {
        one["top"]: np.array([picked], np.int64),
        one["zero"]: np.array(0, kind),
        one["first"]: np.array([own[0]], np.int64),
        one["last"]: np.array([own[1]], np.int64),
        one["axis"]: np.array([1], np.int64),
        one["floor"]: np.array(_NOT_PICKED, kind),
        one["ones"]: np.ones((count, 1), kind),
        one["rows"]: np.array([-1, width], np.int64),
    }
    node = onnx.NodeProto()
    node.CopyFrom(proto)
    node.input[1], node.output[0] = one["scores"], one["made"]
    kept = [a for a in node.attribute if a.name not in ("k", "normalize_routing_weights")]
    del node.attribute[:]
    changed = {"k": min(picked, count), "normalize_routing_weights": 1}
    node.attribute.extend([*kept, *(onnx.helper.make_attribute(n, v) for n, v in changed.items())])
    made = [
        make("Softmax", [proto.input[1]], [one["weights"]], axis=-1),
        make("TopK", [one["weights"], one["top"]], [one["values"], one["picks"]], axis=-1),
        make("Mul", [one["weights"], one["zero"]], [one["none"]]),
        make("ScatterElements", [one["none"], one["picks"], one["values"]], [one["all"]], axis=1),
        make("Slice", [one["all"], one["first"], one["last"], one["axis"]], [one["own"]]),
        make("Greater", [one["own"], one["zero"]], [one["any"]]),
        make("Log", [one["own"]], [one["log"]]),
        make("Where", [one["any"], one["log"], one["floor"]], [one["scores"]]),
        node,
        make("MatMul", [one["own"], one["ones"]], [one["sum"]]),
    ]
    share = one["sum"]
    if normal:
        numbers[one["alike"]] = np.ones((picked, 1), kind)
        made += [
            make("MatMul", [one["values"], one["alike"]], [one["total"]]),
            make("Div", [one["sum"], one["total"]], [one["share"]]),
        ]
        share = one["share"]
    return [*made, *_scaled(one, share, out)], numbers


def _scaled(one: dict[str, str], share: str, out: str) -> list[onnx.NodeProto]:
    """The result times a number for each row, whose axes in front of the last may be several."""
    make = onnx.helper.make_node
    return [
        make("Shape", [one["made"]], [one["shape"]]),
        make("Reshape", [one["made"], one["rows"]], [one["flat"]]),
        make("Mul", [one["flat"], share], [one["scaled"]]),
        make("Reshape", [one["scaled"], one["shape"]], [out]),
    ]
