"""The vocabulary of op kinds: for each, a shape rule and the sizes of its `Work`.

A shape rule returns what the input shapes imply for the outputs, or None where the output shape is part of the op's
own data (a reshape's target, a slice's bounds); then `conserves` says what must still hold.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod

from mapper.errors import InvalidPlan, did_you_mean
from mapper.ir.exchange_kinds import EXCHANGE_KINDS
from mapper.ir.experts import expert_dims
from mapper.ir.graph import Binding, Graph, Op, Shape, bind
from mapper.ir.kind import Dims, Kind, OpView, Shapes, stated_shapes
from mapper.ir.registry import Registry, gather


def elements(shape: Shape) -> int:
    """Number of elements of a shape."""
    return prod(shape)


def broadcast(shapes: Shapes) -> Shape:
    """The numpy broadcast of the shapes; raises ValueError where they do not fit."""
    rank = max((len(s) for s in shapes), default=0)
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in shapes]
    out = []
    for column in zip(*padded, strict=True):
        sizes = {d for d in column if d != 1}
        if len(sizes) > 1:
            raise ValueError(f"shapes {', '.join(map(str, shapes))} do not broadcast")
        out.append(sizes.pop() if sizes else 1)
    return tuple(out)


def _first(view: OpView) -> Shape:
    return view.inputs[0] if view.inputs else ()


def _out(view: OpView) -> Shape:
    return view.outputs[0] if view.outputs else ()


def _matmul_shapes(view: OpView) -> tuple[Shape, Shape]:
    a, b = view.inputs[0], view.inputs[1]
    a = (1, *a) if len(a) == 1 else a
    b = (*b, 1) if len(b) == 1 else b
    if view.op.attr("trans_a", 0):
        a = (*a[:-2], a[-1], a[-2])
    if view.op.attr("trans_b", 0):
        b = (*b[:-2], b[-1], b[-2])
    return a, b


def _matmul_outputs(view: OpView) -> Shapes | None:
    if view.op.attr("k"):
        return None
    a, b = _matmul_shapes(view)
    if a[-1] != b[-2]:
        raise ValueError(f"inner sizes differ: {a[-1]} and {b[-2]}")
    if view.op.attr("experts"):  # each row meets the matrices that were picked for it
        return None
    out = (*broadcast([a[:-2], b[:-2]]), a[-2], b[-1])
    if len(view.inputs[0]) == 1:
        out = (*out[:-2], out[-1])
    if len(view.inputs[1]) == 1:
        out = out[:-1]
    return (out,)


def _matmul_dims(view: OpView) -> Dims:
    if view.op.attr("k"):  # operands whose dims lie in another order: the sizes are stated
        return tuple((name, view.size(name)) for name in ("batch", "m", "n", "k"))
    a, b = _matmul_shapes(view)
    if view.op.attr("experts"):
        return expert_dims(view, b[-1], a[-1])
    batch, m = prod(broadcast([a[:-2], b[:-2]])), a[-2]
    if elements(b[:-2]) == 1:  # one right-hand side for all: the batch is just more rows
        batch, m = 1, batch * m
    return (("batch", batch), ("m", m), ("n", b[-1]), ("k", a[-1]))


def _conv_dims(view: OpView) -> Dims:
    weight, out = view.inputs[1], _out(view)
    groups = view.size("groups", 1)

    def pixels(shape: Shape) -> Shape:
        return shape[1:-1] if view.op.attr("channels_last", 0) else shape[2:]

    if view.op.attr("transposed", 0):  # a transposed convolution spreads each input pixel
        data = _first(view)
        rows, n, k = data[0] * prod(pixels(data)), prod(weight[1:]), weight[0] // groups
    else:
        rows, n, k = out[0] * prod(pixels(out)), weight[0] // groups, prod(weight[1:])
    return (("groups", groups), ("m", rows), ("n", n), ("k", k))


def _attention_dims(view: OpView) -> Dims:
    """Sizes of an attention. `pairs` are all that the graph's products compute; `reach` is what a window leaves."""
    q, kv = view.size("q"), view.size("kv")
    window = view.size("window", 0)
    reach = (("reach", window),) if 0 < window < kv else ()
    return (
        ("batch", view.size("batch")),
        ("heads", view.size("heads")),
        ("kv_heads", view.size("kv_heads")),
        ("q", q),
        ("kv", kv),
        ("pairs", q * kv),
        *reach,
        ("head_dim", view.size("head_dim")),
        ("v_dim", view.size("v_dim", view.size("head_dim"))),
        ("causal", view.size("causal", 0)),
    )


_FLOPS: dict[str, int] = {
    # Arithmetic per element of usual vector code: one for a plain op, more where a polynomial or an iteration hides.
    "exp": 8, "log": 8, "tanh": 12, "sigmoid": 10, "erf": 14, "gelu": 16, "silu": 11, "softplus": 12, "mish": 16,
    "sqrt": 4, "reciprocal": 4, "rsqrt": 5, "div": 4, "pow": 10, "sin": 10, "cos": 10, "rope": 3, "mod": 4,
    "relu_squared": 2,
    "hard_sigmoid": 3, "hard_swish": 4, "clip": 2, "where": 1, "add": 1, "mul": 1, "sub": 1, "swiglu": 12, "geglu": 17,
    "reglu": 2,
}  # fmt: skip


def flops_per_element(fn: str) -> int:
    """Operations per element of an elementwise function; 1 for a function without an entry."""
    return _FLOPS.get(fn, 1)


def _elementwise_dims(view: OpView) -> Dims:
    return (("elements", elements(_out(view))), ("flops", flops_per_element(str(view.op.attr("fn", "")))))


def _rows(flops: int) -> Callable[[OpView], Dims]:
    def dims(view: OpView) -> Dims:
        size = elements(_first(view))
        width = view.size("width", 0) or (_first(view)[-1] if _first(view) else 1)
        return (("rows", size // max(width, 1)), ("width", width), ("elements", size), ("flops", flops))

    return dims


def _embedding_dims(view: OpView) -> Dims:
    out = _out(view)
    width = out[-1] if out else 1
    return (("rows", elements(out) // max(width, 1)), ("width", width), ("elements", elements(out)), ("flops", 0))


def _moved(flops: int) -> Callable[[OpView], Dims]:
    return lambda view: (("elements", sum(map(elements, view.outputs))), ("flops", flops))


def _consumed(flops: int) -> Callable[[OpView], Dims]:
    return lambda view: (("elements", elements(_first(view))), ("flops", flops))


def _pool_dims(view: OpView) -> Dims:
    return (("elements", elements(_out(view))), ("flops", view.size("window", 1)))


def _rnn_dims(view: OpView) -> Dims:
    steps, batch = view.size("steps"), view.size("batch")
    hidden, gates = view.size("hidden"), view.size("gates")
    return (
        ("groups", view.size("directions")),
        ("m", steps * batch),
        ("n", gates * hidden),
        ("k", view.size("width") + hidden),
        ("steps", steps),
    )


def _opaque_dims(view: OpView) -> Dims:
    if view.op.attr("macs") is None:
        return _moved(1)(view)
    return (("elements", view.size("flops", 0)), ("flops", 1), ("macs", view.size("macs", 0)))


def _same(view: OpView) -> Shapes | None:
    return (_first(view),)


def _broadcast_all(view: OpView) -> Shapes | None:
    if view.op.attr("shape") == "own":  # reads scales, states or sizes that are no operands of the function
        return None
    if view.op.attr("fn") == "rope":  # its tables of angles are picked by position, not broadcast
        return (_first(view),)
    return (broadcast(view.inputs),)


def _zero(view: OpView) -> Dims:
    return (("elements", 0), ("flops", 0))


KINDS: dict[str, Kind] = {
    k.name: k
    for k in (
        Kind("matmul", "matrix product, optional bias; right side static or dynamic", _matmul_dims, _matmul_outputs),
        Kind("conv", "convolution as matrix product over its windows", _conv_dims),
        Kind("attention", "scaled dot-product attention with its mask, softmax and KV cache", _attention_dims),
        Kind("norm", "layer, RMS, group or batch normalisation over rows of `width`", _rows(8), _same),
        Kind("softmax", "softmax over rows of `width`", _rows(14), _same),
        Kind("elementwise", "a function `fn` of each element", _elementwise_dims, _broadcast_all),
        Kind("embedding", "rows of a weight table picked by index", _embedding_dims),
        Kind("gather", "elements picked by index", _moved(1)),
        Kind("scatter", "elements written by index", _moved(1)),
        Kind("reduce", "sum, mean, max over axes", _consumed(1)),
        Kind("scan", "cumulative sum along an axis", _consumed(1), _same),
        Kind("move", "transpose, concat, slice, split, pad, expand, tile: bytes copied", _moved(0)),
        Kind("view", "another shape for the same bytes: free", _zero, stated_shapes, conserves="elements"),
        Kind("pool", "pooling over a `window`, interpolation", _pool_dims),
        Kind("rnn", "LSTM, GRU, RNN", _rnn_dims),
        Kind("cast", "change of number type, quantise, dequantise", _moved(1), _same),
        Kind("sort", "top-k, sort, unique, non-zero", _consumed(16)),
        Kind("opaque", "anything else, costed by the bytes it touches", _opaque_dims),
        *EXCHANGE_KINDS.values(),
    )
}
"""Attributes by kind. matmul: trans_a, trans_b; where the dims of its operands have an order of their own batch, m, n,
k and, if one says it, equation (as Einsum writes it); of a stack of expert matrices experts, picked (by each token)
and, where it is known better than from these, active (used in a call). matmul, conv: arithmetic (a quantised
product's type). conv: groups, transposed. attention: batch, heads, kv_heads, q, kv, head_dim, v_dim, causal, window
(sizes or names of symbolic dims), scale, softcap, masks, sink. norm, softmax: width; a softmax has causal and window
of its scores' mask. elementwise: fn. pool: window. rnn: steps, batch, hidden, gates, width, directions. opaque:
op_type; of a loop with all its iterations trips, macs, flops (that are no product) and bytes. Those of exchanges are
in mapper.ir.exchange_kinds."""


@cache
def registry() -> Registry:
    """The kinds of installed packages; which ones are installed does not change while a program runs."""
    return gather(KINDS)


def find_kind(name: str) -> Kind | None:
    """The kind of that name, built in or of an installed package."""
    return KINDS.get(name) or registry().named(name)


def kind_of(op: Op) -> Kind:
    """The op's kind, or an error naming near ones."""
    found = find_kind(op.kind)
    if found is None:
        raise InvalidPlan(f"op '{op.name}' has {unknown(op.kind)}", rule="graph-kinds")
    return found


def unknown(kind: str) -> str:
    """Words for a kind that nobody has."""
    names = [*KINDS, *registry().kinds]
    return f"unknown kind '{kind}' (is the package that brings it installed?); {did_you_mean(kind, names)}"


def priced_as(op: Op) -> str:
    """The kind of the op's Work: its own, or the built-in one that a plug-in kind is like."""
    return kind_of(op).priced_as


def view(graph: Graph, op: Op, binding: Binding) -> OpView:
    """The op with its shapes in numbers; omitted optional inputs are left out."""
    ins = [graph.value[n] for n in op.inputs if n]
    outs = [graph.value[n] for n in op.outputs if n]
    return OpView(
        op,
        tuple(bind(v.shape, binding) for v in ins),
        tuple(bind(v.shape, binding) for v in outs),
        tuple(v.role for v in ins),
        binding,
    )
