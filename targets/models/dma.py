"""DMA traffic of a matrix product through a scratchpad: which side is read again, and how often."""

from __future__ import annotations

from mapper.hw.work import Feed, Role, Work
from targets.models.rates import Traffic, ceil_div, product_of, traffic_of


def blocked_traffic(work: Work, feed: Feed, sram_bytes: int) -> Traffic:
    """Bytes to and from the memories with the cheaper of two loop orders.

    Half of the scratchpad holds a block of one side while the other side streams past it: with blocks of the right
    side the left one is read ceil(right / half) times, and the other way round. A recurrent product reads its weights
    again at each step unless they fit in that half. Results are written once.
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
    left_again = (ceil_div(right, half * product.copies) - 1) * left if right else 0
    right_again = (ceil_div(left, half * product.copies) - 1) * right if left else 0
    right_block = Traffic(base.data + left_again, base.weights)
    if right_is_data:
        left_block = Traffic(base.data + right_again, base.weights)
    else:
        left_block = Traffic(base.data, base.weights + (right_again if feed.weights else 0))
    return min(right_block, left_block, key=lambda t: (t.seconds(feed), t.data + t.weights))
