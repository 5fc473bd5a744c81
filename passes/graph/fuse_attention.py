"""Scaled dot-product attention spelled out becomes one op, its KV cache and head layout included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapper.ir.graph import Attr, Binding
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.attention_core import Core, find_core
from passes.graph.attention_cuts import cut_before_heads
from passes.graph.attention_einsum import Spelled
from passes.graph.attention_layout import by_position
from passes.graph.attention_native import absorb_layout
from passes.graph.attention_operands import trace
from passes.graph.attention_packed import unpack
from passes.graph.attention_scale import Scaling, scaling
from passes.graph.attention_sizes import sizes_of
from passes.graph.attention_tail import finish
from passes.graph.draft import Draft


@dataclass(frozen=True)
class FuseAttention(Pass):
    """Turns softmax(q k^T scale + mask) v into one `attention` op; ai.onnx Attention takes over its head layout.

    Inputs: q, k, v, past k, past v ('' without a cache), then masks and biases of the scores. q, k and v may be one
    packed tensor. Outputs: the context with its heads merged, present k, present v ('' where they do not leave).
    Attributes: the sizes, causal and window as the softmax knows them, scale and softcap where they are known, masks
    (what each of them does to the scores), sink where a logit per head that only takes weight follows them.
    """

    name = "fuse-attention"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        spelled = Spelled(draft)
        for op in draft.ops():
            spelled.spell(op)
        for op in draft.ops():
            if op.kind == "attention" and draft.has(op):
                absorb_layout(draft, op)
            elif op.kind == "softmax" and draft.has(op):
                core = find_core(draft, op)
                scale = None if core is None else scaling(draft, core.scores)
                if core is not None and scale is not None:
                    _fuse(draft, core, scale, _bindings(plan, core))
        spelled.restore()
        return replace(plan, graph=draft.graph())


def _fuse(draft: Draft, core: Core, scale: Scaling, bindings: Sequence[Binding]) -> None:
    """Replaces the core and what leads to it by one op, unless its sizes remain unclear."""
    product, context = core.scores.product, core.context
    cut_before_heads(draft, (*product.inputs[:2], context.inputs[1]))
    query = trace(draft, product.inputs[0], product, scaled=True)
    key = trace(draft, product.inputs[1], product, scaled=True)
    value = trace(draft, context.inputs[1], context, scaled=False)
    sizes = sizes_of(draft, core, query, key, bindings)
    if sizes is None:
        return
    scale = scale.times(query.factor).times(key.factor)
    query, key, value = unpack(draft, [query, key, value], (product, context))
    query, key = by_position(draft, query, product), by_position(draft, key, product)
    value = by_position(draft, value, context)
    attrs = {**sizes, **_further_attributes(core), **scale.attributes}
    finish(draft, context, (query, key, value), core.ops, (*(name for name, _ in core.masks), core.scores.sink), attrs)


def _bindings(plan: Plan, core: Core) -> list[Binding]:
    """The sizes at all samples of the phases that run these ops."""
    names = {op.name for op in core.ops}
    phases = [p for p in plan.phases if not p.results or not names.isdisjoint(plan.ops_of[p.name])]
    return [binding for phase in phases for binding in phase.bindings()]


def _further_attributes(core: Core) -> dict[str, Attr]:
    """What the softmax knows of its mask, in which type the products are computed, and whether there is a sink."""
    found: dict[str, Attr] = {"causal": int(bool(core.softmax.attr("causal", 0)))}
    window = core.softmax.attr("window")
    if window is not None:
        found["window"] = window
    if core.masks:
        found["masks"] = tuple(meaning for _, meaning in core.masks)
    for name in ("quantised", "arithmetic"):
        width = core.scores.product.attr(name)
        if width is not None:
            found[name] = width
    return {**found, "sink": 1} if core.scores.sink else found
