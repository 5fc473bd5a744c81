"""Scaled dot-product attention spelled out becomes one op, its KV cache and head layout included."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.ir.graph import Attr, Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.attention_core import Core, find_core, is_causal
from passes.graph.attention_operands import Operand, before_rope, trace, unpack
from passes.graph.draft import Draft, origins


@dataclass(frozen=True)
class FuseAttention(Pass):
    """Turns softmax(q k^T scale + mask) v into one `attention` op.

    Inputs: q, k, v, past k, past v ('' without a cache), then masks and biases of the scores. q, k and v may be one
    packed tensor. Outputs: the context with its heads merged, present k, present v ('' where they do not leave).
    """

    name = "fuse-attention"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        causal: dict[str, bool] = {}
        for op in draft.ops():
            if op.kind == "softmax" and draft.has(op):
                core = find_core(draft, op)
                sizes = None if core is None else _sizes(draft, core)
                if core is not None and sizes is not None:
                    _replace(draft, core, sizes, causal)
        return replace(plan, graph=draft.graph())


def _sizes(draft: Draft, core: Core) -> dict[str, Attr] | None:
    """The attention's sizes as far as its scores tell them."""
    shape = draft.shape(core.softmax.inputs[0])
    product = core.scores.product
    head_dim = draft.shape(product.inputs[0])[-2 if product.attr("trans_a", 0) else -1]
    match shape:
        case (batch, int(kv_heads), int(group), q, kv):
            heads: int | str = kv_heads * group
        case (batch, heads, q, kv):
            kv_heads = heads if isinstance(heads, int) else 0
        case (int(heads), q, kv):
            batch, kv_heads = 1, heads
        case (batch, q, kv):
            heads = kv_heads = 1
        case (q, kv):
            batch = heads = kv_heads = 1
        case _:
            return None
    v_dim = draft.shape(core.context.outputs[0])[-1]
    return {
        "batch": batch, "heads": heads, "kv_heads": kv_heads or heads, "q": q, "kv": kv, "head_dim": head_dim,
        "v_dim": v_dim,
    }  # fmt: skip


def _replace(draft: Draft, core: Core, sizes: dict[str, Attr], causal: dict[str, bool]) -> None:
    product, context = core.scores.product, core.context
    query = trace(draft, product.inputs[0], product, scaled=True)
    key = trace(draft, product.inputs[1], product, scaled=True)
    value = trace(draft, context.inputs[1], context, scaled=False)
    query, key, value = unpack(draft, [query, key, value], (product, context))
    query, key = before_rope(draft, query, product), before_rope(draft, key, product)
    merged = _merged(draft, context)
    heads = sizes["heads"]
    if key.repeats > 1 and isinstance(heads, int) and heads % key.repeats == 0:
        sizes = {**sizes, "kv_heads": heads // key.repeats}
    sizes["causal"] = int(is_causal(draft, core.scores.masks, causal))
    ops = sorted({op.name: op for op in (*_all(query, key, value), *core.ops, *merged)}.values(), key=draft.place)
    result = merged[-1].outputs[0] if merged else context.outputs[0]
    inputs = (query.value, key.value, value.value, key.past, value.past, *core.scores.masks)
    place = max(draft.place(op) for op in (*core.ops, *merged))
    result = _unfolded(draft, result, sizes, place)
    outputs = (result, key.present, value.present)
    for op in _made_elsewhere(draft, ops, outputs):
        draft.drop(op)
    fused = Op(context.name, "attention", _trimmed(inputs), _trimmed(outputs), tuple(sizes.items()), origins(ops))
    draft.put(fused, place)
    draft.prune(ops)


def _all(*operands: Operand) -> tuple[Op, ...]:
    return tuple(op for operand in operands for op in operand.ops)


def _merged(draft: Draft, context: Op) -> tuple[Op, ...]:
    """The views and transposes after the context that put its heads side by side again."""
    ops: list[Op] = []
    op = draft.reader(context.outputs[0])
    while op is not None and (op.kind == "view" or op.attr("op_type") == "Transpose"):
        ops.append(op)
        op = draft.reader(op.outputs[0])
    return tuple(ops)


def _unfolded(draft: Draft, result: str, sizes: dict[str, Attr], place: int) -> str:
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
