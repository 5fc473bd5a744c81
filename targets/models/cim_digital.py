"""The digital compute-in-memory unit model: SRAM whose bits are multiplied beside the cell, exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, Role, Storage, UnitModel, Work
from targets.models.blocks import BufferBlock, Computes, ErrorBand, ErrorBands
from targets.models.cim_blocks import MacroEnergy, RowWrite
from targets.models.crossbar import arrays_needed, digital_mvm_seconds, outputs_per_array
from targets.models.lanes import VectorBlock, buffer_storage, integer_dtype, no_lanes, recurrent, stored_bits
from targets.models.rates import (
    FREE,
    FREE_COST,
    MATRIX_KINDS,
    ceil_div,
    energy,
    is_static,
    lane_dtype,
    limit,
    nothing,
    product_of,
    products_of,
    softmax_flops,
    ticks_of,
    traffic_of,
)


class CimDigital(UnitModel):
    """Digital SRAM macros with weights beside the multipliers (COST_MODELS, "Compute in memory", eq. 5 and 8)."""

    model_config = ConfigDict(use_attribute_docstrings=True)
    engine: ClassVar[str] = "spatial"
    streams_weights: ClassVar[bool] = True

    arrays: PositiveInt
    """Macros (cores)."""
    rows: PositiveInt
    """Weights summed in one output, of one bank."""
    columns: PositiveInt
    """Outputs of a macro, each `weight_bits` wide."""
    weight_bits: PositiveInt = 8
    banks: PositiveInt = 1
    """Weight sets behind one multiplier: more capacity, not more rate; from 2 on, writing hides behind computing."""
    bits_per_cycle: PositiveInt = 1
    """Input bits taken in one cycle."""
    active_rows: PositiveInt | None = None
    """Rows summed in one cycle; None: all of them."""
    clock_hz: PositiveFloat
    energy_pj: MacroEnergy
    write: RowWrite
    computes: Computes = Computes()
    allow_dynamic: bool = False
    """True: products of two activations run here too, one of them written first, at its cost."""
    accumulator_bits: PositiveInt = 32
    vector: VectorBlock | None = None
    """Digital lanes; without them only products run here."""
    buffer: BufferBlock | None = None
    """SRAM for activations; exposed as the memory `<unit>.buffer`."""
    task_overhead_s: NonNegativeFloat = 0.0
    error_band: ErrorBand = ErrorBands(assumed=0.3)

    def why_not(self, work: Work) -> str | None:
        if work.kind in FREE or (self.vector and work.kind in self.vector.kinds):
            return None
        if work.kind == "rnn":
            return recurrent(work)
        if work.kind not in MATRIX_KINDS:
            return no_lanes(work, self.vector)
        if not is_static(work) and not self.allow_dynamic:
            cells = sum(times * n * k for times, _, n, k in products_of(work)) * self.computes.matmul.weights.bits
            return f"both operands change every call: {cells / 1e6:.3g} Mbit to write, and allow_dynamic is false"
        if work.kind == "attention" and not (self.vector and "softmax" in self.vector.kinds):
            return "attention needs a softmax between its two products, and the unit has no lanes for it"
        if not self._outputs(work):
            return f"a weight is wider than the {self.columns * self.weight_bits} bits of a row"
        return None

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        if work.kind in MATRIX_KINDS:
            return integer_dtype(wanted, self.computes.matmul.inputs)
        return lane_dtype(work, wanted, {DType.F16: 1.0}, DType.F16)

    def peak_ops_per_s(self) -> dict[DType, float]:
        own = self.computes.matmul
        outputs = outputs_per_array(self.columns, own.weights.bits, self.weight_bits)
        return {own.inputs: 2 * self.arrays * self.rows * outputs / self.mvm_seconds(own.inputs.bits)}

    def storages(self) -> tuple[Storage, ...]:
        row_bytes = (self.write.arrays_at_once or self.arrays) * self.columns * self.weight_bits / 8
        arrays = Storage(
            "arrays",
            capacity_bytes=self.arrays * self.banks * self._bank_bytes(),
            bandwidth_bytes_per_s=row_bytes / max(self.write.latency_s, 1e-12),
            energy_pj_per_bit=self.write.energy_pj_per_bit,
            holds=("weights",),
        )
        return (arrays, *buffer_storage(self.buffer))

    def weight_footprint_bytes(self, work: Work) -> int:
        return self._tiles(work) * self._bank_bytes() if is_static(work) else work.bytes(Role.WEIGHT)

    def max_replicas(self, work: Work) -> int:
        if not is_static(work):
            return 1
        return max(1, min(product_of(work).rows, self.arrays // self._tiles(work)))

    def deploy(self, work: Work) -> Cost:
        """Writing one copy into the macros (eq. 8)."""
        if not is_static(work):
            return Cost(ticks=0)
        tiles = self._tiles(work)
        return self.error_band.on(
            work,
            Cost(
                ticks=ticks_of(self._write_seconds(tiles)),
                energy_pj=energy({"write": tiles * 8 * self._bank_bytes() * self.write.energy_pj_per_bit}),
                weight_bytes=work.bytes(Role.WEIGHT),
                limited_by="row writes",
            ),
        )

    def cost(self, work: Work, feed: Feed) -> Cost:
        """Products with resident weights, with weights written on each call, or of two activations; or lane work."""
        if nothing(work):
            return FREE_COST
        width = self.buffer.bandwidth_bytes_per_s if self.buffer else feed.data
        inside = Feed(min(feed.data, width), feed.weights, feed.replicas)
        if work.kind not in MATRIX_KINDS and self.vector:
            lanes = self.vector.cost(work, inside, self.task_overhead_s, self.error_band)
            return replace(lanes, share=1 / self.arrays)
        if is_static(work) and feed.weights is None:
            return self._resident(work, inside)
        return self._written(work, inside)

    def _resident(self, work: Work, feed: Feed) -> Cost:
        """Weights in place: rounds over the tiles that share a macro, rows spread over the replicas (eq. 5, 6)."""
        product, tiles = product_of(work), self._tiles(work)
        copies = min(max(1, feed.replicas), self.max_replicas(work))
        rounds = ceil_div(product.rows, copies) * ceil_div(tiles, self.arrays)
        compute = rounds * self.mvm_seconds(stored_bits(work, self.computes.matmul)[1])
        share = min(1.0, tiles * copies / self.arrays)
        return self._cost(work, feed, compute, written=0.0, tiles_written=0, share=share)

    def _written(self, work: Work, feed: Feed) -> Cost:
        """One side is written first: behind the arithmetic from two banks on, else before it (eq. 8).

        Idle macros take copies of the tiles where that is quicker. The whole unit is engaged.
        """
        tiles = self._tiles(work)
        rows = max(m for _, m, _, _ in self._products(work))
        spare = max(1, min(self.arrays // tiles, rows))
        return min(
            (self._written_by(work, feed, tiles, copies) for copies in {1, spare}), key=lambda c: (c.ticks, c.total_pj)
        )

    def _written_by(self, work: Work, feed: Feed, tiles: int, copies: int) -> Cost:
        mvm = self.mvm_seconds(stored_bits(work, self.computes.matmul)[1])
        compute = mvm * sum(
            ceil_div(m, copies) * ceil_div(self._tiles_of(times, n, k, work), self.arrays)
            for times, m, n, k in self._products(work)
        )
        written = self._write_seconds(tiles * copies)
        return self._cost(work, feed, compute, written=written, tiles_written=tiles * copies, share=1.0)

    def _cost(
        self, work: Work, feed: Feed, compute: float, *, written: float, tiles_written: int, share: float
    ) -> Cost:
        traffic = traffic_of(work, feed)
        loading = max(written, traffic.weights / feed.weights if feed.weights else 0.0)
        softmax = softmax_flops(work) if work.kind == "attention" else 0
        lanes = softmax / self.vector.ops_per_s if self.vector else 0.0
        memory = traffic.data / feed.data
        parts = {"macro cycles": compute, "buffer bandwidth": memory, "softmax on the lanes": lanes}
        total = max(parts.values()) + loading
        if self.banks > 1:  # all but the first round of tiles is written behind the arithmetic
            total = max(*parts.values(), loading) + self._first_round(traffic.weights, feed, tiles_written)
        start = 0.0 if work.fused else self.task_overhead_s
        pj = self._product_energy(work)
        pj["write"] = tiles_written * 8 * self._bank_bytes() * self.write.energy_pj_per_bit
        pj["lanes"] = softmax * self.vector.energy_pj_per_op if self.vector else 0.0
        return self.error_band.on(
            work,
            Cost(
                ticks=ticks_of(total + start),
                energy_pj=energy(pj),
                data_bytes=traffic.data,
                weight_bytes=traffic.weights,
                share=share,
                limited_by=limit({**parts, "weight writing": loading, "task start": start}),
            ),
        )

    def mvm_seconds(self, input_bits: int) -> float:
        """Time of one matrix-vector product with inputs of the given width (eq. 5), seconds."""
        return digital_mvm_seconds(
            input_bits=input_bits,
            bits_per_cycle=self.bits_per_cycle,
            rows=self.rows,
            clock_hz=self.clock_hz,
            active_rows=self.active_rows,
        )

    def _products(self, work: Work) -> tuple[tuple[int, int, int, int], ...]:
        """(copies, rows, n, k) of each product, the static side as the matrix that is held."""
        if work.kind == "attention":
            return products_of(work)
        product = product_of(work)
        return ((product.copies, product.rows, product.n, product.k),)

    def _tiles(self, work: Work) -> int:
        """Macro banks that one copy of the held side takes (eq. 1)."""
        return sum(self._tiles_of(times, n, k, work) for times, _, n, k in self._products(work))

    def _tiles_of(self, times: int, n: int, k: int, work: Work) -> int:
        return arrays_needed(
            k,
            n,
            rows=self.rows,
            columns=self.columns,
            weight_bits=stored_bits(work, self.computes.matmul)[0],
            cell_bits=self.weight_bits,
            copies=times,
        )

    def _outputs(self, work: Work) -> int:
        return outputs_per_array(self.columns, stored_bits(work, self.computes.matmul)[0], self.weight_bits)

    def _product_energy(self, work: Work) -> dict[str, float]:
        """MACs in native widths, and the bits that go to the macros and between row tiles."""
        weight_bits, input_bits = stored_bits(work, self.computes.matmul)
        native = self.computes.matmul.inputs.bits
        scale = ceil_div(weight_bits, self.weight_bits) * input_bits / native
        carried = 0
        for times, m, n, k in self._products(work):
            inputs, sums = ceil_div(n, self._outputs(work)), ceil_div(k, self.rows) - 1
            carried += times * m * (k * input_bits * inputs + n * self.accumulator_bits * sums)
        return {"compute": work.macs * scale * self.energy_pj.mac, "buffer": carried * self.energy_pj.buffer_per_bit}

    def _write_seconds(self, tiles: int) -> float:
        """Writing whole tiles, row after row, `arrays_at_once` macros side by side."""
        return ceil_div(tiles, self.write.arrays_at_once or self.arrays) * self.rows * self.write.latency_s

    def _first_round(self, weight_bytes: int, feed: Feed, tiles: int) -> float:
        """Writing one bank of each macro in use: nothing can be computed before it."""
        brought = min(weight_bytes, self.arrays * self._bank_bytes())
        return max(self._write_seconds(min(tiles, self.arrays)), brought / feed.weights if feed.weights else 0.0)

    def _bank_bytes(self) -> int:
        return self.rows * self.columns * self.weight_bits // 8
