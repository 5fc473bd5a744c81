"""The CPU unit model: cores with SIMD or matrix units behind a cache; runs every kind of Work that its file allows."""

from __future__ import annotations

from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, Role, UnitModel, Work
from targets.models.blocks import Efficiency, ErrorBand, ErrorBands, NumberType, PerType
from targets.models.rates import (
    FREE_COST,
    MATRIX_KINDS,
    Traffic,
    energy,
    lane_dtype,
    limit,
    not_known,
    nothing,
    softmax_flops,
    ticks_of,
    traffic_of,
)


class Cpu(UnitModel):
    """A multicore processor as a roofline with a cache and a fixed cost per op (COST_MODELS, "GPU, CPU").

    Peaks are per core and cycle, a MAC counting two operations.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    cores: PositiveInt
    clock_hz: PositiveFloat
    matrix_ops_per_cycle: PerType
    """Operations per core and cycle in matrix products, by type (2 per MAC): AVX-512 f32 with two FMA ports is 64."""
    vector_ops_per_cycle: PerType
    """Operations per core and cycle in element-by-element code, by type."""
    matmul_dtype: NumberType = DType.F32
    """Type of matrix products when no precision is asked for."""
    vector_dtype: NumberType = DType.F32
    """Type of all other arithmetic and of the results left in memory."""
    efficiency: Efficiency = Efficiency()
    op_overhead_s: NonNegativeFloat = 5e-6
    """Dispatch and thread start of one op that is not fused."""
    cache_bytes: PositiveInt
    """Last-level cache: activations up to this size are assumed to be still in it."""
    cache_bandwidth_bytes_per_s: PositiveFloat
    energy_pj_per_op: PerType
    """Energy of one operation by type, everything up to the first-level cache included."""
    cache_energy_pj_per_bit: NonNegativeFloat = 0.0
    overhead_energy_pj: NonNegativeFloat = 0.0
    """Energy of one dispatch."""
    opaque: bool = True
    """Whether it runs ops whose program the mapper does not know (kind `opaque`)."""
    error_band: ErrorBand = ErrorBands(assumed=0.5)

    def why_not(self, work: Work) -> str | None:
        return not_known(work, self.opaque)

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        if work.kind in MATRIX_KINDS:
            if work.kind == "attention":  # softmax keeps scores and probabilities in floats
                chosen = wanted if wanted and wanted.is_float else self.vector_dtype
            else:
                chosen = wanted or self.matmul_dtype
            return chosen if self.matrix_ops_per_cycle.of(chosen) else None
        return lane_dtype(work, wanted, self.vector_ops_per_cycle.table(), self.vector_dtype)

    def activation_dtype(self) -> DType:
        return self.vector_dtype

    def peak_ops_per_s(self) -> dict[DType, float]:
        return {t: self.cores * self.clock_hz * ops for t, ops in self.matrix_ops_per_cycle.table().items()}

    def cost(self, work: Work, feed: Feed) -> Cost:
        """max(operations / rate, bytes / bandwidth) + overhead; activations up to the cache size move at its rate."""
        if nothing(work):
            return FREE_COST
        traffic = traffic_of(work, feed)
        compute = self._compute_seconds(work)
        memory = self._memory_seconds(work, traffic, feed)
        start = 0.0 if work.fused else self.op_overhead_s
        return self.error_band.on(
            work,
            Cost(
                ticks=ticks_of(max(compute, memory) + start),
                energy_pj=energy(
                    {
                        "compute": work.flops * self.energy_pj_per_op.near(work.dtype),
                        "cache": 8 * work.bytes() * self.cache_energy_pj_per_bit,
                        "launch": 0.0 if work.fused else self.overhead_energy_pj,
                    }
                ),
                data_bytes=traffic.data,
                weight_bytes=traffic.weights,
                limited_by=limit({"cores": compute, "memory bandwidth": memory, "op overhead": start}),
            ),
        )

    def _compute_seconds(self, work: Work) -> float:
        """Operations over the reached peak; softmax inside attention runs on the vector lanes."""
        per_cycle = self.cores * self.clock_hz
        lanes = per_cycle * self.vector_ops_per_cycle.near(work.dtype) * self.efficiency.vector
        if work.kind == "attention":
            matrix = per_cycle * self.matrix_ops_per_cycle.near(work.dtype) * self.efficiency.attention
            return work.flops / matrix + softmax_flops(work) / lanes
        if work.kind in MATRIX_KINDS:
            return work.flops / (per_cycle * self.matrix_ops_per_cycle.near(work.dtype) * self.efficiency.matmul)
        return work.flops / lanes

    def _memory_seconds(self, work: Work, traffic: Traffic, feed: Feed) -> float:
        """Activations in the cache move at its rate, the rest, states and weights at the memory's."""
        active = work.bytes(Role.ACTIVATION)
        cached = min(active, self.cache_bytes)
        outside = Traffic(traffic.data - cached, traffic.weights).seconds(feed, self.efficiency.memory)
        return cached / self.cache_bandwidth_bytes_per_s + outside
