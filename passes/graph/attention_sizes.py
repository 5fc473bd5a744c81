"""Batch, heads, queries, keys and widths of an attention that was spelled out."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from mapper.ir.graph import Attr, Binding, bind
from passes.graph.attention_core import Core
from passes.graph.attention_layout import HEADS_FIRST
from passes.graph.attention_operands import Operand
from passes.graph.draft import Draft

Dim = int | str
Sizes = dict[str, Attr]


def sizes_of(draft: Draft, core: Core, query: Operand, key: Operand, bindings: Sequence[Binding]) -> Sizes | None:
    """The attention's sizes; None unless they agree with the scores' number in every phase."""
    product = core.scores.product
    left, right = (draft.shape(n) for n in product.inputs[:2])
    scores = draft.shape(product.outputs[0])
    head_dim = left[-2 if product.attr("trans_a", 0) else -1]
    v_dim = draft.shape(core.context.outputs[0])[-1]
    for batch, heads, queries in _candidates(draft, core, query):
        total = [prod(bind((batch, heads, queries, scores[-1]), b)) for b in bindings]
        if total == [prod(bind(scores, b)) for b in bindings]:
            kv_heads = _kv_heads(heads, right, key)
            return {
                "batch": batch, "heads": heads, "kv_heads": kv_heads, "q": queries, "kv": scores[-1],
                "head_dim": head_dim, "v_dim": v_dim,
            }  # fmt: skip
    return None


def _candidates(draft: Draft, core: Core, query: Operand) -> list[tuple[Dim, Dim, Dim]]:
    """Batch, heads and queries as the shapes on the way suggest them, the likeliest first."""
    values = [core.scores.product.outputs[0], *(op.outputs[0] for op, _ in core.scores.path)]
    keys = draft.shape(values[0])[-1]
    shapes = [s for v in values if (s := draft.shape(v))[-1] == keys]
    found = _by_heads(draft, query)
    if len(shapes[0]) >= 4:
        found += _leading(shapes[0])
    found += [c for shape in shapes[1:] if len(shape) == 4 for c in _leading(shape)]
    before = [draft.shape(op.outputs[0]) for op in query.ops]
    if len(shapes[0]) == 3:
        found += [(b, h, q) for b, h, q, *_ in (s for s in reversed(before) if len(s) == 4)]
    return [*found, *_leading(shapes[0])]


def _by_heads(draft: Draft, query: Operand) -> list[tuple[Dim, Dim, Dim]]:
    """The query's own [batch, heads, queries, width], before heads that share keys are folded into its rows."""
    turned = [op.outputs[0] for op in query.ops if op.attr("perm") == HEADS_FIRST]
    shape = draft.shape(turned[-1] if turned else query.value)
    return [(shape[0], shape[1], shape[2])] if len(shape) == 4 else []


def _leading(shape: tuple[Dim, ...]) -> list[tuple[Dim, Dim, Dim]]:
    """Batch, heads and queries of scores with these dims; inner dims before the queries are heads."""
    match shape:
        case (q, _):
            return [(1, 1, q)]
        case (first, q, _):
            return [(1, first, q)] if isinstance(first, int) else [(first, 1, q)]
        case (batch, *heads, q, _):
            counts = [h for h in heads if isinstance(h, int)]
            if len(counts) == len(heads):
                return [(batch, prod(counts), q)]
            if isinstance(batch, int) and len(heads) - len(counts) == 1:
                (open_dim,) = (h for h in heads if not isinstance(h, int))
                return [(open_dim, batch * prod(counts), q)]
    return []


def _kv_heads(heads: Dim, right: tuple[Dim, ...], key: Operand) -> Dim:
    """Heads of the keys: fewer where they are repeated, or broadcast by the product itself."""
    if not isinstance(heads, int):
        return heads
    stored = heads
    inner = [d for d in right[1:-2] if isinstance(d, int)]
    if len(right) >= 4 and len(inner) == len(right) - 3:
        stored = prod(inner)
    distinct = stored // key.repeats if stored % key.repeats == 0 else stored
    return distinct if distinct and heads % distinct == 0 else heads
