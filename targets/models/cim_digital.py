"""The digital compute-in-memory unit model: SRAM whose bits are multiplied beside the cell, exactly."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar, Self

from pydantic import PositiveFloat, PositiveInt, model_validator

from mapper.hw.work import Cost, Feed, Role, Storage, Work
from targets.models.cim_base import CimUnit, Held
from targets.models.cim_blocks import MacroEnergy, RowWrite
from targets.models.cim_technology import TABLE_NODE_NM, TABLE_V, macro_energy
from targets.models.crossbar import digital_mvm_seconds, overlapped_seconds
from targets.models.rates import (
    ceil_div,
    energy,
    is_static,
    limit,
    softmax_flops,
    ticks_of,
    traffic_of,
)


class CimDigital(CimUnit):
    """Digital SRAM macros with weights beside the multipliers (COST_MODELS, "Compute in memory", eq. 5 and 8).

    `columns` are outputs, each `weight_bits` wide; wider weights take several.
    """

    streams_weights: ClassVar[bool] = True

    weight_bits: PositiveInt = 8
    banks: PositiveInt = 1
    """Weight sets behind one multiplier: more capacity, not more rate; from 2 on, writing hides behind computing."""
    prefetches: bool = False
    """Weights come in behind the product before, into a free bank: not even the first round waits for them. Only the
    first product of a run does, which is not counted."""
    bits_per_cycle: PositiveInt = 1
    """Input bits taken in one cycle."""
    clock_hz: PositiveFloat
    energy_pj: MacroEnergy | None = None
    """None: by `node_nm` and the nominal supply."""
    write: RowWrite

    @model_validator(mode="after")
    def _has_a_free_bank(self) -> Self:
        if self.prefetches and self.banks == 1:
            raise ValueError("prefetches needs a free bank: banks of 2 or more")
        return self

    @property
    def _bits_per_column(self) -> int:
        return self.weight_bits

    def _rewriting(self, held: Held) -> str:
        """Why two changing operands are out of reach: the bits to write on each call."""
        bits = sum(times * n * k for times, _, n, k in held.products) * self.computes.matmul.weights.bits
        return f"both operands change every call: {bits / 1e6:.3g} Mbit to write, and allow_dynamic is false"

    def _too_large(self, held: Held) -> str | None:
        if held.tiles:
            return None
        return f"a weight is wider than the {self.columns * self.weight_bits} bits of a row"

    def storages(self) -> tuple[Storage, ...]:
        row_bytes = (self.write.arrays_at_once or self.arrays) * self.columns * self.weight_bits / 8
        rate = row_bytes / max(self.write.latency_s, 1e-12)
        return self._storages(self.banks, rate, self.write.energy_pj_per_bit)

    def deploy(self, work: Work) -> Cost:
        """Writing one copy into the macros (eq. 8)."""
        if not is_static(work):
            return Cost(ticks=0)
        tiles = self.held(work).tiles
        return self._told(
            work,
            Cost(
                ticks=ticks_of(self._write_seconds(tiles, self.arrays_for(written=False))),
                energy_pj=energy({"write": self._write_pj(tiles)}),
                weight_bytes=work.bytes(Role.WEIGHT),
                limited_by="row writes",
                wear=self._wear(tiles, written=False) / self.banks,
            ),
        )

    def _cost(self, work: Work, held: Held, feed: Feed, copies: int, *, written: int) -> Cost:
        """Rounds over the tiles that share a macro, rows spread over copies (eq. 5, 6).

        What is not in place is written first: behind the arithmetic of the round before from two banks on, else before
        all of it (eq. 8); then all macros that may be written are engaged.
        """
        rounds = self._rounds(held, copies, written=written > 0)
        compute = sum(times * self.mvm_seconds(held.input_bits, k) for times, k in rounds)
        share = self._share(held.tiles * copies, written=written > 0)
        traffic = traffic_of(work, feed)
        writing = self._write_seconds(written, self.arrays_for(written=True))
        loading = max(writing, traffic.weights / feed.weights if feed.weights else 0.0)
        softmax = softmax_flops(work) if work.kind == "attention" else 0
        lanes = softmax / self.vector.ops_per_s if self.vector else 0.0
        memory = traffic.data / feed.data
        travelling = sum(times * m * self._travelling_bits(k, n) for times, m, n, k in held.products)
        network = travelling / 8 / self.network.bandwidth_bytes_per_s if self.network else 0.0
        parts = {
            "macro cycles": compute, "buffer bandwidth": memory, "softmax on the lanes": lanes, "partial sums": network,
        }  # fmt: skip
        busy = max(parts.values())
        if self.banks == 1:
            total = busy + loading
        elif self.prefetches and held.static:
            total = max(busy, loading)
        else:
            total = overlapped_seconds(*self._rounds_written(traffic.weights, feed, written), busy)
        start = 0.0 if work.fused else self.task_overhead_s
        pj = self._at_point(self._product_energy(work, held), compute, share)
        pj["noc"] = travelling * self.network.energy_pj_per_bit if self.network else 0.0
        pj["write"] = self._write_pj(written)
        pj["lanes"] = softmax * self.vector.energy_pj_per_op if self.vector else 0.0
        return self._told(
            work,
            Cost(
                ticks=ticks_of(total + start),
                energy_pj=energy(pj),
                data_bytes=traffic.data,
                weight_bytes=traffic.weights,
                share=share,
                limited_by=limit({**parts, "weight writing": loading, "task start": start}),
                wear=self._wear(written, written=True) / self.banks,
            ),
        )

    def mvm_seconds(self, input_bits: int, rows: int | None = None) -> float:
        """Time of one matrix-vector product with inputs of the given width (eq. 5), seconds."""
        seconds = digital_mvm_seconds(
            input_bits=input_bits,
            bits_per_cycle=self.bits_per_cycle,
            rows=min(rows or self.rows, self.rows),
            clock_hz=self.clock_hz,
            active_rows=self.active_rows,
        )
        return self._slowed(seconds)

    def _product_energy(self, work: Work, held: Held) -> dict[str, float]:
        """MACs in native widths, cycles of drivers and cells, and bits that go to the macros and between row tiles."""
        weight_bits, input_bits = held.weight_bits, held.input_bits
        native, pj = self.computes.matmul.inputs.bits, self.energies
        scale = ceil_div(weight_bits, self.weight_bits) * input_bits / native
        cycles = work.macs * ceil_div(input_bits, self.bits_per_cycle)
        carried = 0
        for times, m, n, k in held.products:
            inputs, sums = ceil_div(n, self.outputs(weight_bits)), ceil_div(k, self.rows) - 1
            carried += times * m * (k * input_bits * inputs + n * self.accumulator_bits * sums)
        return {
            "compute": work.macs * scale * pj.mac,
            "driver": cycles * pj.driver,
            "cell": cycles * weight_bits * pj.cell,
            "buffer": carried * pj.buffer_per_bit,
        }

    @cached_property
    def energies(self) -> MacroEnergy:
        """The energies of the file, or the generic ones of the process."""
        return self.energy_pj or macro_energy(
            bits_per_cycle=self.bits_per_cycle,
            node_nm=self.node_nm or TABLE_NODE_NM,
            volts=self.supply.nominal_v if self.supply else TABLE_V,
        )

    def _write_seconds(self, tiles: int, room: int) -> float:
        """Writing whole tiles into so many macros, row after row, `arrays_at_once` macros side by side."""
        return ceil_div(tiles, min(self.write.arrays_at_once or room, room)) * self.rows * self.write.latency_s

    def _write_pj(self, tiles: int) -> float:
        return tiles * 8 * self._array_bytes() * self.write.energy_pj_per_bit

    def _rounds_written(self, weight_bytes: int, feed: Feed, tiles: int) -> tuple[int, float, float]:
        """Rounds in which so many tiles are written, one bank of each macro in each, and the time to bring and write
        those of a whole round and of the last one, seconds."""
        room = self.arrays_for(written=True)
        rounds = ceil_div(tiles, room)

        def seconds(some: int) -> float:
            brought = weight_bytes * some / tiles / feed.weights if feed.weights else 0.0
            return max(self._write_seconds(some, room), brought)

        return (rounds, seconds(min(tiles, room)), seconds(tiles - (rounds - 1) * room)) if tiles else (0, 0.0, 0.0)
