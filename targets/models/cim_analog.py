"""The analog compute-in-memory unit model: weights in crossbars of RRAM, PCM, flash or analog SRAM."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from mapper.hw.work import Cost, DType, Feed, Role, Storage, UnitModel, Work
from targets.models.blocks import BufferBlock, Computes, ErrorBand, ErrorBands
from targets.models.cim_blocks import ArrayEnergy, Write
from targets.models.crossbar import arrays_needed, mvm_seconds, outputs_per_array, reads_per_mvm
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
    ticks_of,
    traffic_of,
)


class CimAnalog(UnitModel):
    """Crossbars that hold static weights and multiply where they are (COST_MODELS, "Compute in memory", eq. 1-9)."""

    model_config = ConfigDict(use_attribute_docstrings=True)
    engine: ClassVar[str] = "spatial"
    streams_weights: ClassVar[bool] = False

    arrays: PositiveInt
    rows: PositiveInt
    columns: PositiveInt
    cell_bits: PositiveInt
    differential: bool = False
    """True: a weight takes two columns, one for each sign."""
    dac_bits: PositiveInt = 1
    adc_bits: PositiveInt = 8
    adcs_per_array: PositiveInt = 1
    active_rows: PositiveInt | None = None
    """Rows read together; None: all of them."""
    read_time_s: PositiveFloat
    """Settling of the array for one slice of the input."""
    adc_time_s: NonNegativeFloat
    """One conversion."""
    energy_pj: ArrayEnergy
    write: Write
    computes: Computes = Computes()
    accumulator_bits: PositiveInt = 24
    """Width of the partial sums that travel between row tiles."""
    vector: VectorBlock | None = None
    """Digital lanes of the chiplet; without them only products run here."""
    buffer: BufferBlock | None = None
    """SRAM for activations; exposed as the memory `<unit>.buffer`."""
    task_overhead_s: NonNegativeFloat = 0.0
    error_band: ErrorBand = ErrorBands(assumed=0.3)

    @model_validator(mode="after")
    def _only_static(self) -> Self:
        if not self.computes.matmul.static_weights_only:
            raise ValueError("analog arrays multiply static weights only: static_weights_only must be true")
        return self

    def why_not(self, work: Work) -> str | None:
        if work.kind in FREE or (self.vector and work.kind in self.vector.kinds):
            return None
        if work.kind == "rnn":
            return recurrent(work)
        if work.kind not in MATRIX_KINDS:
            return no_lanes(work, self.vector)
        if not is_static(work):
            return self._rewriting(work)
        return self._too_large(work)

    def _rewriting(self, work: Work) -> str:
        """Why two changing operands are out of reach: the cells to write on each call, their time and endurance."""
        per_weight = self._columns_per_weight(self.computes.matmul.weights.bits)
        cells = per_weight * sum(times * n * k for times, _, n, k in products_of(work))
        return (
            f"both operands change every call: {cells / 1e6:.3g} M cell writes a call "
            f"at {self.write.latency_s * 1e6:.3g} us each, and a cell wears out after {self.write.endurance:.0e} calls"
        )

    def _too_large(self, work: Work) -> str | None:
        """The arrays that one copy of the weights needs, where the unit has fewer."""
        weight_bits, _ = self._widths(work)
        if not outputs_per_array(self.columns, weight_bits, self.cell_bits, self.differential):
            return f"a weight of {weight_bits} bits is wider than the {self.columns} columns of an array"
        needed = self.arrays_for(work)
        if needed > self.arrays:
            return f"its weights need {needed:,} arrays of {self.rows}x{self.columns}, the unit has {self.arrays:,}"
        return None

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        if work.kind in MATRIX_KINDS:
            return integer_dtype(wanted, self.computes.matmul.inputs)
        return lane_dtype(work, wanted, {DType.F16: 1.0}, DType.F16)

    def peak_ops_per_s(self) -> dict[DType, float]:
        own = self.computes.matmul
        outputs = outputs_per_array(self.columns, own.weights.bits, self.cell_bits, self.differential)
        return {own.inputs: 2 * self.arrays * self.rows * outputs / self.mvm_seconds(own.inputs.bits)}

    def storages(self) -> tuple[Storage, ...]:
        at_once = self.write.cells_at_once * (self.write.arrays_at_once or self.arrays)
        arrays = Storage(
            "arrays",
            capacity_bytes=self.arrays * self._array_bytes(),
            bandwidth_bytes_per_s=at_once * self.cell_bits / 8 / max(self.write.latency_s, 1e-12),
            energy_pj_per_bit=self.write.energy_pj / self.cell_bits,
            holds=("weights",),
        )
        return (arrays, *buffer_storage(self.buffer))

    def weight_footprint_bytes(self, work: Work) -> int:
        return self.arrays_for(work) * self._array_bytes() if is_static(work) else work.bytes(Role.WEIGHT)

    def max_replicas(self, work: Work) -> int:
        if not is_static(work):
            return 1
        return max(1, min(product_of(work).rows, self.arrays // self.arrays_for(work)))

    def deploy(self, work: Work) -> Cost:
        """Programming one copy, array after array or side by side (eq. 8): write steps of an array x its write time."""
        if not is_static(work):
            return Cost(ticks=0)
        product, (weight_bits, _) = product_of(work), self._widths(work)
        cells = product.static * self._columns_per_weight(weight_bits)
        needed = self.arrays_for(work)
        steps = ceil_div(min(self.rows * self.columns, cells), self.write.cells_at_once)
        rounds = ceil_div(needed, self.write.arrays_at_once or needed)
        return self.error_band.on(
            work,
            Cost(
                ticks=ticks_of(rounds * steps * self.write.latency_s),
                energy_pj=energy({"write": cells * self.write.energy_pj}),
                weight_bytes=work.bytes(Role.WEIGHT),
                share=min(1.0, needed / self.arrays),
                limited_by=f"cell writes of {self.write.latency_s * 1e6:.3g} us; they last {self.write.endurance:.0e}",
            ),
        )

    def cost(self, work: Work, feed: Feed) -> Cost:
        """Rows of the product one after the other over `replicas` copies, overlapped with the buffer traffic."""
        if nothing(work):
            return FREE_COST
        inside = Feed(min(feed.data, self.buffer.bandwidth_bytes_per_s) if self.buffer else feed.data)
        if work.kind not in MATRIX_KINDS and self.vector:
            lanes = self.vector.cost(work, inside, self.task_overhead_s, self.error_band)
            return replace(lanes, share=1 / self.arrays)
        product, (_, input_bits) = product_of(work), self._widths(work)
        copies = min(max(1, feed.replicas), self.max_replicas(work))
        traffic = traffic_of(work, inside)
        arrays = ceil_div(product.rows, copies) * self.mvm_seconds(input_bits)
        memory = traffic.seconds(inside)
        fill = min(arrays, memory) / max(1, product.rows)  # the first row comes in before the arrays start
        start = 0.0 if work.fused else self.task_overhead_s
        return self.error_band.on(
            work,
            Cost(
                ticks=ticks_of(max(arrays, memory) + fill + start),
                energy_pj=energy(self._product_energy(work)),
                data_bytes=traffic.data,
                share=min(1.0, self.arrays_for(work) * copies / self.arrays),
                limited_by=limit({self._slowest(): arrays, "buffer bandwidth": memory, "task start": start}),
            ),
        )

    def mvm_seconds(self, input_bits: int) -> float:
        """Time of one matrix-vector product with inputs of the given width (eq. 2), seconds."""
        return mvm_seconds(
            input_bits=input_bits,
            dac_bits=self.dac_bits,
            rows=self.rows,
            columns=self.columns,
            adcs=self.adcs_per_array,
            read_time_s=self.read_time_s,
            adc_time_s=self.adc_time_s,
            active_rows=self.active_rows,
        )

    def arrays_for(self, work: Work) -> int:
        """Arrays of one copy of the static operand (eq. 1)."""
        product, (weight_bits, _) = product_of(work), self._widths(work)
        return arrays_needed(
            product.k,
            product.n,
            rows=self.rows,
            columns=self.columns,
            weight_bits=weight_bits,
            cell_bits=self.cell_bits,
            differential=self.differential,
            copies=product.copies,
        )

    def _product_energy(self, work: Work) -> dict[str, float]:
        """Eq. 4 over the rows and columns in use: idle rows drive nothing and idle columns are not converted."""
        product, (weight_bits, input_bits) = product_of(work), self._widths(work)
        pj, mvms = self.energy_pj, product.rows * product.copies
        slices = ceil_div(input_bits, self.dac_bits)
        reads = reads_per_mvm(
            input_bits=input_bits, dac_bits=self.dac_bits, rows=self.rows, active_rows=self.active_rows
        )
        per_weight = self._columns_per_weight(weight_bits)
        outputs = outputs_per_array(self.columns, weight_bits, self.cell_bits, self.differential)
        row_tiles, column_tiles = ceil_div(product.k, self.rows), ceil_div(product.n, outputs)
        conversions = mvms * reads * product.n * per_weight * row_tiles
        carried = product.k * input_bits * column_tiles + product.n * self.accumulator_bits * (row_tiles - 1)
        return {
            "dac": mvms * slices * product.k * column_tiles * pj.dac_row,
            "cell": mvms * slices * product.k * product.n * per_weight * pj.cell,
            "adc": conversions * pj.adc_conversion,
            "shift-add": conversions * pj.shift_add,
            "buffer": mvms * carried * pj.buffer_per_bit,
        }

    def _columns_per_weight(self, weight_bits: int) -> int:
        return (2 if self.differential else 1) * ceil_div(weight_bits, self.cell_bits)

    def _widths(self, work: Work) -> tuple[int, int]:
        """Bits of a stored weight and of an input."""
        return stored_bits(work, self.computes.matmul)

    def _array_bytes(self) -> int:
        return self.rows * self.columns * self.cell_bits // 8

    def _slowest(self) -> str:
        converting = ceil_div(self.columns, self.adcs_per_array) * self.adc_time_s
        return "ADC conversion" if converting > self.read_time_s else "array reads"
