"""What a graph asks of any machine in one call: MACs and bytes by kind of op, and what each kind is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mapper.frontend.naming import why_operator_is_opaque
from mapper.hw.work import Role, Work
from mapper.ir.graph import Binding, Graph, Op
from mapper.ir.op_work import work


@dataclass(frozen=True, slots=True)
class Amount:
    """Arithmetic and traffic of some ops in one call: bytes are what they read and write, each operand once an op."""

    ops: int = 0
    macs: int = 0
    flops: int = 0
    weight_bytes: int = 0
    activation_bytes: int = 0
    state_bytes: int = 0

    @property
    def bytes(self) -> int:
        """Bytes of all roles."""
        return self.weight_bytes + self.activation_bytes + self.state_bytes

    @property
    def intensity(self) -> float | None:
        """Arithmetic operations (two per MAC) for each byte; None without bytes."""
        return self.flops / self.bytes if self.bytes else None


def amount_of(works: Iterable[Work]) -> Amount:
    """The sum over pieces of work."""
    listed = list(works)
    return Amount(
        len(listed),
        sum(w.macs for w in listed),
        sum(w.flops for w in listed),
        sum(w.bytes(Role.WEIGHT) for w in listed),
        sum(w.bytes(Role.ACTIVATION) for w in listed),
        sum(w.bytes(Role.STATE) for w in listed),
    )


@dataclass(frozen=True, slots=True)
class KindRow:
    """The ops of one kind: how much they ask for, and in words what they are."""

    kind: str
    amount: Amount
    details: tuple[str, ...]


def works_of(graph: Graph, binding: Binding) -> dict[str, Work]:
    """The work of each op at one sample, by the op's name."""
    return {op.name: work(graph, op, binding) for op in graph.ops}


def rows_by_kind(graph: Graph, works: Mapping[str, Work]) -> tuple[KindRow, ...]:
    """One row for each kind of op: most MACs first, then most bytes."""
    groups: dict[str, list[Op]] = {}
    for op in graph.ops:
        groups.setdefault(op.kind, []).append(op)
    rows = [KindRow(kind, amount_of(works[op.name] for op in ops), details(ops, works)) for kind, ops in groups.items()]
    return tuple(sorted(rows, key=lambda row: (-row.amount.macs, -row.amount.bytes, row.kind)))


def details(ops: Sequence[Op], works: Mapping[str, Work]) -> tuple[str, ...]:
    """What ops of one kind are, in words with their number, the most frequent first."""
    words = _WORDS.get(ops[0].kind, _operator)
    counts = Counter(words(op, works[op.name]) for op in ops)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(f"{count} {text}" for text, count in ordered)


def _operator(op: Op, asked: Work) -> str:
    domain = op.attr("domain", "")
    name = str(op.attr("op_type", op.kind))
    return f"{domain}::{name}" if domain and op.kind == "opaque" else name


def _function(op: Op, asked: Work) -> str:
    return str(op.attr("fn", op.attr("op_type", op.kind)))


def _norm(op: Op, asked: Work) -> str:
    known = {
        "LayerNormalization": "layer", "SkipLayerNormalization": "layer + skip", "RMSNormalization": "RMS",
        "SimplifiedLayerNormalization": "RMS", "SkipSimplifiedLayerNormalization": "RMS + skip",
        "BatchNormalization": "batch", "InstanceNormalization": "instance", "GroupNormalization": "group",
        "SkipGroupNorm": "group + skip", "rms": "RMS",
    }  # fmt: skip
    name = _function(op, asked)
    return f"{known.get(name, name)} over {asked.dim('width')}"


def _product(op: Op, asked: Work) -> str:
    weight = asked.weight
    experts = op.attr("experts")
    if weight is None:
        return "of activations"
    number_type = weight.dtype.value
    return f"of {number_type} experts ({asked.dim('active')} of {experts})" if experts else f"of {number_type} weights"


def _conv(op: Op, asked: Work) -> str:
    groups = asked.dim("groups")
    shape = "transposed" if op.attr("transposed", 0) else "depthwise" if groups > 1 and asked.dim("n") == 1 else ""
    grouped = f"in {groups} groups" if groups > 1 and not shape else ""
    return " ".join(filter(None, [shape, grouped, _product(op, asked)]))


def _attention(op: Op, asked: Work) -> str:
    heads, kv_heads, width = asked.dim("heads"), asked.dim("kv_heads"), asked.dim("head_dim")
    shared = f" on {kv_heads} KV head{'s' * (kv_heads > 1)}" if kv_heads != heads else ""
    window = op.attr("window")
    masks = [] if asked.dim("causal", 0) and window else ["causal" if asked.dim("causal", 0) else "full"]
    mask = " ".join([*masks, *([f"window {window}"] if window else [])])
    return f"{mask}: {heads} head{'s' * (heads > 1)} x {width}{shared}"


_WORDS: dict[str, Callable[[Op, Work], str]] = {
    "attention": _attention,
    "conv": _conv,
    "elementwise": _function,
    "matmul": _product,
    "norm": _norm,
}
"""Words for an op of a kind; an operator's own name where there are none."""


@dataclass(frozen=True, slots=True)
class OpaqueRow:
    """Ops of an operator that no kind stands for, and why."""

    operator: str
    count: int
    bytes: int
    reason: str


def opaque_rows(graph: Graph, works: Mapping[str, Work]) -> tuple[OpaqueRow, ...]:
    """The opaque operators, the most bytes first."""
    found: dict[str, list[Op]] = {}
    for op in graph.ops:
        if op.kind == "opaque":
            found.setdefault(_operator(op, works[op.name]), []).append(op)
    rows = [
        OpaqueRow(name, len(ops), sum(works[op.name].bytes() for op in ops), _why_opaque(name, ops[0]))
        for name, ops in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.bytes, row.operator)))


def _why_opaque(operator: str, op: Op) -> str:
    trips = op.attr("trips")
    if trips is not None:
        return f"a loop of {trips} trips as one op; what its body computes is counted"
    return why_operator_is_opaque(operator)
