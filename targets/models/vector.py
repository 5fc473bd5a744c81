"""The vector DSA unit model: SIMD lanes over a scratchpad; slow at matrix products, at home in everything else."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, UnitModel, Work
from targets.models.blocks import ErrorBand, ErrorBands, NumberType, PerType, ReachedPart
from targets.models.dma import blocked_traffic
from targets.models.rates import (
    FREE_COST,
    MATRIX_KINDS,
    PRODUCTS,
    energy,
    lane_dtype,
    limit,
    not_known,
    nothing,
    softmax_flops,
    ticks_of,
    traffic_of,
)


class Vector(UnitModel):
    """A SIMD processor fed by DMA, as a roofline (COST_MODELS, "Systolic and vector DSAs")."""

    lanes: PositiveInt
    clock_hz: PositiveFloat
    rate: PerType
    """Operations per lane and cycle by type; a MAC counts two, so an FMA lane in f16 has {f16: 2}."""
    native: NumberType = DType.F16
    efficiency: ReachedPart = 0.8
    """Part of the lanes that real code keeps busy."""
    memory_efficiency: ReachedPart = 0.9
    sram_bytes: PositiveInt
    """Scratchpad for the operands of a matrix product that are read again."""
    sram_energy_pj_per_bit: NonNegativeFloat = 0.0
    energy_pj_per_op: PerType
    task_overhead_s: NonNegativeFloat = 1e-6
    opaque: bool = False
    """Whether it runs ops whose program the mapper does not know (kind `opaque`)."""
    error_band: ErrorBand = ErrorBands(assumed=0.4)

    def why_not(self, work: Work) -> str | None:
        return not_known(work, self.opaque)

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        if work.kind not in MATRIX_KINDS:
            return lane_dtype(work, wanted, self.rate.table(), self.native)
        if work.kind == "attention" and wanted and not wanted.is_float:  # scores and probabilities stay in floats
            wanted = None
        chosen = wanted or self.native
        return chosen if self.rate.of(chosen) else None

    def peak_ops_per_s(self) -> dict[DType, float]:
        return {t: self.lanes * self.clock_hz * rate for t, rate in self.rate.table().items()}

    def cost(self, work: Work, feed: Feed) -> Cost:
        """max(operations / rate, bytes / bandwidth) + task start; products read again what SRAM cannot keep."""
        if nothing(work):
            return FREE_COST
        traffic = traffic_of(work, feed)
        if work.kind in PRODUCTS:
            traffic = blocked_traffic(work, feed, self.sram_bytes)
        operations = work.flops + (softmax_flops(work) if work.kind == "attention" else 0)
        compute = operations / (self.lanes * self.clock_hz * self.rate.near(work.dtype) * self.efficiency)
        memory = traffic.seconds(feed, self.memory_efficiency)
        start = 0.0 if work.fused else self.task_overhead_s
        sram_bits = 8 * (work.bytes() + traffic.data + traffic.weights)  # written by DMA, read by the lanes
        return self.error_band.on(
            work,
            Cost(
                ticks=ticks_of(max(compute, memory) + start),
                energy_pj=energy(
                    {
                        "compute": operations * self.energy_pj_per_op.near(work.dtype),
                        "sram": sram_bits * self.sram_energy_pj_per_bit,
                    }
                ),
                data_bytes=traffic.data,
                weight_bytes=traffic.weights,
                limited_by=limit({"vector lanes": compute, "memory bandwidth": memory, "task start": start}),
            ),
        )
