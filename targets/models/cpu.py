"""The CPU unit model: cores with SIMD or matrix units behind a cache; runs every kind of Work that its file allows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, UnitModel, Work
from targets.models.blocks import ErrorBand, ErrorBands, NumberType, PerType
from targets.models.multicore import (
    PARTS,
    AttentionFit,
    LaneFit,
    Multicore,
    ProductFits,
    ThreadFit,
    core_seconds,
)
from targets.models.rates import FREE_COST, MATRIX_KINDS, energy, lane_dtype, not_known, nothing, ticks_of, traffic_of


class Cpu(UnitModel):
    """A multicore processor: cores that share out an op, caches, and a fixed cost per op (COST_MODELS, "GPU, CPU").

    Peaks are per core and cycle, a MAC counting two operations.
    """

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
    products: ProductFits = ProductFits()
    """Constants of matrix products, convolutions and recurrent layers. `mapper calibrate` fits these blocks."""
    attention: AttentionFit = AttentionFit()
    lanes: LaneFit = LaneFit()
    threads: ThreadFit = ThreadFit()
    op_overhead_s: NonNegativeFloat = 2e-6
    """Dispatch of one op that is not fused."""
    cache_bytes: PositiveInt
    """Last-level cache: activations of much less are still in it."""
    cache_bandwidth_bytes_per_s: PositiveFloat
    """Of the last-level cache, all cores together."""
    private_cache_bytes: NonNegativeInt = 0
    """The largest cache that a core has for itself; 0 where it is not known."""
    private_cache_bandwidth_bytes_per_s: PositiveFloat | None = None
    """Of the private caches, all cores together; None: 16 bytes a cycle and core, half of what Intel's and AMD's
    optimisation manuals give as sustained from a second-level cache, as code also writes."""
    energy_pj_per_op: PerType
    """Energy of one operation by type, everything up to the first-level cache included."""
    cache_energy_pj_per_bit: NonNegativeFloat = 0.0
    overhead_energy_pj: NonNegativeFloat = 0.0
    """Energy of one dispatch."""
    opaque: bool = True
    """Whether it runs ops whose program the mapper does not know (kind `opaque`)."""
    speed: PositiveFloat = 1.0
    """What cores, private caches and dispatch reach now of what the figures say; memory is not touched. 0.7 is a
    machine whose probe takes 1 / 0.7 of `probe_s`."""
    probe_s: float = Field(default=0.0, ge=0, le=10)
    """Time of the speed probe (mapper.runtime.probe) while the figures were measured; 0 where none ran."""
    error_band: ErrorBand = ErrorBands(assumed=0.5)

    def why_not(self, work: Work) -> str | None:
        return not_known(work, self.opaque)

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        if work.kind in MATRIX_KINDS:
            if work.kind == "attention":  # softmax keeps scores and probabilities in floats
                own = self.matmul_dtype if self.matmul_dtype.is_float else self.vector_dtype
                chosen = wanted if wanted and wanted.is_float else own
            else:
                chosen = wanted or self.matmul_dtype
            return chosen if self.matrix_ops_per_cycle.of(chosen) else None
        return lane_dtype(work, wanted, self.vector_ops_per_cycle.table(), self.vector_dtype)

    def activation_dtype(self) -> DType:
        return self.vector_dtype

    def probe_seconds(self) -> float:
        return self.probe_s

    def at_speed(self, speed: float) -> Self:
        return self.scaled(speed=self.speed * speed)  # a copy would keep what is cached

    def peak_ops_per_s(self) -> dict[DType, float]:
        return {t: self.cores * self.clock_hz * ops for t, ops in self.matrix_ops_per_cycle.table().items()}

    def cost(self, work: Work, feed: Feed) -> Cost:
        """One price out of a batch of one."""
        return self.costs((work,), feed)[0]

    def costs(self, works: Sequence[Work], feed: Feed) -> Sequence[Cost]:
        """Soft maximum of arithmetic and traffic, plus the overhead of an op (targets/models/multicore.py)."""
        asked = [i for i, work in enumerate(works) if not nothing(work)]
        if not asked:
            return [FREE_COST] * len(works)
        seconds, parts = core_seconds([works[i] for i in asked], feed, self.multicore)
        longest = parts.argmax(axis=1).tolist()
        found = {
            i: self._priced(works[i], feed, t, PARTS[p])
            for i, t, p in zip(asked, seconds.tolist(), longest, strict=True)
        }
        return [found.get(i, FREE_COST) for i in range(len(works))]

    def _priced(self, work: Work, feed: Feed, seconds: float, limited_by: str) -> Cost:
        traffic = traffic_of(work, feed)
        causes = {
            "compute": work.flops * self.energy_pj_per_op.near(work.dtype),
            "cache": 8 * work.bytes() * self.cache_energy_pj_per_bit,
            "launch": 0.0 if work.fused else self.overhead_energy_pj,
        }
        cost = Cost(ticks_of(seconds), energy(causes), traffic.data, traffic.weights, limited_by=limited_by)
        return self.error_band.on(work, cost)

    @cached_property
    def multicore(self) -> Multicore:
        """The figures that times follow from."""
        private = self.private_cache_bandwidth_bytes_per_s or 16 * self.clock_hz * self.cores
        return Multicore(
            cores=self.cores,
            clock_hz=self.clock_hz,
            matrix_ops=self.matrix_ops_per_cycle,
            vector_ops=self.vector_ops_per_cycle,
            private=(float(self.private_cache_bytes * self.cores), private),
            shared=(float(self.cache_bytes), self.cache_bandwidth_bytes_per_s),
            op_overhead_s=self.op_overhead_s,
            products=self.products,
            attention=self.attention,
            lanes=self.lanes,
            threads=self.threads,
            speed=self.speed,
        )
