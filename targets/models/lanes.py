"""The digital lanes beside an array, and what both compute-in-memory models say in the same words."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, Storage, Work
from targets.models.blocks import Block, BufferBlock, ErrorBands, Precision
from targets.models.rates import lane_cost


class VectorBlock(Block):
    """The digital lanes beside an array: one operation per lane and cycle."""

    lanes: PositiveInt
    clock_hz: PositiveFloat
    energy_pj_per_op: NonNegativeFloat = 0.0
    kinds: tuple[str, ...] = ("elementwise", "cast")
    """The kinds of Work that the lanes take (names of mapper.ir.kinds); `view` is free and always allowed."""

    @property
    def ops_per_s(self) -> float:
        """Peak rate in operations per second."""
        return self.lanes * self.clock_hz

    def cost(self, work: Work, feed: Feed, start_s: float, band: ErrorBands, efficiency: float = 1.0) -> Cost:
        """Roofline of work on the lanes; `efficiency` is the reached part of the bandwidth."""
        return lane_cost(
            work,
            feed,
            ops_per_s=self.ops_per_s,
            pj_per_op=self.energy_pj_per_op,
            start_s=start_s,
            efficiency=efficiency,
            band=band,
        )


def no_lanes(work: Work, vector: VectorBlock | None) -> str:
    """Why work that is no product cannot run beside the arrays."""
    if work.kind == "embedding":
        return (
            f"a table look-up reads {work.dim('rows')} rows of {work.dim('width')} as they are; "
            "the arrays give sums of products, not their contents"
        )
    if vector is None:
        return f"{work.kind} is no product with static weights, and the unit has no digital lanes"
    return f"{work.kind} is not among what the digital lanes take: {', '.join(vector.kinds)}"


def recurrent(work: Work) -> str:
    """Why arrays refuse a recurrent layer."""
    return (
        f"recurrent: each of {work.dim('steps')} steps waits for the state of the one before, "
        "and the gates between two products have no lanes at the arrays"
    )


def integer_dtype(wanted: DType | None, own: DType) -> DType | None:
    """The type of products in an array of integers: its own, or a narrower wanted one."""
    if wanted is None:
        return own
    return wanted if not wanted.is_float and wanted.bits <= own.bits else None


def stored_bits(work: Work, own: Precision) -> tuple[int, int]:
    """Bits of a weight and of an input: as the operands are stored where integers, else the array's own widths."""
    weight = work.weight
    weight_bits = weight.dtype.bits if weight and not weight.dtype.is_float else own.weights.bits
    input_bits = work.dtype.bits if not work.dtype.is_float else own.inputs.bits
    return weight_bits, input_bits


def buffer_storage(buffer: BufferBlock | None) -> tuple[Storage, ...]:
    """The buffer as a memory of the unit, if it has one."""
    if buffer is None:
        return ()
    return (
        Storage(
            "buffer",
            capacity_bytes=buffer.capacity_bytes,
            bandwidth_bytes_per_s=buffer.bandwidth_bytes_per_s,
            energy_pj_per_bit=buffer.energy_pj_per_bit,
            holds=("activations", "state"),
        ),
    )
