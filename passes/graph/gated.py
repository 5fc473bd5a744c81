"""A gate: one value activated times another of the same shape, both halves of one tensor where they come from one."""

from __future__ import annotations

from dataclasses import replace

from mapper.hw.work import Role
from mapper.ir.graph import Attr, Op
from passes.graph.draft import Draft, origins
from passes.graph.rope_parts import Part, part

GATES = {"silu": "swiglu", "gelu": "geglu", "relu": "reglu"}
"""The gate by the function that activates it."""


def fuse_gate(draft: Draft, activation: Op) -> None:
    """Turns activation(a) * b into one elementwise op of a and b, or of the tensor that holds just them.

    Attributes: approximate and alpha as the activation has them. Of one tensor: gate, which half is activated;
    interleaved where its even and odd elements are the halves.
    """
    name, product = GATES.get(str(activation.attr("fn"))), draft.reader(activation.outputs[0])
    if name is None or product is None or product.kind != "elementwise" or product.attr("fn") != "mul":
        return
    others = [n for n in product.inputs if n != activation.outputs[0]]
    data = [n for n in activation.inputs if n]
    if len(others) != 1 or len(product.inputs) != 2 or len(data) != 1 or others == data:
        return
    if draft.values[others[0]].role is Role.WEIGHT:
        return
    same = {draft.shape(n) for n in (data[0], others[0], product.outputs[0])}
    types = {draft.values[n].dtype for n in (data[0], others[0], product.outputs[0])}
    if len(same) != 1 or len(types) != 1:
        return
    further = {key: value for key, value in activation.attrs if key in ("approximate", "alpha")}
    attrs: dict[str, Attr] = {"fn": name, **further}
    ops = sorted((activation, product), key=draft.place)
    fused = Op(product.name, "elementwise", (data[0], others[0]), product.outputs, tuple(attrs.items()), origins(ops))
    draft.put(fused)
    draft.prune([activation])
    _take_over_halves(draft, fused)


def _take_over_halves(draft: Draft, gate: Op) -> None:
    """A gate of the two halves of one tensor reads that tensor as it is."""
    found = [part(draft, name) for name in gate.inputs]
    gated, other = found
    if gated is None or other is None or (gated.whole, gated.paired) != (other.whole, other.paired):
        return
    if gated.which == other.which or not _closed(draft, gate, (gated, other)):
        return
    cuts = sorted({op.name: op for half in (gated, other) for op in half.ops}.values(), key=draft.place)
    whole: dict[str, Attr] = {"shape": "own", "gate": gated.which, **({"interleaved": 1} if gated.paired else {})}
    attrs = (*gate.attrs, *whole.items())
    draft.put(replace(gate, inputs=(gated.whole,), attrs=attrs, origin=origins((*cuts, gate))))
    draft.prune(cuts)


def _closed(draft: Draft, gate: Op, halves: tuple[Part, Part]) -> bool:
    """Whether only the gate reads what is cut, in the shape in which it was cut, without casts."""
    ops = [op for half in halves for op in half.ops]
    inside = {gate.name, *(op.name for op in ops)}
    plain = all(op.kind != "cast" for op in ops)
    halved = draft.shape(halves[0].whole)[:-1] == draft.shape(gate.outputs[0])[:-1]
    return plain and halved and all(draft.private(n, inside) for op in ops for n in op.outputs if n)
