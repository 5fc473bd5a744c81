"""Scaled dot-product attention spelled out becomes one op, its KV cache and head layout included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapper.ir.graph import Attr, Binding, Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.attention_core import Core, find_core
from passes.graph.attention_layout import by_position
from passes.graph.attention_operands import Operand, trace
from passes.graph.attention_packed import unpack
from passes.graph.attention_scale import Scaling, scaling
from passes.graph.attention_sizes import Sizes, sizes_of
from passes.graph.draft import Draft, origins


@dataclass(frozen=True)
class FuseAttention(Pass):
    """Turns softmax(q k^T scale + mask) v into one `attention` op.

    Inputs: q, k, v, past k, past v ('' without a cache), then masks and biases of the scores. q, k and v may be one
    packed tensor. Outputs: the context with its heads merged, present k, present v ('' where they do not leave).
    Attributes: the sizes, causal and window as the softmax knows them, scale and softcap where they are known, sink
    where the last input but the places in fixed caches is a logit per head that only takes weight.
    """

    name = "fuse-attention"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        bindings = [binding for phase in plan.phases for binding in phase.bindings()]
        for op in draft.ops():
            if op.kind == "softmax" and draft.has(op):
                core = find_core(draft, op)
                scale = None if core is None else scaling(draft, core.scores)
                if core is not None and scale is not None:
                    _fuse(draft, core, scale, bindings)
        return replace(plan, graph=draft.graph())


def _fuse(draft: Draft, core: Core, scale: Scaling, bindings: Sequence[Binding]) -> None:
    """Replaces the core and what leads to it by one op, unless its sizes remain unclear."""
    product, context = core.scores.product, core.context
    query = trace(draft, product.inputs[0], product, scaled=True)
    key = trace(draft, product.inputs[1], product, scaled=True)
    value = trace(draft, context.inputs[1], context, scaled=False)
    sizes = sizes_of(draft, core, query, key, bindings)
    if sizes is None:
        return
    scale = scale.times(query.factor).times(key.factor)
    query, key, value = unpack(draft, [query, key, value], (product, context))
    query, key = by_position(draft, query, product), by_position(draft, key, product)
    _replace(draft, core, sizes, scale, (query, key, value))


def _replace(draft: Draft, core: Core, sizes: Sizes, scale: Scaling, operands: tuple[Operand, ...]) -> None:
    query, key, value = operands
    context, merged = core.context, _merged(draft, core.context)
    ops = sorted({op.name: op for op in (*_all(operands), *core.ops, *merged)}.values(), key=draft.place)
    result = merged[-1].outputs[0] if merged else context.outputs[0]
    extra = dict.fromkeys((*core.masks, core.scores.sink, *key.places, *value.places))
    inputs = (query.value, key.value, value.value, key.past, value.past, *filter(None, extra))
    place = max(draft.place(op) for op in (*core.ops, *merged))
    result = _unfolded(draft, result, sizes, place)
    outputs = (result, key.present, value.present)
    for op in _made_elsewhere(draft, ops, outputs):
        draft.drop(op)
    attrs = {**sizes, **_further_attributes(core), **scale.attributes}
    fused = Op(context.name, "attention", _trimmed(inputs), _trimmed(outputs), tuple(attrs.items()), origins(ops))
    draft.put(fused, place)
    draft.prune(ops)


def _further_attributes(core: Core) -> dict[str, Attr]:
    """What the softmax knows of its mask, in which type the products are computed, and whether there is a sink."""
    found: dict[str, Attr] = {"causal": int(bool(core.softmax.attr("causal", 0)))}
    window = core.softmax.attr("window")
    if window is not None:
        found["window"] = window
    for name in ("quantised", "arithmetic"):
        width = core.scores.product.attr(name)
        if width is not None:
            found[name] = width
    return {**found, "sink": 1} if core.scores.sink else found


def _all(operands: tuple[Operand, ...]) -> tuple[Op, ...]:
    return tuple(op for operand in operands for op in operand.ops)


def _merged(draft: Draft, context: Op) -> tuple[Op, ...]:
    """The views and transposes after the context that put its heads side by side again."""
    ops: list[Op] = []
    op = draft.reader(context.outputs[0])
    while op is not None and (op.kind == "view" or op.attr("op_type") == "Transpose"):
        ops.append(op)
        op = draft.reader(op.outputs[0])
    return tuple(ops)


def _unfolded(draft: Draft, result: str, sizes: Sizes, place: int) -> str:
    """The context as [batch, q, width] where the graph goes on with [batch q, width], of which it becomes a view."""
    old, (batch, q, heads, v_dim) = draft.values[result], (sizes[n] for n in ("batch", "q", "heads", "v_dim"))
    if len(old.shape) != 2 or result in draft.kept or not (isinstance(heads, int) and isinstance(v_dim, int)):
        return result
    if not isinstance(batch, (int, str)) or not isinstance(q, (int, str)) or old.shape[-1] != heads * v_dim:
        return result
    maker = draft.maker(result)
    assert maker is not None
    new = replace(old, name=f"{result}.unfolded", shape=(batch, q, heads * v_dim))
    draft.put(replace(maker, outputs=(f"{result}.replaced",)))
    draft.put(Op(f"{maker.name}.view", "view", (new.name,), (result,), origin=maker.origin), place)
    return draft.add_value(new)


def _made_elsewhere(draft: Draft, ops: list[Op], outputs: tuple[str, ...]) -> list[Op]:
    """The ops that make what the attention is going to make."""
    return [op for op in ops if draft.has(op) and set(op.outputs) & set(filter(None, outputs))]


def _trimmed(names: tuple[str, ...]) -> tuple[str, ...]:
    while names and not names[-1]:
        names = names[:-1]
    return names
