"""A unit model of one's own: a roofline."""

from __future__ import annotations

from math import ceil

from pydantic import PositiveFloat

from mapper import Cost, DType, Feed, UnitModel, Work
from mapper.hw.work import TICKS_PER_SECOND, Role


class ExampleNpu(UnitModel):
    """Multiplies matrices in f16 at `ops_per_s`; its fields are the keys of a unit file."""

    ops_per_s: PositiveFloat
    energy_pj_per_op: PositiveFloat

    def why_not(self, work: Work) -> str | None:
        return None if work.kind in ("matmul", "view") else f"it multiplies matrices; {work.kind} is none"

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        return DType.F16 if wanted in (None, DType.F16) else None

    def cost(self, work: Work, feed: Feed) -> Cost:
        """max(operations / rate, bytes / bandwidth)."""
        weights = work.bytes(Role.WEIGHT) if feed.weights else 0
        data = work.bytes() - work.bytes(Role.WEIGHT)
        compute = work.flops / self.ops_per_s
        memory = data / feed.data + (weights / feed.weights if feed.weights else 0.0)
        return Cost(
            ticks=ceil(max(compute, memory) * TICKS_PER_SECOND),
            energy_pj=(("compute", ceil(work.flops * self.energy_pj_per_op)),),
            data_bytes=data,
            weight_bytes=weights,
            limited_by="compute" if compute > memory else "memory bandwidth",
        )
