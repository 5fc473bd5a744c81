"""The sub-blocks of a unit file that several unit models share: figures by number type, a vector part, a buffer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.documented import Documented
from mapper.hw.work import Cost, DType, Work

_ALIASES = {
    "int2": "i2", "int4": "i4", "int8": "i8", "int16": "i16", "int32": "i32", "uint8": "u8", "uint4": "u4",
    "fp16": "f16", "float16": "f16", "fp32": "f32", "float32": "f32", "bfloat16": "bf16", "fp8": "f8", "fp4": "f4",
}  # fmt: skip

ReachedPart = Annotated[float, Field(gt=0, le=1)]
"""The part of what is there that is reached."""

NumberType = Annotated[DType, BeforeValidator(lambda name: _ALIASES.get(name, name) if isinstance(name, str) else name)]
"""A DType that may also be written the long way (int8, float16)."""


class Block(Documented):
    """A group of figures inside a unit file; immutable and hashable like the unit itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Fitted(Block):
    """A group of constants of a cost model: fitted to measurements or assumed, nothing that a builder chooses."""

    fitted: ClassVar[bool] = True


class PerType(Block):
    """One figure for each number type; 0 where the unit has no such type."""

    f64: NonNegativeFloat = 0.0
    f32: NonNegativeFloat = 0.0
    bf16: NonNegativeFloat = 0.0
    f16: NonNegativeFloat = 0.0
    f8: NonNegativeFloat = 0.0
    f4: NonNegativeFloat = 0.0
    i32: NonNegativeFloat = 0.0
    i16: NonNegativeFloat = 0.0
    i8: NonNegativeFloat = 0.0
    i4: NonNegativeFloat = 0.0

    def of(self, dtype: DType) -> float:
        """The figure for the type; unsigned types count as their signed twins, 0 where there is none."""
        return float(getattr(self, dtype.value.replace("u", "i"), 0.0))

    def near(self, dtype: DType) -> float:
        """The figure for the type, else for the next wider type that has one, else the largest of all.

        Index arithmetic in i64 and boolean masks thus run at the rate of the ordinary lanes.
        """
        return self.nearest[dtype]

    def table(self) -> dict[DType, float]:
        """The types that have a figure."""
        return self.given

    @cached_property
    def given(self) -> dict[DType, float]:
        """What `table` returns."""
        return {t: self.of(t) for t in DType if t.value in type(self).model_fields and self.of(t)}

    @cached_property
    def nearest(self) -> dict[DType, float]:
        """What `near` returns, for every type."""
        wide = sorted(DType, key=lambda t: t.bits)
        most = max(self.given.values(), default=0.0)
        return {
            t: self.of(t) or next((self.of(w) for w in wide if w.bits >= t.bits and self.of(w)), most) for t in DType
        }


ASSUMED = "assumed"


def _one_for_all(figure: object) -> object:
    return figure if isinstance(figure, Mapping) else {ASSUMED: figure}


class ErrorBands(Fitted):
    """Relative error of the time: a figure for each kind of work that was compared with measurements, and `assumed`
    for all others. One number instead of the block is an assumption for all kinds."""

    assumed: PositiveFloat = 0.5
    matmul: PositiveFloat | None = None
    conv: PositiveFloat | None = None
    rnn: PositiveFloat | None = None
    attention: PositiveFloat | None = None
    decode: PositiveFloat | None = None
    """Attention of one query row; as `attention` where it has no figure of its own."""
    norm: PositiveFloat | None = None
    softmax: PositiveFloat | None = None
    elementwise: PositiveFloat | None = None
    embedding: PositiveFloat | None = None

    energy: PositiveFloat | None = None
    """Relative error of the dynamic energies of all kinds; None where they were compared with no measurement."""

    def of(self, work: Work) -> tuple[float, bool]:
        """The band for this work, and whether it was measured."""
        measured: float | None = getattr(self, work.kind, None) if work.kind != ASSUMED else None
        if work.kind == "attention" and work.dim("q") == 1:
            measured = self.decode or measured
        return (self.assumed, False) if measured is None else (measured, True)

    def on(self, work: Work, cost: Cost) -> Cost:
        """The cost of the work with its band."""
        band, validated = self.of(work)
        known = self.energy is not None
        return replace(cost, band=band, validated=validated, energy_band=self.energy or 0.0, energy_validated=known)


ErrorBand = Annotated[ErrorBands, BeforeValidator(_one_for_all, json_schema_input_type=ErrorBands | PositiveFloat)]
"""What a unit file gives as `error_band`: a number or a block."""


class Efficiency(Fitted):
    """The part of each peak that real code reaches, between 0 and 1."""

    matmul: ReachedPart = 0.7
    attention: ReachedPart = 0.4
    vector: ReachedPart = 0.5
    memory: ReachedPart = 0.8


class BufferBlock(Block):
    """The SRAM in which a chiplet keeps activations and states."""

    capacity_bytes: PositiveInt
    bandwidth_bytes_per_s: PositiveFloat
    energy_pj_per_bit: NonNegativeFloat = 0.0


class Precision(Block):
    """The number types an array multiplies in."""

    weights: NumberType = DType.I8
    inputs: NumberType = DType.I8
    widest_inputs: NumberType | None = None
    """Inputs that can be asked for, one slice after the other; None: none wider than `inputs`."""
    static_weights_only: bool = True


class Computes(Block):
    """What the arrays compute; convolutions follow `matmul` (as im2col)."""

    matmul: Precision = Precision()
