"""Ways in which ranks divide a single op: the layouts it takes its operands in, and the one it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from mapper.cost.shards.analysis import Analysis
from mapper.cost.shards.axes import NONE, Seen, shown
from mapper.hw.layout import Layout
from mapper.hw.work import Role
from mapper.ir.graph import Op

_FREE = ("elementwise", "cast", "view", "move", "norm", "softmax", "reduce", "gather", "pool", "sort")
"""Kinds that follow the layout of what they read."""


@dataclass(frozen=True, slots=True)
class OpWay:
    """wants: the layout of each operand that is no weight and no state. A way that decides gives its name to the
    cluster's; others follow."""

    name: str
    wants: tuple[tuple[str, Layout], ...]
    leaves: Layout
    decides: bool = False


def op_ways(found: Analysis, op: Op, ranks: int) -> tuple[OpWay, ...]:
    """Every way that so many ranks have for the op; the first is that all do the same."""
    kept = found.graph.states_at
    if op.kind != "attention" and not kept.keys().isdisjoint((*op.inputs, *op.outputs)):
        return (_all_alike(found, op),)
    return (_all_alike(found, op), *_divided(found, op, ranks))


def operands(found: Analysis, op: Op) -> list[str]:
    """What the op reads, each once, but for weights and states."""
    graph = found.graph
    kept = graph.states_at
    names = dict.fromkeys(n for n in op.inputs if n)
    return [n for n in names if graph.value[n].role is not Role.WEIGHT and (n not in kept or n in graph.producer)]


def _all_alike(found: Analysis, op: Op) -> OpWay:
    wants = tuple((n, Layout.COPY) for n in operands(found, op))
    return OpWay("copy", wants, Layout.COPY, op.kind not in _FREE)


def _divided(found: Analysis, op: Op, ranks: int) -> Iterator[OpWay]:
    match op.kind:
        case "matmul":
            yield from _matmul(found, op, ranks)
        case "conv":
            yield from _conv(found, op, ranks)
        case "attention":
            yield from _attention(found, op, ranks)
        case "embedding":
            yield from _embedding(found, op, ranks)
        case kind if kind in _FREE:
            yield from _following(found, op, ranks)


def _wants(found: Analysis, op: Op, layout: Layout) -> tuple[tuple[str, Layout], ...]:
    """Operands that the layout divides are wanted in it, others whole."""
    names = operands(found, op)
    return tuple((n, layout if found.spread(n, found.binding).divides(layout) else Layout.COPY) for n in names)


def _rows(found: Analysis, name: str) -> int:
    return found.spread(name, found.binding).rows


def _by_rows(found: Analysis, op: Op, ranks: int, name: str, *, decides: bool) -> Iterator[OpWay]:
    """Each rank has some of the rows, where all operands with rows have the same."""
    rows = _rows(found, op.result)
    summed = op.kind == "reduce"  # over the experts of each token
    read = [(n, _rows(found, n)) for n in operands(found, op)]
    if rows >= ranks and all(r in (0, rows) or (summed and found.axes[n].picked and r % rows == 0) for n, r in read):
        yield OpWay(name, _wants(found, op, Layout.TOKENS), Layout.TOKENS, decides)


def _matmul(found: Analysis, op: Op, ranks: int) -> Iterator[OpWay]:
    seen, out = found.seen(op), found.axes.get(op.result, NONE)
    if len(seen.axes) < 2 or seen.view.op.attr("k") or out == NONE:
        return
    last, x = len(seen.out) - 1, seen.first
    if not seen.is_weight[1]:
        if out.features >= 0 and _enough(found, op.result, ranks):
            yield OpWay("features", _wants(found, op, Layout.FEATURES), Layout.FEATURES, True)
        return
    whole = tuple((n, Layout.COPY) for n in operands(found, op))
    if out.features == last and _enough(found, op.result, ranks):
        yield OpWay("column", whole, Layout.FEATURES, True)
    contracted = len(seen.view.inputs[0]) - 1
    if x.features == contracted and all(c.units >= ranks for c in found.columns(op.inputs[0])):
        yield OpWay("row", _wants(found, op, Layout.FEATURES), Layout.SUM, True)
    if 0 <= x.features < contracted and out.features >= 0 and _enough(found, op.inputs[0], ranks):
        yield OpWay("features", _wants(found, op, Layout.FEATURES), Layout.FEATURES, True)
    if not op.attr("experts"):
        yield from _by_rows(found, op, ranks, "tokens", decides=True)
    elif seen.view.size("experts") >= ranks and found.spread(op.inputs[0], found.binding).experts:
        yield OpWay("expert", _wants(found, op, Layout.EXPERTS), Layout.EXPERTS, True)


def _enough(found: Analysis, value: str, ranks: int) -> bool:
    """Whether each rank gets a part of the value's features. Heads of keys and values that are fewer are repeated."""
    columns = found.columns(value)
    repeated = value in found.heads and columns[0].units == columns[0].groups
    return bool(columns) and (columns[0].units >= ranks or repeated)


def _conv(found: Analysis, op: Op, ranks: int) -> Iterator[OpWay]:
    seen, groups = found.seen(op), found.view(op).size("groups", 1)
    out, x = found.axes.get(op.result, NONE), seen.first
    if out == NONE or seen.view.op.attr("transposed", 0):
        return
    if groups == 1 and _enough(found, op.result, ranks):
        yield OpWay("column", tuple((n, Layout.COPY) for n in operands(found, op)), Layout.FEATURES, True)
    if x.features == out.features >= 0 and _enough(found, op.inputs[0], ranks):
        depthwise = groups == seen.view.inputs[0][x.features]
        if groups == 1:
            yield OpWay("row", _wants(found, op, Layout.FEATURES), Layout.SUM, True)
        elif depthwise and _enough(found, op.result, ranks):
            yield OpWay("channel", _wants(found, op, Layout.FEATURES), Layout.FEATURES, True)
    yield from _by_rows(found, op, ranks, "tokens", decides=True)


def _attention(found: Analysis, op: Op, ranks: int) -> Iterator[OpWay]:
    """By heads (Megatron-LM); by requests of a batch; by queries, with keys and values gathered (sequence parallelism,
    Li et al. 2021); by keys and values of the cache, whose partial results are merged (flash decoding, Dao et al. 2023;
    tokens are dealt in turn, so that causal work is even: Brandon et al., striped attention, 2023)."""
    seen = found.view(op)
    heads, batch, q, kv = (seen.size(n) for n in ("heads", "batch", "q", "kv"))
    main = {n for n in op.inputs[:3] if n}
    names = operands(found, op)
    divided = {n for n in names if n in main and found.columns(n)}
    rest_whole = all(not found.columns(n) for n in names if n not in main)
    fresh = {n for n in main if n in names}
    if heads >= ranks and divided == fresh and rest_whole and found.columns(op.result):
        yield OpWay("head", _wants(found, op, Layout.FEATURES), Layout.FEATURES, True)
    has_state = any(n in found.graph.pasts or n in found.graph.pasts.values() for n in (*op.inputs, *op.outputs) if n)
    by_rows = all(_rows(found, n) == (batch * q if n in main else 0) for n in names)
    if by_rows and _rows(found, op.result) == batch * q:
        if batch % ranks == 0:
            yield OpWay("batch", _wants(found, op, Layout.TOKENS), Layout.TOKENS, True)
        elif not has_state and ranks % batch == 0 and q * batch >= ranks:
            yield OpWay("sequence", _wants(found, op, Layout.TOKENS), Layout.TOKENS, True)
    if kv >= ranks and not op.attr("sink"):
        yield OpWay("context", tuple((n, Layout.COPY) for n in names), Layout.SUM, True)


def _embedding(found: Analysis, op: Op, ranks: int) -> Iterator[OpWay]:
    """A look-up of rows: a part of each row, rows of some of the tokens, or rows of some of the words, others zero."""
    if found.axes.get(op.result, NONE).features < 0:
        return
    wants = tuple((n, Layout.COPY) for n in operands(found, op))
    if _enough(found, op.result, ranks):
        yield OpWay("column", wants, Layout.FEATURES, True)
    yield OpWay("vocabulary", wants, Layout.SUM, True)
    if _rows(found, op.result) >= ranks:
        yield OpWay("tokens", wants, Layout.TOKENS, True)


def _following(found: Analysis, op: Op, ranks: int) -> Iterator[OpWay]:
    """Ops that compute each of their rows, or each of their columns, from the same ones of their operands."""
    outs = [n for n in op.outputs if n]
    if not outs or not operands(found, op):
        return
    seen = found.seen(op)
    axes = [found.axes.get(n, NONE) for n in outs]
    if all(a.features >= 0 for a in axes) and _columns_agree(found, op, seen, ranks):
        yield OpWay("features", _wants(found, op, Layout.FEATURES), Layout.FEATURES)
    if all(a.tokens for a in axes) and _rows_apart(op, seen):
        rows = {_rows(found, n) for n in outs}
        if len(rows) == 1:
            yield from _by_rows(found, op, ranks, "tokens", decides=False)
    yield from _by_expert(found, op)
    if _is_linear(found, op, seen):
        yield OpWay("sum", tuple((n, Layout.SUM) for n in operands(found, op)), Layout.SUM)


def _by_expert(found: Analysis, op: Op) -> Iterator[OpWay]:
    """Rows of experts stay rows of experts, or are summed for each token: every rank then has a part of the sums."""
    divided = [n for n in operands(found, op) if found.axes.get(n, NONE).picked]
    outs = [n for n in op.outputs if n]
    if not divided:
        return
    if all(found.axes.get(n, NONE).picked and found.spread(n, found.binding).experts for n in outs):
        yield OpWay("experts", _wants(found, op, Layout.EXPERTS), Layout.EXPERTS)
    elif op.kind == "reduce":
        yield OpWay("combine", _wants(found, op, Layout.EXPERTS), Layout.SUM, True)


def _columns_agree(found: Analysis, op: Op, seen: Seen, ranks: int) -> bool:
    """Whether the features of operands and results are the same, and no row of a norm or a softmax needs all."""
    out = op.result
    if op.kind in ("norm", "softmax") and not _before_width(seen, seen.first.features):
        return False
    names = operands(found, op)
    if not any(found.columns(n) for n in names):
        return False
    for name in names:
        axes = found.axes.get(name, NONE)
        if axes.features < 0:
            continue
        if not _enough(found, name, ranks):
            return False
        if op.kind == "elementwise" and op.attr("shape") != "own":
            if shown(found.shape(name), axes, seen.out).features != found.axes[out].features:
                return False
            if found.columns(name) != found.columns(out):
                return False
    return True


def _rows_apart(op: Op, seen: Seen) -> bool:
    """Whether no row is computed from others."""
    if op.kind in ("norm", "softmax"):
        return all(_before_width(seen, t) for t in seen.first.tokens)
    return op.kind != "sort" or len(seen.out) - 1 not in seen.first.tokens


def _before_width(seen: Seen, axis: int) -> bool:
    """Whether an axis lies before those that a row of a norm or softmax is of."""
    shape, width = seen.view.inputs[0], seen.view.size("width", 0)
    for start in range(len(shape) - 1, -1, -1):
        if prod(shape[start:]) == width:
            return 0 <= axis < start
    return axis == 0 and bool(width) and prod(shape[1:]) % width == 0


def _is_linear(found: Analysis, op: Op, seen: Seen) -> bool:
    """Whether the op of a sum is the sum of the op of each summand. What is added besides, one rank adds."""
    if op.kind == "view":
        return True
    if op.kind == "elementwise":
        return op.attr("fn") in ("add", "sub") and not any(seen.is_weight)
    return op.kind == "move" and op.attr("op_type") in ("Transpose", "Slice", "Split", "Expand")
