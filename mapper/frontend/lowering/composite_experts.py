"""Mixtures of experts: a product with some of a stack of matrices, an activation, another product."""

from __future__ import annotations

from math import prod

from mapper.frontend.lowering.composite_parts import BITS, Parts, columns_of, type_of
from mapper.frontend.lowering.known import size_of
from mapper.hw.work import DType
from mapper.ir.experts import expected_experts
from mapper.ir.graph import Attr, Value


def mixture(parts: Parts) -> None:
    """MoE and QMoE: each token goes through its k experts; their products touch only the experts that are picked."""
    node, store = parts.node, parts.store
    places = (2, 5, 8) if node.op_type == "QMoE" else (2, 4, 6)
    tokens = [prod(s[:-1]) for s in store.shapes(node.inputs[0])]
    picked = max(int(node.attr("k", 1)), 1)
    experts, width = columns_of(parts, 1), store.shapes(node.inputs[0])[0][-1]
    inner = _inner_width(parts, places[1], width)
    wide = columns_of(parts, places[0], 1)
    rows = size_of(store, [t * picked for t in tokens])
    active = size_of(store, [expected_experts(experts, picked, t) for t in tokens])
    mixed: dict[str, Attr] = {"experts": experts, "picked": picked, "active": active, "trans_a": 0, "trans_b": 1}
    dtype, routes = type_of(parts, 0), _routes(parts, rows)

    def expert(suffix: str, data: str, place: int, columns: int, depth: int) -> str:
        weight = parts.input(place)
        if node.op_type == "QMoE":
            bits = int(node.attr("expert_weight_bits", 4))
            store.stored[weight] = Value(
                weight, (experts, columns, depth), BITS.get(bits, DType.I4), store.value(weight).role
            )
        sides = (weight, *parts.inputs(*range(place + 1, place + (3 if node.op_type == "QMoE" else 2))))
        out = parts.between(suffix, (rows, columns), dtype)
        parts.add(suffix, "matmul", (data, *sides, routes), (out,), **mixed)
        return out

    hidden = expert("fc1", parts.input(0), places[0], wide, width)
    function = str(node.attr("activation_type", "relu"))
    if wide == 2 * inner:
        gated = parts.between("act", (rows, inner), dtype)
        parts.add("act", "elementwise", (hidden,), (gated,), fn="swiglu", shape="own")
    else:
        sides = [hidden, expert("fc3", parts.input(0), places[2], wide, width)] if parts.input(places[2]) else [hidden]
        gated = parts.between("act", (rows, inner), dtype)
        fn = "swiglu" if len(sides) > 1 else function
        parts.add("act", "elementwise", tuple(sides), (gated,), fn=fn)
    result = expert("fc2", gated, places[1], width, inner)
    parts.add("", "reduce", (result, routes), node.outputs, axes=(0,), keepdims=0)


def _inner_width(parts: Parts, place: int, width: int) -> int:
    """Width between the two products: the columns of the second one's weight, unpacked."""
    stored = columns_of(parts, place)
    if parts.node.op_type != "QMoE":
        return stored
    rows = parts.store.shapes(parts.node.inputs[place])[0][1]
    bits = int(parts.node.attr("expert_weight_bits", 4))
    return stored * 8 // bits if rows == width else stored


def _routes(parts: Parts, rows: int | str) -> str:
    """Which expert each row goes to, from the router's scores."""
    routes = parts.between("routes", (rows,), DType.I32)
    parts.add("route", "sort", parts.inputs(1), (routes,))
    return routes
