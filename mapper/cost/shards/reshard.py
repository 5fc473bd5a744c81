"""What ranks exchange to hold a value in another layout: which collective, and of how many bytes."""

from __future__ import annotations

from mapper.cost.shards.spread import Spread
from mapper.hw.layout import Layout
from mapper.hw.work import DType


def exchange_between(value: Spread, dtype: DType, a: Layout, b: Layout, ranks: int) -> tuple[str, int]:
    """The collective (a word of `mapper.hw.collective`) and its size as that counts it; ('', 0) where nothing moves.

    A rank cuts its part of a whole for itself, and a part, the rest zero, is a summand. Summands that go where a router
    sends their rows are summed everywhere first.
    """
    if a is b or a is Layout.COPY or b is Layout.SUM:
        return "", 0
    if a is Layout.SUM:
        kind = "reduce_scatter" if b in (Layout.FEATURES, Layout.TOKENS) else "all_reduce"
        return kind, dtype.bytes_for(value.elements)
    if b is Layout.COPY:
        return "all_gather", dtype.bytes_for(ranks * value.part(a, ranks))
    return "all_to_all", dtype.bytes_for(max(value.part(a, ranks), value.part(b, ranks)))


def memory_bytes(kind: str, ranks: int, size_bytes: int) -> int:
    """Bytes that all ranks together read and write for the collective: each sends and receives (g - 1)/g of the tensor,
    twice for an all-reduce (Thakur et al., IJHPCA 2005)."""
    times = 4 if kind == "all_reduce" else 2
    return times * (ranks - 1) * size_bytes
