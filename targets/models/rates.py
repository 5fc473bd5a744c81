"""What every unit model needs: seconds to ticks, traffic of one run, the shape of its matrix products, type choice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mapper.hw.work import TICKS_PER_SECOND, Cost, DType, Feed, Role, Work
from mapper.ir.exchange_kinds import EXCHANGE_KINDS
from mapper.ir.kinds import KINDS
from targets.models.blocks import ErrorBands

PRODUCTS = ("matmul", "conv", "rnn")
"""Kinds that are matrix products with dims m, n, k."""

MATRIX_KINDS = (*PRODUCTS, "attention")
"""Kinds whose arithmetic is multiply-accumulates."""

OPAQUE = "opaque op: the program inside is unknown, so only units with `opaque: true` (CPUs) are trusted to run it"
"""Why an accelerator takes no opaque op unless its file says so."""

DMA = ("move", "embedding", "gather", "scatter")
"""Kinds that a DMA engine does without lanes."""

FREE = ("view",)
"""Kinds that move and compute nothing."""


def ticks_of(seconds: float) -> int:
    """Picoseconds, rounded up, at least one."""
    return max(1, math.ceil(seconds * TICKS_PER_SECOND))


def energy(causes: Mapping[str, float]) -> tuple[tuple[str, int], ...]:
    """Energy by cause in whole picojoules, rounded up, causes without energy left out."""
    return tuple((cause, math.ceil(pj)) for cause, pj in causes.items() if pj > 0)


def ceil_div(a: int, b: int) -> int:
    """The quotient rounded up."""
    return -(-a // b)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes of one run to and from the data memory, and from the weights memory where weights are streamed."""

    data: int
    weights: int

    def seconds(self, feed: Feed, efficiency: float = 1.0) -> float:
        """Time of the transfers one after the other, at the given part of the bandwidths."""
        loading = self.weights / feed.weights if feed.weights else 0.0
        return (self.data / feed.data + loading) / efficiency


def traffic_of(work: Work, feed: Feed) -> Traffic:
    """Each operand once; weights count only where `feed.weights` says that they are streamed."""
    weights = work.bytes(Role.WEIGHT)
    return Traffic(work.bytes() - weights, weights if feed.weights else 0)


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product as an array sees it: `rows` vectors of length k against each of `copies` matrices k x n.

    `static` is the number of elements of the static side, 0 where both sides change on every call.
    """

    k: int
    n: int
    rows: int
    copies: int
    static: int

    @property
    def macs(self) -> int:
        return self.k * self.n * self.rows * self.copies


def _left_is_held(work: Work, held: int) -> bool:
    """Whether the static operand is the left side: its size fits m x k, and not k x n unless it comes first."""
    left, right = work.dim("m") * work.dim("k"), work.dim("n") * work.dim("k")
    if not held or held % max(left, 1):
        return False
    first = len(work.inputs) > 1 and work.inputs[0].role is Role.WEIGHT and work.inputs[1].role is not Role.WEIGHT
    return bool(held % max(right, 1)) or first


def product_of(work: Work) -> Product:
    """The product with its static side as the matrix that stays: the right one, or the left one transposed."""
    m, n, k = work.dim("m"), work.dim("n"), work.dim("k")
    batch = work.dim("batch") * work.dim("groups")
    held = work.weight.elements if work.weight else 0
    if work.kind == "matmul" and _left_is_held(work, held):
        copies = min(batch, held // (m * k))
        return Product(k, m, n * batch // copies, copies, copies * m * k)
    if held >= k * n or (held and work.kind != "matmul"):
        copies = min(batch, max(1, held // max(k * n, 1)))
        return Product(k, n, m * batch // copies, copies, copies * k * n)
    return Product(k, n, m, batch, 0)


def products_of(work: Work) -> tuple[tuple[int, int, int, int], ...]:
    """The matrix products inside the work as (how often, m, n, k); attention is two of them for each KV head."""
    m, n, k = work.dim("m"), work.dim("n"), work.dim("k")
    if work.kind == "rnn":
        return ((work.dim("groups") * work.dim("steps"), ceil_div(m, work.dim("steps")), n, k),)
    if work.kind != "attention":
        return ((work.dim("batch") * work.dim("groups"), m, n, k),)
    kv_heads, q, reach = work.dim("kv_heads"), work.dim("q"), work.dim("reach", max(1, work.dim("kv")))
    times, query_rows = work.dim("batch") * kv_heads, q * ceil_div(work.dim("heads"), kv_heads)
    return ((times, query_rows, reach, work.dim("head_dim")), (times, query_rows, work.dim("v_dim"), reach))


def is_static(work: Work) -> bool:
    """Whether the work is a product one side of which is a weight."""
    return work.kind in PRODUCTS and product_of(work).static > 0


def lane_dtype(work: Work, wanted: DType | None, supported: Mapping[DType, float], own: DType) -> DType | None:
    """The type of arithmetic that is no product: the wanted float type, else `own`.

    Index and mask arithmetic keeps the graph's type; a wanted integer type concerns products only, as a softmax in
    eight bits is another function.
    """
    if not work.dtype.is_float:
        return work.dtype
    if wanted is None or not wanted.is_float:
        return own
    return wanted if wanted in supported else None


def softmax_flops(work: Work) -> int:
    """Operations of the softmax inside an attention: 14 for each score (as the kind `softmax` counts them)."""
    return 14 * work.dim("batch") * work.dim("heads") * work.dim("pairs")


def not_known(work: Work, runs_opaque: bool) -> str | None:
    """Why a unit does not take work whose kind no built-in unit model knows; None where it does."""
    if work.kind in EXCHANGE_KINDS:
        return f"{work.kind} runs on the links of a group of units, which the target prices"
    if work.kind == "opaque" and not runs_opaque:
        return OPAQUE
    if work.kind not in KINDS and not runs_opaque:
        return f"{work.kind} is a kind of a plug-in that this unit model does not know"
    return None


def nothing(work: Work) -> bool:
    """Whether the work is empty: a view, or no element touched."""
    return work.kind in FREE or (work.flops == 0 and work.bytes() == 0)


FREE_COST = Cost(ticks=0, limited_by="nothing", band=0.0)
"""What empty work costs."""


def lane_cost(
    work: Work,
    feed: Feed,
    *,
    ops_per_s: float,
    pj_per_op: float,
    start_s: float,
    efficiency: float,
    band: ErrorBands,
    traffic: Traffic | None = None,
) -> Cost:
    """Roofline of work on plain lanes: max(operations / rate, bytes / bandwidth) + start; fused work pays no start.

    `traffic` is given where not all operands come from memory.
    """
    traffic = traffic or traffic_of(work, feed)
    compute, memory = work.flops / ops_per_s, traffic.seconds(feed, efficiency)
    start = 0.0 if work.fused else start_s
    return band.on(
        work,
        Cost(
            ticks=ticks_of(max(compute, memory) + start),
            energy_pj=energy({"compute": work.flops * pj_per_op}),
            data_bytes=traffic.data,
            weight_bytes=traffic.weights,
            limited_by=limit({"vector lanes": compute, "memory bandwidth": memory, "task start": start}),
        ),
    )


def limit(parts: Mapping[str, float]) -> str:
    """The name of the longest part."""
    return max(parts, key=lambda name: parts[name])


def with_share(cost: Cost, share: float) -> Cost:
    """The cost with another engaged part of the unit, within (0, 1]."""
    return replace(cost, share=min(1.0, max(share, 1e-9)))
