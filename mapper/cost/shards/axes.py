"""Which axes of a value are its features and which its tokens: what can be divided among ranks.

An axis is named where a product, a look-up or an attention makes it, and followed through the ops behind. Where an op
does something unknown to its axes the names end, and ranks then have its results whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mapper.ir.graph import Shape
from mapper.ir.kind import OpView


@dataclass(frozen=True, slots=True)
class Axes:
    """features: the axis of columns, heads or channels, -1 for none. tokens: the axes of batch and sequence, in order.
    picked: whether a row stands for a token and one of its experts, so that experts may divide the rows."""

    features: int = -1
    tokens: tuple[int, ...] = ()
    picked: bool = False


NONE = Axes()


@dataclass(frozen=True, slots=True)
class Seen:
    """An op with shapes and axes of its operands, by position among those that are there."""

    view: OpView
    axes: tuple[Axes, ...]
    is_weight: tuple[bool, ...]

    @property
    def first(self) -> Axes:
        """Axes of the first operand."""
        return self.axes[0] if self.axes else NONE

    @property
    def out(self) -> Shape:
        """Shape of the first result."""
        return self.view.outputs[0] if self.view.outputs else ()


def outputs_axes(seen: Seen) -> tuple[Axes, ...]:
    """The axes of each result; of those behind the first only where the op treats all alike."""
    kind = seen.view.op.kind
    rule = _RULES.get(kind)
    count = len(seen.view.outputs)
    if rule is None or not count:
        return (NONE,) * count
    found = without_ones(rule(seen), seen.out)
    if kind in ("move", "sort"):
        ranks = len(seen.out)
        return tuple(found if len(shape) == ranks else NONE for shape in seen.view.outputs)
    return (found, *(NONE,) * (count - 1))


def without_ones(axes: Axes, shape: Shape) -> Axes:
    """The axes but for those of one entry, which nothing divides."""
    features = axes.features if 0 <= axes.features < len(shape) and shape[axes.features] > 1 else -1
    tokens = tuple(t for t in axes.tokens if shape[t] > 1)
    return Axes(features, tokens, axes.picked and bool(tokens))


def _last(shape: Shape, picked: bool = False) -> Axes:
    """Rows of features."""
    return Axes(len(shape) - 1, tuple(range(len(shape) - 1)), picked) if len(shape) > 1 else NONE


def _matmul(seen: Seen) -> Axes:
    if len(seen.view.inputs) < 2 or seen.view.op.attr("k") or len(seen.out) < 2:
        return NONE
    if seen.view.op.attr("experts"):
        return _last(seen.out, picked=True)
    x, right = seen.view.inputs[:2]
    if seen.is_weight[0] or len(x) < 2 or len(x) != len(seen.out):
        return NONE
    if not seen.is_weight[1]:
        return _batched(seen)
    if len(right) != 2:
        return NONE
    inner, a = len(x) - 1, seen.first
    if 0 <= a.features < inner:  # a product of each head with one matrix
        return Axes(a.features, tuple(t for t in a.tokens if t != inner), a.picked)
    tokens = tuple(t for t in a.tokens if t != inner) or tuple(range(inner))
    return Axes(inner, tokens, a.picked)


def _batched(seen: Seen) -> Axes:
    """A product of two activations: heads that both have stay heads."""
    (a, b), (x, y) = seen.axes[:2], seen.view.inputs[:2]
    same = a.features == b.features and len(x) == len(y) and 0 <= a.features < len(x) - 2
    return Axes(a.features) if same and x[a.features] == y[b.features] else NONE


def _conv(seen: Seen) -> Axes:
    rank = len(seen.out)
    if rank < 3 or not seen.is_weight[1:2]:
        return NONE
    return Axes(rank - 1 if seen.view.op.attr("channels_last", 0) else 1, (0,))


def _attention(seen: Seen) -> Axes:
    heads, q = seen.view.size("heads"), seen.view.size("q")
    if len(seen.out) == 4:
        if seen.out[1] == heads and (seen.out[2] == q or seen.out[2] != heads):
            return Axes(1, (0, 2))
        return Axes(2, (0, 1))
    return _last(seen.out) if len(seen.out) in (2, 3) else NONE


def _embedding(seen: Seen) -> Axes:
    if len(seen.view.inputs) < 2 or seen.view.op.attr("axis", 0) != 0 or len(seen.view.inputs[0]) != 2:
        return NONE
    whole = len(seen.out) == len(seen.view.inputs[1]) + 1 and seen.is_weight[0]
    return _last(seen.out) if whole and not seen.is_weight[1] else NONE


def _gather(seen: Seen) -> Axes:
    axis, rank = seen.view.op.attr("axis", 0), len(seen.view.inputs[0]) if seen.view.inputs else 0
    if seen.view.op.attr("op_type") != "Gather" or not isinstance(axis, int) or len(seen.view.inputs) < 2:
        return NONE
    axis, more = axis % max(rank, 1), len(seen.view.inputs[1]) - 1
    kept = {i: i + (more if i > axis else 0) for i in range(rank) if i != axis}
    return _moved(seen.first, kept)


def _moved(axes: Axes, to: dict[int, int]) -> Axes:
    """The axes at their new positions; tokens that would change their order are no longer known."""
    tokens = tuple(to[t] for t in axes.tokens if t in to)
    ordered = tokens if tokens == tuple(sorted(tokens)) else ()
    return Axes(to.get(axes.features, -1), ordered, axes.picked and bool(ordered))


def _like_first(seen: Seen) -> Axes:
    return seen.first if seen.view.inputs and len(seen.out) == len(seen.view.inputs[0]) else NONE


def _norm(seen: Seen) -> Axes:
    """As the operand; where nothing is known of its rows, those of the norm are named here."""
    found = _like_first(seen)
    last = len(seen.out) - 1
    whole = last > 0 and seen.view.size("width", 0) == seen.out[last]
    if found.tokens or not whole or found.features not in (-1, last):
        return found
    return Axes(last, tuple(range(last)), found.picked)


def _elementwise(seen: Seen) -> Axes:
    """Operands broadcast from the right; those that disagree about an axis leave nothing known of it."""
    if seen.view.op.attr("shape") == "own":
        x = seen.view.inputs[0] if seen.view.inputs else ()
        return seen.first if len(x) == len(seen.out) and x[:-1] == seen.out[:-1] else NONE
    found = [
        shown(shape, axes, seen.out) for shape, axes in zip(seen.view.inputs, seen.axes, strict=True) if axes != NONE
    ]
    features = {a.features for a in found if a.features >= 0}
    tokens = sorted({a.tokens for a in found if a.tokens}, key=len)
    agree = all(set(t) <= set(tokens[-1]) for t in tokens)
    feature = features.pop() if len(features) == 1 else -1
    rows = tokens[-1] if tokens and agree and feature not in tokens[-1] else ()
    return Axes(feature, rows, any(a.picked for a in found) and bool(rows))


def shown(shape: Shape, axes: Axes, out: Shape) -> Axes:
    """The axes of an operand as positions of a result that it is broadcast to; axes of one entry divide nothing."""
    shift = len(out) - len(shape)
    if shift < 0:
        return NONE
    kept = {i: i + shift for i, size in enumerate(shape) if size == out[i + shift]}
    return replace(_moved(axes, kept), picked=axes.picked)


def _view(seen: Seen) -> Axes:
    if not seen.view.inputs:
        return NONE
    perm = seen.view.op.attr("perm")
    if isinstance(perm, tuple) and len(perm) == len(seen.view.inputs[0]) == len(seen.out):
        return _permuted(seen.first, perm)
    return reshaped(seen.view.inputs[0], seen.out, seen.first)


def _permuted(axes: Axes, perm: Sequence[object]) -> Axes:
    return _moved(axes, {int(old): new for new, old in enumerate(perm)})  # type: ignore[call-overload]


def reshaped(old: Shape, new: Shape, axes: Axes) -> Axes:
    """The axes under another shape of the same bytes. An axis that is split passes its name to the outermost part, and
    axes that merge take that of the outermost: each rank's part then stays together."""
    to: dict[int, int] = {}
    for olds, news in _groups(old, new):
        wide_old = [i for i in olds if old[i] != 1] or list(olds[:1])
        wide_new = [i for i in news if new[i] != 1] or list(news[:1])
        named = [i for i in olds if i == axes.features or i in axes.tokens]
        inner = [i for i in named if i in wide_old and i != wide_old[0]]
        if not wide_new or not wide_old:
            continue
        if inner and axes.features in inner:
            continue  # features inside rows: neither stays together
        if wide_old[0] in named:
            to[wide_old[0]] = wide_new[0]
        for i in named:
            if i not in wide_old and i not in to and wide_old[0] not in named:
                to[i] = next((j for j in news if new[j] == 1 and j not in to.values()), -1)
    return _moved(axes, {i: j for i, j in to.items() if j >= 0})


def _groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """Runs of axes of equal product, from the left; axes of one entry join the run before them."""
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        olds: list[int] = []
        news: list[int] = []
        a = b = 1
        while True:
            if a == b and olds and news:
                break
            if i < len(old) and (a <= b or j >= len(new)):
                a, olds, i = a * old[i], [*olds, i], i + 1
            elif j < len(new):
                b, news, j = b * new[j], [*news, j], j + 1
            else:
                break
        found.append((olds, news))
    return found


def _move(seen: Seen) -> Axes:
    op = seen.view.op
    match op.attr("op_type"):
        case "Transpose":
            perm = op.attr("perm")
            return _permuted(seen.first, perm) if isinstance(perm, tuple) else NONE
        case "Concat":
            ranked = [
                (len(shape) == len(seen.out), axes) for shape, axes in zip(seen.view.inputs, seen.axes, strict=True)
            ]
            known = {axes for fits, axes in ranked if fits and axes != NONE}
            return known.pop() if len(known) == 1 else NONE
        case "Slice" | "Split" | "Pad" | "Identity":
            return _like_first(seen)
        case "Expand" | "Tile":
            x = seen.view.inputs[0] if seen.view.inputs else ()
            return replace(shown(x, seen.first, seen.out), picked=seen.first.picked)
    return NONE


def _reduce(seen: Seen) -> Axes:
    x = seen.view.inputs[0] if seen.view.inputs else ()
    if seen.first.picked and seen.view.op.attr("op_type") == "MoE":  # rows of experts back to rows of tokens
        return _last(seen.out)
    axes = reduced_axes(seen)
    if axes is None:
        return NONE
    keep = len(seen.out) == len(x)
    to: dict[int, int] = {}
    for i in range(len(x)):
        if i not in axes:
            to[i] = i if keep else len(to)
    return replace(_moved(seen.first, to), picked=False)


def reduced_axes(seen: Seen) -> tuple[int, ...] | None:
    """The axes over which an op reduces, counted from the left; None where they are not stated."""
    axes, rank = seen.view.op.attr("axes"), len(seen.view.inputs[0]) if seen.view.inputs else 0
    if not isinstance(axes, tuple) or not rank:
        return None
    return tuple(int(a) % rank for a in axes)


def _pool(seen: Seen) -> Axes:
    return seen.first if seen.view.inputs and len(seen.out) == len(seen.view.inputs[0]) >= 3 else NONE


def _sort(seen: Seen) -> Axes:
    return replace(_like_first(seen), features=-1)


_RULES: dict[str, Callable[[Seen], Axes]] = {
    "matmul": _matmul,
    "conv": _conv,
    "attention": _attention,
    "embedding": _embedding,
    "gather": _gather,
    "norm": _norm,
    "softmax": _like_first,
    "cast": _like_first,
    "elementwise": _elementwise,
    "view": _view,
    "move": _move,
    "reduce": _reduce,
    "pool": _pool,
    "sort": _sort,
}
