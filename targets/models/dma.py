"""DMA of a product through a scratchpad: what is read again and how often, and what double buffering cannot hide."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mapper.hw.work import Feed, Role, Work
from targets.models.rates import Product, Traffic, ceil_div, product_of, traffic_of

ACCUMULATOR_BYTES = 4
"""Partial sums are kept in 32 bits (i32 or f32), as systolic arrays add them up (Jouppi et al., TPU, ISCA 2017)."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """Seconds of the DMA of one run; loads and stores share the way to memory.

    Two halves of the scratchpad take turns: a tile is loaded and the one before it stored while a third is computed.
    Before the first tile has come there is nothing to compute, and behind the last one nothing is left to compute.
    """

    load_s: float
    store_s: float
    first_load_s: float
    last_store_s: float

    @property
    def all_s(self) -> float:
        """The time of the transfers one after the other."""
        return self.load_s + self.store_s

    def around(self, compute_s: float) -> float:
        """First load, the longer of all arithmetic and all other transfers, last store: for equal tiles the sum over
        steps of max(compute, load + store)."""
        edges = self.first_load_s + self.last_store_s
        return max(compute_s + edges, self.all_s)


@dataclass(frozen=True, slots=True)
class Tile:
    """Bytes of what arrays work on at a time: the side that streams past, the side that stays, and the results."""

    streaming: int
    staying: int
    results: int


def transfers(work: Work, traffic: Traffic, feed: Feed, tile: Tile, efficiency: float) -> Transfers:
    """The traffic in seconds, at a part of the bandwidths; the edges are those of one tile."""
    stored = min(traffic.data, sum(o.bytes for o in work.outputs))
    loaded = traffic.data - stored
    staying = 0 if traffic.weights else tile.staying
    first = min(loaded, tile.streaming + staying) / feed.data
    if feed.weights:
        first += min(traffic.weights, tile.staying) / feed.weights
    store_s = stored / feed.data / efficiency
    return Transfers(
        load_s=traffic.seconds(feed, efficiency) - store_s,
        store_s=store_s,
        first_load_s=first / efficiency,
        last_store_s=min(stored, tile.results) / feed.data / efficiency,
    )


def kept_bytes(work: Work, room_bytes: int) -> int:
    """Bytes of the activations that stay on the chip between one op and the next: all of them where they fit."""
    activations = work.bytes(Role.ACTIVATION)
    return activations if work.kind != "attention" and activations <= room_bytes else 0


def blocked_traffic(work: Work, feed: Feed, sram_bytes: int) -> Traffic:
    """Bytes to and from the memories with the cheapest of three loop orders.

    Half of the scratchpad holds a block of one side while the other side streams past it: with blocks of the right
    side the left one is read ceil(right / half) times, and the other way round. Or it holds a block of partial sums,
    past which both sides stream: each is read once for each block of its other side. A recurrent product reads its
    weights again at each step unless they fit in that half. Results are written once.
    """
    base, half = traffic_of(work, feed), max(1, sram_bytes // 2)
    if work.kind == "rnn":
        again = work.dim("steps") if work.bytes(Role.WEIGHT) > half else 1
        return Traffic(base.data, base.weights * again)
    moving = [o.bytes for o in work.inputs if o.role is not Role.WEIGHT]
    product = product_of(work)
    if product.static:
        left, right, right_is_data = sum(moving), work.bytes(Role.WEIGHT), False
    else:
        left, right, right_is_data = sum(moving[:1]), sum(moving[1:]), True

    def traffic(left_passes: int, right_passes: int) -> Traffic:
        left_again, right_again = (left_passes - 1) * left, (right_passes - 1) * right
        if right_is_data:
            return Traffic(base.data + left_again + right_again, base.weights)
        return Traffic(base.data + left_again, base.weights + (right_again if feed.weights else 0))

    left_blocks = ceil_div(left, half * product.copies) if right else 1
    right_blocks = ceil_div(right, half * product.copies) if left else 1
    if min(left_blocks, right_blocks) <= 1:
        return base
    orders = (traffic(right_blocks, 1), traffic(1, left_blocks), traffic(*_passes(product, half)))
    return min(orders, key=lambda t: (t.seconds(feed), t.data + t.weights))


def _passes(product: Product, half: int) -> tuple[int, int]:
    """How often the left and the right side stream past blocks of partial sums, as square as the product allows."""
    most = max(1, half // ACCUMULATOR_BYTES)
    side = math.isqrt(most)
    rows, columns = max(side, most // max(product.n, 1)), max(side, most // max(product.rows, 1))
    return ceil_div(product.n, columns), ceil_div(product.rows, rows)
