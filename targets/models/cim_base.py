"""What analog and digital compute-in-memory units have in common: tiles, copies, supply, statistics, wear, leakage."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import hypot, inf
from typing import ClassVar, Self

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from mapper.hw.work import Cost, DType, Feed, Role, Storage, UnitModel, Work
from targets.models.blocks import BufferBlock, Computes, ErrorBand, ErrorBands
from targets.models.cim_blocks import Network, RowWrite, Write
from targets.models.cim_supply import KNOWN, UNKNOWN, Statistics, Supply
from targets.models.crossbar import arrays_needed, outputs_per_array
from targets.models.lanes import VectorBlock, buffer_storage, integer_dtype, no_lanes, recurrent, stored_bits
from targets.models.rates import (
    FREE,
    FREE_COST,
    MATRIX_KINDS,
    ceil_div,
    is_static,
    lane_dtype,
    nothing,
    product_of,
    products_of,
)


@dataclass(frozen=True, slots=True)
class Held:
    """A product as the arrays see it: (copies, rows, n, k) of each part, the held side k x n, and its tiles.

    `static` is the number of elements that are weights, 0 where both sides change on every call.
    """

    products: tuple[tuple[int, int, int, int], ...]
    tiles_of: tuple[int, ...]
    static: int
    weight_bits: int
    input_bits: int

    @property
    def tiles(self) -> int:
        """Arrays that one copy takes."""
        return sum(self.tiles_of)

    @property
    def rows(self) -> int:
        """Vectors of the longest part."""
        return max(m for _, m, _, _ in self.products)


class CimUnit(UnitModel):
    """Arrays that hold one side of a product and multiply where it is (COST_MODELS, "Compute in memory")."""

    engine: ClassVar[str] = "spatial"

    arrays: PositiveInt
    """Arrays (macros, cores)."""
    rows: PositiveInt
    """Weights summed in one output."""
    columns: PositiveInt
    active_rows: PositiveInt | None = None
    """Rows summed together; None: all of them."""
    computes: Computes = Computes()
    allow_dynamic: bool = False
    """True: products of two activations run here too, one of them written first, at its cost and wear.
    `static_weights_only: false` means the same; analog cells that wear out need this word for it."""
    scratch_arrays: NonNegativeInt = 0
    """Arrays kept for operands that are written at run time, so that these never displace weights; 0: they may take
    every array."""
    accumulator_bits: PositiveInt = 32
    """Width of the partial sums that travel between row tiles."""
    vector: VectorBlock | None = None
    """Digital lanes; without them only products run here."""
    buffer: BufferBlock | None = None
    """SRAM for activations; exposed as the memory `<unit>.buffer`."""
    network: Network | None = None
    """Without it partial sums of all row tiles meet in the registers at the arrays."""
    node_nm: PositiveFloat | None = None
    supply: Supply | None = None
    supply_v: PositiveFloat | None = None
    """Operating point; None: the nominal one."""
    statistics: Statistics | None = None
    """Of the operands; None: unknown, and the energies of the file hold."""
    leakage_w: NonNegativeFloat = 0.0
    """Power of all arrays while they work, beyond `idle_power_w`."""
    task_overhead_s: NonNegativeFloat = 0.0
    error_band: ErrorBand = ErrorBands(assumed=0.3)

    @model_validator(mode="after")
    def _has_supply(self) -> Self:
        if self.supply_v is not None:
            why = self.supply.outside(self.supply_v) if self.supply else "supply_v needs `supply:`"
            if why:
                raise ValueError(why)
        return self

    @property
    def dynamic(self) -> bool:
        """Whether cells may be rewritten at run time."""
        return self.allow_dynamic or not self.computes.matmul.static_weights_only

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.scratch_arrays >= self.arrays:
            raise ValueError(f"{self.scratch_arrays} scratch_arrays leave none of {self.arrays} arrays for weights")
        return self

    def arrays_for(self, written: bool) -> int:
        """Arrays that take operands written at run time, or weights."""
        return (self.scratch_arrays or self.arrays) if written else self.arrays - self.scratch_arrays

    def at_supply(self, volts: float) -> Self | None:
        return self.scaled(supply_v=volts) if self.supply else None

    def why_not(self, work: Work) -> str | None:
        if work.kind in FREE or (self.vector and work.kind in self.vector.kinds):
            return None
        if work.kind == "rnn":
            return recurrent(work)
        if work.kind not in MATRIX_KINDS:
            return no_lanes(work, self.vector)
        held = self.held(work)
        if not held.static and not self.dynamic:
            return self._rewriting(held)
        if work.kind == "attention" and not (self.vector and "softmax" in self.vector.kinds):
            return "attention needs a softmax between its two products, and the unit has no lanes for it"
        return self._too_large(held)

    @abstractmethod
    def _rewriting(self, held: Held) -> str:
        """Why two changing operands are out of reach."""

    @abstractmethod
    def _too_large(self, held: Held) -> str | None:
        """Why the held side does not fit, or None."""

    @property
    @abstractmethod
    def _bits_per_column(self) -> int:
        """Bits that one column of a row holds."""

    @property
    def _differential(self) -> bool:
        return False

    @property
    def _writing(self) -> Write | RowWrite:
        """The block `write` of the unit."""
        found: Write | RowWrite = self.write  # type: ignore[attr-defined]
        return found

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        if work.kind in MATRIX_KINDS:
            own = self.computes.matmul
            return integer_dtype(wanted, own.widest_inputs or own.inputs) if wanted else own.inputs
        return lane_dtype(work, wanted, {DType.F16: 1.0}, DType.F16)

    def weight_dtype(self, arithmetic: DType) -> DType:
        """The array's own where inputs are its own, else as wide as the inputs that were asked for."""
        own = self.computes.matmul
        return own.weights if arithmetic is own.inputs else arithmetic

    def cost(self, work: Work, feed: Feed) -> Cost:
        """Products with weights in place, with weights written on each call, or of two activations; or lane work."""
        if nothing(work):
            return FREE_COST
        inside = replace(feed, data=min(feed.data, self.buffer.bandwidth_bytes_per_s)) if self.buffer else feed
        if work.kind not in MATRIX_KINDS and self.vector:
            lanes = self.vector.cost(work, inside, self.task_overhead_s, self.error_band)
            return replace(lanes, share=1 / self.arrays)
        held = self.held(work)
        if held.static and feed.weights is None and self._stay(held):
            copies = min(max(1, feed.replicas), self._copies(held, written=False))
            return self._cost(work, held, inside, copies, written=0)
        spare = self._copies(held, written=True)
        tried = (self._cost(work, held, inside, copies, written=held.tiles * copies) for copies in {1, spare})
        return min(tried, key=lambda c: (c.ticks, c.total_pj))

    def _stay(self, held: Held) -> bool:
        """Whether weights that the plan leaves in place are found there."""
        return True

    @abstractmethod
    def _cost(self, work: Work, held: Held, feed: Feed, copies: int, *, written: int) -> Cost:
        """The product on `copies` copies of the held side, after so many arrays have been written."""

    @abstractmethod
    def mvm_seconds(self, input_bits: int, rows: int | None = None) -> float:
        """Time of one vector with inputs of the given width through so many rows (all, if None), seconds."""

    def peak_ops_per_s(self) -> dict[DType, float]:
        own = self.computes.matmul
        macs = self.arrays * self.rows * self.outputs(own.weights.bits)
        return {own.inputs: 2 * macs / self.mvm_seconds(own.inputs.bits)}

    def weight_footprint_bytes(self, work: Work) -> int:
        return self.held(work).tiles * self._array_bytes() if is_static(work) else work.bytes(Role.WEIGHT)

    def max_replicas(self, work: Work) -> int:
        return self._copies(self.held(work), written=False) if is_static(work) else 1

    def _copies(self, held: Held, *, written: bool) -> int:
        """Copies of the held side for which there is room and work."""
        return max(1, min(held.rows, self.arrays_for(written) // max(1, held.tiles)))

    def _rounds(self, held: Held, copies: int, *, written: bool) -> Iterator[tuple[int, int]]:
        """(rounds, depth) of each part of a product: its vectors over the copies, its tiles over the arrays."""
        for (_, m, _, k), tiles in zip(held.products, held.tiles_of, strict=True):
            yield ceil_div(m, copies) * ceil_div(tiles, self.arrays_for(written)), k

    def _share(self, tiles: int, *, written: bool) -> float:
        """The part of the unit that so many tiles engage; all that may be rewritten where they are written first."""
        return self.arrays_for(written) / self.arrays if written else min(1.0, tiles / self.arrays)

    def endurance(self) -> float:
        return self._writing.endurance or inf

    def _storages(self, banks: int, bandwidth: float, pj_per_bit: float) -> tuple[Storage, ...]:
        arrays = Storage(
            "arrays",
            capacity_bytes=self.arrays_for(written=False) * banks * self._array_bytes(),
            bandwidth_bytes_per_s=bandwidth,
            energy_pj_per_bit=pj_per_bit,
            holds=("weights",),
        )
        return (arrays, *buffer_storage(self.buffer))

    def _told(self, work: Work, cost: Cost) -> Cost:
        """The cost with the bands of its time and of its energy: that on published points of the macro, where there are
        any, and what the statistics of the operands leave open."""
        told = self.error_band.on(work, cost)
        return replace(told, energy_band=hypot(told.energy_band, KNOWN if self.statistics else UNKNOWN))

    def _slowed(self, seconds: float) -> float:
        """A time at the operating point."""
        return seconds * self.supply.slowdown(self.supply_v) if self.supply and self.supply_v else seconds

    def _at_point(self, causes: Mapping[str, float], seconds: float, share: float) -> dict[str, float]:
        """Energies at the operating point, with the statistics of the operands and the leakage of the arrays."""
        factor = self.supply.energy(self.supply_v) if self.supply and self.supply_v else 1.0
        drivers, cells = (self.statistics.drivers, self.statistics.cells) if self.statistics else (1.0, 1.0)
        by_cause = {"dac": drivers, "driver": drivers, "cell": cells, "compute": cells}
        found = {cause: pj * factor * by_cause.get(cause, 1.0) for cause, pj in causes.items()}
        return {**found, "leakage": self.leakage_w * seconds * share * 1e12}

    def _wear(self, tiles: int, *, written: bool) -> float:
        """Writes of a cell in a run that writes so many tiles, all cells that take them worn alike."""
        return tiles / self.arrays_for(written) if self.endurance() < inf else 0.0

    def _travelling_bits(self, k: int, n: int) -> int:
        """Bits of partial sums that go from core to core for one vector (COST_MODELS eq. 7)."""
        return self.network.bits(ceil_div(k, self.rows), n, self.accumulator_bits) if self.network else 0

    def held(self, work: Work) -> Held:
        """What the arrays hold for a product, and what passes through them."""
        weight_bits, input_bits = stored_bits(work, self.computes.matmul)
        products, static = products_of(work), 0
        if work.kind != "attention":
            product = product_of(work)
            products, static = ((product.copies, product.rows, product.n, product.k),), product.static
        tiles = tuple(self._tiles_of(times, n, k, weight_bits) for times, _, n, k in products)
        return Held(products, tiles, static, weight_bits, input_bits)

    def _tiles_of(self, times: int, n: int, k: int, weight_bits: int) -> int:
        """Arrays of one copy (eq. 1); none where a weight is wider than a row."""
        if not self.outputs(weight_bits):
            return 0
        return arrays_needed(
            k,
            n,
            rows=self.rows,
            columns=self.columns,
            weight_bits=weight_bits,
            cell_bits=self._bits_per_column,
            differential=self._differential,
            copies=times,
        )

    def outputs(self, weight_bits: int) -> int:
        """Weights side by side in a row of an array."""
        return outputs_per_array(self.columns, weight_bits, self._bits_per_column, self._differential)

    def _array_bytes(self) -> int:
        return self.rows * self.columns * self._bits_per_column // 8
