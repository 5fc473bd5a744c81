"""The systolic DSA unit model: matrix arrays with tile loops over SRAM, and vector lanes beside them."""

from __future__ import annotations

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, Role, UnitModel, Work
from targets.models.blocks import ErrorBand, ErrorBands, NumberType, PerType, ReachedPart
from targets.models.dataflow import Dataflow, product_cycles
from targets.models.dma import Tile, Transfers, blocked_traffic, kept_bytes, transfers
from targets.models.rates import (
    DMA,
    FREE,
    FREE_COST,
    MATRIX_KINDS,
    OPAQUE,
    Traffic,
    ceil_div,
    energy,
    is_static,
    lane_dtype,
    limit,
    nothing,
    products_of,
    softmax_flops,
    ticks_of,
    traffic_of,
)
from targets.models.scratchpad_lanes import ScratchpadLanes


class Systolic(UnitModel):
    """Systolic arrays of rows x columns MACs (COST_MODELS, "Systolic and vector DSAs"); cycles as in SCALE-Sim."""

    rows: PositiveInt
    columns: PositiveInt
    arrays: PositiveInt = 1
    """Equal arrays that share one matrix product by tiles."""
    side_by_side: PositiveInt = 1
    """So many equal products, as the heads of an attention are, may run at once, each on its part of the arrays; 1:
    one after the other, each on all arrays. The quickest number up to it is taken."""
    clock_hz: PositiveFloat
    rate: PerType
    """MACs per cell and cycle by type, e.g. {i8: 1, f16: 0.5}; 0 or absent where the type is not computed."""
    static_dtype: NumberType = DType.I8
    """Type of products with a static side when no precision is asked for."""
    dynamic_dtype: NumberType = DType.F16
    """Type of products of two activations, and of attention."""
    dataflows: tuple[Dataflow, ...] = ("weight", "output")
    """What may stay in the array; the quicker one is taken for each product."""
    sram_bytes: PositiveInt
    """Scratchpad; half of it holds the tile at work and half the next one."""
    kept_bytes: NonNegativeInt = 0
    """Activations of one op up to so many bytes stay in the scratchpad from op to op, as a compiler that lays it out
    does; 0: each op reads and writes memory. Graph inputs, outputs, states and weights are in memory all the same."""
    array_efficiency: ReachedPart = 1.0
    """Part of the counted cycles' rate that whole products reach; 1: cycles as counted."""
    sram_energy_pj_per_bit: NonNegativeFloat = 0.0
    energy_pj_per_mac: PerType
    vector: ScratchpadLanes
    """Lanes for everything that is not a product; `kinds` lists what they take. DMA alone moves, gathers, scatters."""
    memory_efficiency: ReachedPart = 0.9
    """Part of the memory bandwidth that long DMA bursts reach."""
    task_overhead_s: NonNegativeFloat = 1e-6
    """Start of one task: descriptor fetch and first DMA latency; not paid by fused work."""
    error_band: ErrorBand = ErrorBands(assumed=0.3)

    def why_not(self, work: Work) -> str | None:
        if work.kind == "opaque":
            return OPAQUE
        if work.kind == "attention" and "softmax" not in self.vector.kinds:
            return "attention needs a softmax between its two products, and the vector lanes of this unit have none"
        if work.kind in (*MATRIX_KINDS, *FREE, *DMA, *self.vector.kinds):
            return None
        return (
            f"no {work.kind} on the vector lanes of this unit; they take: {', '.join(self.vector.kinds) or 'nothing'}"
        )

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        if work.kind not in MATRIX_KINDS:
            return lane_dtype(work, wanted, self.rate.table(), DType.F16)
        if work.kind == "attention" and wanted and not wanted.is_float:  # scores and probabilities stay in floats
            wanted = None
        chosen = wanted or (self.static_dtype if is_static(work) else self.dynamic_dtype)
        return chosen if self.rate.of(chosen) else None

    def peak_ops_per_s(self) -> dict[DType, float]:
        cells = self.rows * self.columns * self.arrays
        return {t: 2 * cells * self.clock_hz * rate for t, rate in self.rate.table().items()}

    def cost(self, work: Work, feed: Feed) -> Cost:
        """First load, max(array or lanes, DMA), last store, and task start: the two scratchpad halves let all other
        transfers hide behind the arithmetic."""
        if nothing(work):
            return FREE_COST
        kept = kept_bytes(work, self.kept_bytes)
        traffic = traffic_of(work, feed)
        if work.kind not in MATRIX_KINDS:
            traffic = Traffic(traffic.data - kept, traffic.weights)
            return self.vector.streamed(
                work, feed, traffic, self.task_overhead_s, self.error_band, self.memory_efficiency
            )
        if work.kind != "attention":
            traffic = blocked_traffic(work, feed, self.sram_bytes)
        if kept:
            traffic = Traffic(work.bytes() - work.bytes(Role.WEIGHT) - kept, traffic.weights)
        lanes = softmax_flops(work) if work.kind == "attention" else 0
        array_s, lanes_s = self._array_seconds(work), lanes / self.vector.ops_per_s
        moved = self._transfers(work, traffic, feed)
        parts = {
            "systolic array": array_s,
            "softmax on the vector lanes": lanes_s,
            "memory bandwidth": moved.all_s,
        }
        start = 0.0 if work.fused else self.task_overhead_s
        return self.error_band.on(
            work,
            Cost(
                ticks=ticks_of(moved.around(max(array_s, lanes_s)) + start),
                energy_pj=energy(
                    {
                        "compute": work.macs * self.energy_pj_per_mac.near(work.dtype)
                        + lanes * self.vector.energy_pj_per_op,
                        "sram": self._sram_bits(work) * self.sram_energy_pj_per_bit,
                    }
                ),
                data_bytes=traffic.data,
                weight_bytes=traffic.weights,
                limited_by=limit({**parts, "task start": start}),
            ),
        )

    def _transfers(self, work: Work, traffic: Traffic, feed: Feed) -> Transfers:
        """The DMA of a product, tile by tile: what all arrays hold, half a scratchpad of what streams past it at most,
        and the results of both."""
        _, m, n, k = products_of(work)[0]
        half, bits = self.sram_bytes // 2, work.dtype.bits
        rows, columns = min(k, self.rows), min(n, self.columns * self.arrays)
        weight = work.weight.dtype.bits if work.weight else bits
        tile = Tile(
            streaming=min(half, m * rows * bits // 8),
            staying=min(half, rows * columns * weight // 8),
            results=min(half, m * columns * bits // 8),
        )
        return transfers(work, traffic, feed, tile, self.memory_efficiency)

    def _array_seconds(self, work: Work) -> float:
        """All products of the work, each with the quickest dataflow."""
        cycles = sum(
            min(
                ceil_div(times, at_once) * product_cycles(d, m, n, k, self.rows, self.columns, self.arrays // at_once)
                for d in self.dataflows
                for at_once in self._at_once(times)
            )
            for times, m, n, k in products_of(work)
        )
        return cycles / (self.clock_hz * self.rate.near(work.dtype) * self.array_efficiency)

    def _at_once(self, products: int) -> list[int]:
        """How many of so many equal products may run side by side: one, two, four and so on, and the most."""
        most = max(1, min(products, self.side_by_side, self.arrays))
        return sorted({most, *(1 << k for k in range(most.bit_length()))})

    def _sram_bits(self, work: Work) -> int:
        """Bits through the scratchpad: inputs once per column fold, weights once, sums in and out per row fold."""
        return sum(
            times
            * work.dtype.bits
            * (m * k * ceil_div(n, self.columns) + k * n + m * n * (2 * ceil_div(k, self.rows) - 1))
            for times, m, n, k in products_of(work)
        )
