"""Vector lanes that share a scratchpad with arrays: what they start on, reduce across lanes, and look up in tables."""

from __future__ import annotations

from pydantic import NonNegativeFloat

from mapper.hw.work import Cost, Feed, Work
from targets.models.blocks import ErrorBands, ReachedPart
from targets.models.lanes import VectorBlock
from targets.models.rates import Traffic, lane_cost

REDUCING = ("norm", "softmax", "reduce")
"""Kinds that add up, or compare, what lies on different lanes."""

LOOK_UPS = ("embedding", "gather", "scatter")
"""Kinds whose DMA follows indices."""


class ScratchpadLanes(VectorBlock):
    """The lanes beside systolic arrays: one operation per lane and cycle on operands in the scratchpad."""

    start_s: NonNegativeFloat | None = None
    """Start of one op on the lanes; None: as the start of a product, `task_overhead_s` of the unit."""
    reduction_s: NonNegativeFloat = 0.0
    """What a reduction across lanes adds: the latency of its tree, for which the pass behind it waits."""
    look_up_s: NonNegativeFloat = 0.0
    """What comes before rows gathered from a table: their indices, and the latency of memory behind them."""
    look_up_efficiency: ReachedPart | None = None
    """Part of the memory bandwidth that rows gathered from a table reach; None: as long bursts."""

    def streamed(
        self, work: Work, feed: Feed, traffic: Traffic, task_s: float, band: ErrorBands, efficiency: float
    ) -> Cost:
        """Roofline of work on the lanes with that traffic; `efficiency` is the reached part of the bandwidth."""
        start = task_s if self.start_s is None else self.start_s
        if work.kind in REDUCING:
            start += self.reduction_s
        if work.kind in LOOK_UPS:
            start += self.look_up_s
            efficiency = self.look_up_efficiency or efficiency
        return lane_cost(
            work,
            feed,
            ops_per_s=self.ops_per_s,
            pj_per_op=self.energy_pj_per_op,
            start_s=start,
            efficiency=efficiency,
            band=band,
            traffic=traffic,
        )
