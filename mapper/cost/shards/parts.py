"""The Work of one rank: what the fullest rank of a team does of an op that they divide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mapper.cost.shards.analysis import Analysis
from mapper.cost.shards.op_ways import OpWay
from mapper.cost.shards.spread import Columns, column_share
from mapper.hw.layout import Layout
from mapper.hw.work import DType, Operand, Role, Work
from mapper.ir.experts import expected_experts
from mapper.ir.graph import Binding, Op

Share = tuple[int, int]
"""A part of something, as a fraction."""

ALL: Share = (1, 1)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What ranks exchange inside an op: a collective among `ranks` of them, in `groups` at once, of so many elements in
    all; in the type of activations where none is given."""

    kind: str
    ranks: int
    groups: int
    elements: int
    dtype: DType | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """The work of the fullest rank; how many times it all ranks together do (fewer than there are ranks where some have
    less to do; `reads` where they read weights another number of times); the share of its weights that a rank keeps;
    what they exchange on the way."""

    work: Work
    times: float
    kept: Share = ALL
    exchange: Exchange | None = None
    reads: float = 0.0

    @property
    def weight_times(self) -> float:
        """How many times the weights that this rank reads all ranks together read."""
        return self.reads or self.times


@dataclass(frozen=True, slots=True)
class _Asked:
    """An op of a rank graph to be: its way, its whole work, and which operands that work still names."""

    found: Analysis
    op: Op
    way: OpWay
    work: Work
    binding: Binding
    ranks: int
    inside: frozenset[str]

    def share(self, name: str, layout: Layout) -> Share:
        """The part of a value that the fullest rank has in a layout."""
        spread = self.found.spread(name, self.binding)
        return spread.part(layout, self.ranks), max(spread.elements, 1)

    def wanted(self, name: str) -> Share:
        """The part of an operand that the way reads."""
        return self.share(name, dict(self.way.wants).get(name, Layout.COPY))

    @property
    def out(self) -> Share:
        """The part of the first result that a rank makes."""
        return self.share(self.op.result, self.way.leaves)

    def size(self, name: str) -> int:
        return self.work.dim(name)


def part(found: Analysis, op: Op, way: OpWay, work: Work, binding: Binding, ranks: int, inside: frozenset[str]) -> Part:
    """What one of so many ranks does of the op's whole work; operands named in `inside` are not in it."""
    asked = _Asked(found, op, way, work, binding, ranks, inside)
    if way.leaves is Layout.COPY and way.name == "copy":
        return Part(work, ranks)
    rule = _RULES.get(op.kind, _follows)
    return rule(asked)


def _times(size: int, share: Share) -> int:
    return -(-size * share[0] // share[1])


def _sized(work: Work, **changes: int) -> Work:
    return replace(work, dims=tuple((name, changes.get(name, size)) for name, size in work.dims))


def _scaled(asked: _Asked, work: Work, weights: Share, out: Share | None = None) -> Work:
    """The work with each operand at the part that a rank has: results by `out`, the largest weight by `weights` (others
    with it where they have an entry for each of its columns)."""
    names = [n for n in dict.fromkeys(asked.op.inputs) if n and n not in asked.inside]
    if work.kind == "view":
        return work
    results = [n for n in asked.op.outputs if n and n not in asked.inside]
    main, columns = work.weight, asked.work.dim("n", 0)
    inputs = []
    for i, operand in enumerate(work.inputs):
        if operand.role is Role.WEIGHT:
            follows = operand is main or (asked.way.name == "column" and columns and operand.elements % columns == 0)
            inputs.append(_cut(operand, weights if follows else ALL))
        else:
            inputs.append(_cut(operand, asked.wanted(names[i]) if i < len(names) else ALL))
    outputs = [
        _cut(o, asked.share(n, asked.way.leaves) if out is None or k else out)
        for k, (o, n) in enumerate(zip(work.outputs, results, strict=True))
    ]
    return replace(work, inputs=tuple(inputs), outputs=tuple(outputs))


def _cut(operand: Operand, share: Share) -> Operand:
    return operand if share[0] == share[1] else replace(operand, elements=_times(operand.elements, share))


def _follows(asked: _Asked) -> Part:
    """Elementwise work, rows and copies: as many elements as a rank has of the result, or of what is reduced."""
    work, share = asked.work, asked.out
    if asked.op.kind in ("reduce", "sort", "norm", "softmax"):
        first = next((n for n in asked.op.inputs if n), "")
        share = asked.wanted(first) if first else share
    sizes = {"elements": _times(asked.size("elements"), share)}
    if asked.op.kind in ("norm", "softmax"):
        rows = _times(asked.size("rows"), share)
        sizes = {"rows": rows, "elements": rows * asked.size("width")}
    return Part(_scaled(asked, _sized(work, **sizes), ALL), asked.ranks)


def _matmul(asked: _Asked) -> Part:
    work, name, ranks = asked.work, asked.way.name, asked.ranks
    if name == "expert":
        return _expert(asked)
    if name == "column":
        share = asked.out
        return Part(_scaled(asked, _sized(work, n=_times(asked.size("n"), share)), share), ranks, share)
    if name == "row":
        share = asked.wanted(asked.op.inputs[0])
        return Part(_scaled(asked, _sized(work, k=_times(asked.size("k"), share)), share), ranks, share)
    dim = "batch" if asked.size("batch") > 1 else "m"
    return Part(_scaled(asked, _sized(work, **{dim: _times(asked.size(dim), asked.out)}), ALL), ranks)


def _expert(asked: _Asked) -> Part:
    """Products with the matrices of a rank's own experts: as many rows as the busiest rank is expected to get."""
    work, experts = asked.work, asked.size("experts")
    mine, rows = -(-experts // asked.ranks), asked.size("batch") * asked.size("m")
    top, bottom = asked.out
    own = max(1, round(rows * top / bottom))
    active = min(mine, own, expected_experts(mine, 1, own))
    sized = _sized(work, batch=active, m=-(-own // active), experts=mine, active=active)
    scaled = _scaled(asked, sized, (active, max(1, work.dim("active"))))
    reads = max(1.0, work.dim("active") / active)
    return Part(scaled, max(1.0, rows / own), (mine, experts), reads=reads)


def _conv(asked: _Asked) -> Part:
    work, ranks = asked.work, asked.ranks
    match asked.way.name:
        case "column":
            return Part(_scaled(asked, _sized(work, n=_times(asked.size("n"), asked.out)), asked.out), ranks, asked.out)
        case "row":
            share = asked.wanted(asked.op.inputs[0])
            return Part(_scaled(asked, _sized(work, k=_times(asked.size("k"), share)), share), ranks, share)
        case "channel":
            groups = _times(asked.size("groups"), asked.out)
            return Part(_scaled(asked, _sized(work, groups=groups), asked.out), ranks, asked.out)
    return Part(_scaled(asked, _sized(work, m=_times(asked.size("m"), asked.out)), ALL), ranks)


def _embedding(asked: _Asked) -> Part:
    work, ranks = asked.work, asked.ranks
    if asked.way.name == "vocabulary":  # a rank finds its share of the rows, and leaves zeros for the others
        return Part(_scaled(asked, work, (1, ranks)), ranks, (1, ranks))
    rows, width = asked.size("rows"), asked.size("width")
    if asked.way.name == "column":
        width = _times(width, asked.out)
        return Part(_scaled(asked, _sized(work, width=width, elements=rows * width), asked.out), ranks, asked.out)
    rows = _times(rows, asked.out)
    return Part(_scaled(asked, _sized(work, rows=rows, elements=rows * width), asked.out), ranks)


def _attention(asked: _Asked) -> Part:
    match asked.way.name:
        case "head":
            return _by_head(asked)
        case "batch":
            batch = asked.size("batch") // asked.ranks
            return Part(_with_cache(asked, _sized(asked.work, batch=batch), (1, asked.ranks)), asked.ranks)
        case "sequence":
            return _by_query(asked)
    return _by_context(asked)


def _with_cache(asked: _Asked, work: Work, cache: Share) -> Work:
    """The work with its operands divided as the way says, states by `cache`."""
    scaled = _scaled(asked, work, ALL)
    graph = asked.found.graph
    kept = {n for s in graph.states for n in (s.past, s.present) if n}
    names = [n for n in dict.fromkeys(asked.op.inputs) if n and n not in asked.inside]
    results = [n for n in asked.op.outputs if n and n not in asked.inside]
    states = [_cut(o, cache) if n in kept else o for o, n in zip(scaled.inputs, names, strict=True)]
    left = [_cut(o, cache) if n in kept else o for o, n in zip(scaled.outputs, results, strict=True)]
    return replace(scaled, inputs=tuple(states), outputs=tuple(left))


def _by_head(asked: _Asked) -> Part:
    heads, groups = asked.size("heads"), asked.size("kv_heads")
    query, key = Columns(heads, heads, groups), Columns(groups, groups, groups)
    sized = _sized(asked.work, heads=query.taken(asked.ranks), kv_heads=key.taken(asked.ranks))
    return Part(_with_cache(asked, sized, column_share((key,), asked.ranks)), asked.ranks)


def _by_query(asked: _Asked) -> Part:
    """Some queries of one sequence against all its keys and values, which the ranks of the sequence gather."""
    batch, ranks = asked.size("batch"), asked.ranks
    peers = ranks // batch
    q, pairs = -(-asked.size("q") // peers), -(-asked.size("pairs") // peers)
    work = _scaled(asked, _sized(asked.work, batch=1, q=q, pairs=pairs), ALL)
    gathered = asked.size("kv") * asked.size("kv_heads") * (asked.size("head_dim") + asked.size("v_dim"))
    whole = max((o.elements for o in asked.work.inputs), default=0)
    read = Operand(Role.ACTIVATION, min(gathered, 2 * whole), asked.work.dtype)
    work = replace(work, inputs=(*work.inputs, read))
    return Part(work, ranks, ALL, Exchange("all_gather", peers, batch, gathered * batch))


def _by_context(asked: _Asked) -> Part:
    """All queries against a rank's part of keys and values; the ranks merge maxima and sums of their softmax."""
    ranks, q = asked.ranks, asked.size("q")
    sizes = {name: -(-asked.size(name) // ranks) for name in ("kv", "pairs")}
    if asked.work.dim("reach", 0):
        sizes["reach"] = -(-asked.size("reach") // ranks)
    if q > 1:  # tokens are dealt in turn: what a query sees no longer ends at its own place
        sizes["causal"] = 0
    work = _with_cache(asked, _sized(asked.work, **sizes), (1, ranks))
    merged = 2 * asked.size("batch") * asked.size("heads") * q
    return Part(work, ranks, ALL, Exchange("all_reduce", ranks, 1, merged, DType.F32))


_RULES: dict[str, Callable[[_Asked], Part]] = {
    "matmul": _matmul,
    "conv": _conv,
    "embedding": _embedding,
    "attention": _attention,
}
