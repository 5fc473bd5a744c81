"""The analog compute-in-memory unit model: weights in crossbars of RRAM, PCM, flash or analog SRAM."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from pydantic import NonNegativeFloat, PositiveInt, model_validator

from mapper.hw.work import Cost, Feed, Role, Storage, Work
from targets.models.cim_base import CimUnit, Held
from targets.models.cim_blocks import ArrayEnergy, Write
from targets.models.cim_pulses import Pulses
from targets.models.cim_technology import TABLE_NODE_NM, TABLE_V, array_energy
from targets.models.crossbar import mvm_seconds, reads_per_mvm
from targets.models.rates import (
    ceil_div,
    energy,
    is_static,
    limit,
    softmax_flops,
    ticks_of,
    traffic_of,
)


class CimAnalog(CimUnit):
    """Crossbars read through converters (COST_MODELS, "Compute in memory", eq. 1-9)."""

    cell_bits: PositiveInt
    differential: bool = False
    """True: a weight takes two columns, one for each sign."""
    dac_bits: PositiveInt = 1
    adc_bits: PositiveInt = 8
    adcs_per_array: PositiveInt = 1
    read_time_s: NonNegativeFloat = 0.0
    """Settling of the array for one slice of the input."""
    adc_time_s: NonNegativeFloat = 0.0
    """One conversion."""
    pulses: Pulses | None = None
    """In place of slices, `read_time_s` and `adc_time_s` where inputs and outputs are counted."""
    energy_pj: ArrayEnergy = ArrayEnergy()
    """What is left away follows from `node_nm` and the nominal supply."""
    write: Write
    accumulator_bits: PositiveInt = 24

    @model_validator(mode="after")
    def _can_be_timed_and_priced(self) -> Self:
        if self.write.endurance and not self.computes.matmul.static_weights_only and not self.allow_dynamic:
            raise ValueError(
                "analog arrays multiply static weights only: static_weights_only must be true; or say allow_dynamic: "
                "true, which rewrites the cells on each call and wears them out"
            )
        if self.pulses is None and not self.read_time_s:
            raise ValueError("give read_time_s, or pulses")
        return self

    @property
    def streams_weights(self) -> bool:
        """Whether weights may come from outside on each call."""
        return self.dynamic

    @property
    def _bits_per_column(self) -> int:
        return self.cell_bits

    @property
    def _differential(self) -> bool:
        return self.differential

    def _rewriting(self, held: Held) -> str:
        """Why two changing operands are out of reach: the cells to write on each call, their time and endurance."""
        per_weight = self._columns_per_weight(self.computes.matmul.weights.bits)
        cells = per_weight * sum(times * n * k for times, _, n, k in held.products)
        lasts = self.write.endurance
        wears = f"a cell wears out after {lasts:.0e} calls" if lasts else "allow_dynamic is false"
        return (
            f"both operands change every call: {cells / 1e6:.3g} M cell writes a call "
            f"at {self.write.latency_s * 1e6:.3g} us each, and {wears}"
        )

    def _too_large(self, held: Held) -> str | None:
        """The arrays that one copy of the weights needs, where the unit has fewer and may not rewrite them."""
        if not held.tiles:
            return f"a weight of {held.weight_bits} bits is wider than the {self.columns} columns of an array"
        room = self.arrays_for(written=False)
        if held.tiles > room and not self.dynamic:
            return f"its weights need {held.tiles:,} arrays of {self.rows}x{self.columns}, the unit has {room:,}"
        return None

    def storages(self) -> tuple[Storage, ...]:
        at_once = self.write.cells_at_once * (self.write.arrays_at_once or self.arrays)
        rate = at_once * self.cell_bits / 8 / max(self.write.latency_s, 1e-12)
        return self._storages(1, rate, self.write.energy_pj / self.cell_bits)

    def deploy(self, work: Work) -> Cost:
        """Programming one copy, array after array or side by side (eq. 8): write steps of an array x its write time."""
        if not is_static(work):
            return Cost(ticks=0)
        held = self.held(work)
        needed, cells = held.tiles, held.static * self._columns_per_weight(held.weight_bits)
        lasts = f"; they last {self.write.endurance:.0e}" if self.write.endurance else ""
        return self._told(
            work,
            Cost(
                ticks=ticks_of(self._write_seconds(needed, min(self.rows * self.columns, cells))),
                energy_pj=energy({"write": cells * self.write.energy_pj}),
                weight_bytes=work.bytes(Role.WEIGHT),
                share=min(1.0, needed / self.arrays),
                limited_by=f"cell writes of {self.write.latency_s * 1e6:.3g} us{lasts}",
                wear=self._wear(needed, written=False),
            ),
        )

    def _stay(self, held: Held) -> bool:
        return held.tiles <= self.arrays_for(written=False)

    def _cost(self, work: Work, held: Held, feed: Feed, copies: int, *, written: int) -> Cost:
        """Rows of the product one after the other over the copies, overlapped with the buffer traffic."""
        rounds = self._rounds(held, copies, written=written > 0)
        arrays = sum(times * self.mvm_seconds(held.input_bits, k) for times, k in rounds)
        traffic = traffic_of(work, feed)
        memory = traffic.data / feed.data
        travelling = sum(times * m * self._travelling_bits(k, n) for times, m, n, k in held.products)
        network = travelling / 8 / self.network.bandwidth_bytes_per_s if self.network else 0.0
        softmax = softmax_flops(work) if work.kind == "attention" and self.vector else 0
        lanes = softmax / self.vector.ops_per_s if self.vector else 0.0
        loading = traffic.weights / feed.weights if feed.weights else 0.0
        writing = max(loading, self._write_seconds(written)) if written else 0.0
        fill = min(arrays, memory) / max(1, held.rows)  # the first row comes before the arrays
        start = 0.0 if work.fused else self.task_overhead_s
        parts = {self._slowest(): arrays, "buffer bandwidth": memory, "partial sums": network, "softmax": lanes}
        share = self._share(held.tiles * copies, written=written > 0)
        pj = self._at_point(self._product_energy(held), arrays, share)
        pj["noc"] = travelling * self.network.energy_pj_per_bit if self.network else 0.0
        pj["write"] = written * self.rows * self.columns * self.write.energy_pj
        pj["lanes"] = softmax * self.vector.energy_pj_per_op if self.vector else 0.0
        return self._told(
            work,
            Cost(
                ticks=ticks_of(max(parts.values()) + fill + writing + start),
                energy_pj=energy(pj),
                data_bytes=traffic.data,
                weight_bytes=traffic.weights,
                share=share,
                limited_by=limit({**parts, "cell writes": writing, "task start": start}),
                wear=self._wear(written, written=True),
            ),
        )

    def _write_seconds(self, tiles: int, cells: int | None = None) -> float:
        """Writing so many arrays, `arrays_at_once` side by side, `cells` of each (all, if None)."""
        steps = ceil_div(self.rows * self.columns if cells is None else cells, self.write.cells_at_once)
        return ceil_div(tiles, self.write.arrays_at_once or max(1, tiles)) * steps * self.write.latency_s

    def mvm_seconds(self, input_bits: int, rows: int | None = None) -> float:
        """Time of one matrix-vector product with inputs of the given width (eq. 2), seconds."""
        used = min(rows or self.rows, self.rows)
        if self.pulses:
            return self._slowed(self.pulses.seconds(input_bits) * ceil_div(used, self.active_rows or used))
        seconds = mvm_seconds(
            input_bits=input_bits,
            dac_bits=self.dac_bits,
            rows=used,
            columns=self.columns,
            adcs=self.adcs_per_array,
            read_time_s=self.read_time_s,
            adc_time_s=self.adc_time_s,
            active_rows=self.active_rows,
        )
        return self._slowed(seconds)

    def _product_energy(self, held: Held) -> dict[str, float]:
        """Eq. 4 over the rows and columns in use: idle rows drive nothing and idle columns are not converted."""
        pj, slices = self.energies, self._slices(held.input_bits)
        per_weight, outputs = self._columns_per_weight(held.weight_bits), self.outputs(held.weight_bits)
        driven = read = conversions = carried = 0
        for times, m, n, k in held.products:
            row_tiles, column_tiles = ceil_div(k, self.rows), ceil_div(n, outputs)
            driven += times * m * slices * k * column_tiles
            read += times * m * slices * k * n * per_weight
            conversions += times * m * slices * self._passes(k) * n * per_weight
            carried += times * m * (k * held.input_bits * column_tiles + n * self.accumulator_bits * (row_tiles - 1))
        return {
            "dac": driven * (pj.dac_row or 0.0),
            "cell": read * (pj.cell or 0.0),
            "adc": conversions * (pj.adc_conversion or 0.0),
            "shift-add": conversions * (pj.shift_add or 0.0),
            "buffer": carried * pj.buffer_per_bit,
        }

    def _slices(self, input_bits: int) -> int:
        """Times that the rows are driven for one vector."""
        return sum(self.pulses.planes(input_bits)) if self.pulses else ceil_div(input_bits, self.dac_bits)

    def _passes(self, k: int) -> int:
        """Reads of a slice by all row tiles of a column together."""
        full, rest = divmod(k, self.rows)
        passes = reads_per_mvm(input_bits=1, dac_bits=1, rows=self.rows, active_rows=self.active_rows)
        return full * passes + (ceil_div(rest, self.active_rows or self.rows) if rest else 0)

    @cached_property
    def energies(self) -> ArrayEnergy:
        """The energies of the file, completed by the generic ones of the process."""
        generic = array_energy(
            columns=self.columns,
            dac_bits=self.dac_bits,
            adc_bits=self.adc_bits,
            node_nm=self.node_nm or TABLE_NODE_NM,
            volts=self.supply.nominal_v if self.supply else TABLE_V,
        )
        return generic.model_copy(update=self.energy_pj.model_dump(exclude_none=True))

    def _columns_per_weight(self, weight_bits: int) -> int:
        return (2 if self.differential else 1) * ceil_div(weight_bits, self.cell_bits)

    def _slowest(self) -> str:
        converting = ceil_div(self.columns, self.adcs_per_array) * self.adc_time_s
        return "ADC conversion" if converting > self.read_time_s else "array reads"
