"""What a unit is asked to do (`Work`), what it costs (`Cost`), and who answers (`UnitModel`)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, Self

from pydantic import ConfigDict

from mapper.hw.documented import Documented

TICKS_PER_SECOND = 10**12
"""One tick is a picosecond: fine enough for a wire, and 10^6 s still fit in 63 bits."""

PJ_PER_J = 10**12


_OTHER_BITS = {"bool": 8, "string": 64}
"""A bool takes a byte, a string is counted as a pointer."""


class DType(StrEnum):
    """Number types, named as in LLVM and MLIR."""

    bits: int
    """Stored bits of one element."""
    is_float: bool

    def __new__(cls, name: str) -> Self:
        member = str.__new__(cls, name)
        member._value_ = name
        member.bits = _OTHER_BITS.get(name) or int(name.lstrip("biuf"))
        member.is_float = name.startswith(("f", "bf"))
        return member

    F64 = "f64"
    F32 = "f32"
    F16 = "f16"
    BF16 = "bf16"
    F8 = "f8"
    F4 = "f4"
    I64 = "i64"
    I32 = "i32"
    I16 = "i16"
    I8 = "i8"
    I4 = "i4"
    U8 = "u8"
    U4 = "u4"
    I2 = "i2"
    I12 = "i12"
    I7 = "i7"
    I6 = "i6"
    I5 = "i5"
    I3 = "i3"
    I1 = "i1"
    BOOL = "bool"
    STRING = "string"

    def bytes_for(self, elements: int) -> int:
        """Bytes that `elements` take, packed, rounded up."""
        return -(-elements * self.bits // 8)


class Role(StrEnum):
    """What a value is to the program that runs the graph."""

    INPUT = "input"
    OUTPUT = "output"
    WEIGHT = "weight"
    STATE = "state"
    ACTIVATION = "activation"


@dataclass(frozen=True, slots=True)
class Operand:
    """One tensor that a piece of work reads or writes."""

    role: Role
    elements: int
    dtype: DType

    @property
    def bytes(self) -> int:
        return self.dtype.bytes_for(self.elements)


@dataclass(frozen=True)
class Work:
    """One op with all sizes known, free of any graph: the whole question a unit model answers.

    `dims` are named sizes; which ones a kind has stands in `mapper.ir.kinds`. `dtype` is the type of the arithmetic.
    `fused` work rides on the op before it in the same cluster: it pays no launch of its own, and the operands that
    never leave the cluster are not among `inputs` and `outputs`. `function` is the `fn` of the op where its kind has
    one (mapper.ir.kinds): libraries have other kernels for swiglu and rope than for add.
    """

    kind: str
    dims: tuple[tuple[str, int], ...]
    inputs: tuple[Operand, ...]
    outputs: tuple[Operand, ...]
    dtype: DType
    fused: bool = False
    function: str = ""

    def dim(self, name: str, default: int = 1) -> int:
        """The named size, or `default` where the kind has none."""
        return self._sizes.get(name, default)

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return dict(self.dims)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of matmul-like kinds, and of a loop that stands as one op; 0 for all others."""
        match self.kind:
            case "matmul":
                return self.dim("batch") * self.dim("m") * self.dim("n") * self.dim("k")
            case "conv" | "rnn":
                return self.dim("groups") * self.dim("m") * self.dim("n") * self.dim("k")
            case "attention":
                return (
                    self.dim("batch")
                    * self.dim("heads")
                    * self.dim("pairs")
                    * (self.dim("head_dim") + self.dim("v_dim"))
                )
            case "opaque":
                return self.dim("macs", 0)
        return 0

    @cached_property
    def flops(self) -> int:
        """Arithmetic operations: two per MAC, otherwise elements times the op's own count; a loop has both."""
        if self.kind == "opaque":
            return 2 * self.macs + self.dim("elements", 0) * self.dim("flops", 1)
        return 2 * self.macs if self.macs else self.dim("elements", 0) * self.dim("flops", 1)

    def bytes(self, *roles: Role) -> int:
        """Bytes read and written once by operands of the given roles (all roles when none is given)."""
        known = self._bytes
        return sum([known.get(role, 0) for role in roles]) if roles else sum(known.values())

    @cached_property
    def _bytes(self) -> dict[Role, int]:
        found: dict[Role, int] = {}
        for operand in (*self.inputs, *self.outputs):
            found[operand.role] = found.get(operand.role, 0) + operand.bytes
        return found

    @cached_property
    def weight(self) -> Operand | None:
        """The largest static operand, if the op has one."""
        static = [o for o in self.inputs if o.role is Role.WEIGHT]
        return max(static, key=lambda o: o.bytes) if static else None


ALL_REPLICAS = 2**31
"""As many copies of the weights as the unit has room for and the work can use."""


@dataclass(frozen=True, slots=True)
class Feed:
    """How operands reach a unit: bandwidth of its data memory, and of its weights unless they sit in the unit.

    Bandwidths are bytes per second. `weights` is None when the weights are resident inside the unit (compute-in-memory
    arrays). `replicas` copies of the weights serve one piece of work together.
    """

    data: float
    weights: float | None = None
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work costs on a unit.

    ticks: from start to end, picoseconds. energy_pj: dynamic energy by cause inside the unit; traffic to memories and
    links is priced by whoever owns them. data_bytes / weight_bytes: traffic to the data and the weights memory.
    share: the part of the unit that is engaged (less than 1 only where tasks run side by side). band: relative error
    band of the time, e.g. 0.3 for +-30 %. validated: whether the band comes from measurements of this kind of work on
    this kind of unit; otherwise it is an assumption. energy_band: the same for the energy, 0 where nothing is
    known; energy_validated: whether it comes from measurements of this unit.
    wear: writes of a cell in one run, all cells of the unit worn alike; 0 where nothing that wears out is written.
    """

    ticks: int
    energy_pj: tuple[tuple[str, int], ...] = ()
    data_bytes: int = 0
    weight_bytes: int = 0
    share: float = 1.0
    limited_by: str = "compute"
    band: float = 0.5
    validated: bool = False
    energy_band: float = 0.0
    energy_validated: bool = False
    wear: float = 0.0

    @property
    def total_pj(self) -> int:
        return sum(pj for _, pj in self.energy_pj)


@dataclass(frozen=True, slots=True)
class Storage:
    """A memory that comes inside a unit, as the unit model describes it."""

    suffix: str
    capacity_bytes: int
    bandwidth_bytes_per_s: float
    energy_pj_per_bit: float
    holds: tuple[str, ...] = field(default=("weights", "state", "activations"))


class UnitModel(Documented, ABC):
    """One kind of unit with its figures: the keys of a unit file under targets/units are the fields of its model.

    A model is immutable and knows no graph: the same question always gets the same answer, so answers are cached.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)

    engine: ClassVar[str] = "exclusive"
    """'exclusive': one task at a time. 'spatial': tasks whose weights sit in different arrays run side by side."""

    idle_power_w: float = 0.0

    @abstractmethod
    def why_not(self, work: Work) -> str | None:
        """None if the unit can run this, else the reason in words and numbers."""

    @abstractmethod
    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        """The arithmetic type for this work: the wanted one, or the unit's own choice; None if it has no such type."""

    @abstractmethod
    def cost(self, work: Work, feed: Feed) -> Cost:
        """Time, energy by cause and traffic of one run. Only asked where `why_not` is None."""

    def costs(self, works: Sequence[Work], feed: Feed) -> Sequence[Cost]:
        """`cost` of each piece of work under one feed. A model that can price many at once gives it a form of its own,
        which agrees with `cost`; who asks for many asks here."""
        return [self.cost(work, feed) for work in works]

    def activation_dtype(self) -> DType:
        """The type in which the unit leaves its results in its data memory."""
        return DType.F16

    def weight_dtype(self, arithmetic: DType) -> DType:
        """The type in which weights are stored for products in a type."""
        return arithmetic

    def weight_footprint_bytes(self, work: Work) -> int:
        """Bytes of weight memory that the static operands take, in the unit's own granularity."""
        return work.bytes(Role.WEIGHT)

    def deploy(self, work: Work) -> Cost:
        """Writing the weights once into the unit; free where they are merely loaded."""
        return Cost(ticks=0)

    def storages(self) -> tuple[Storage, ...]:
        """The memories that the unit brings along."""
        return ()

    def max_replicas(self, work: Work) -> int:
        """How many copies of the weights can usefully work at once; 1 where a copy brings nothing."""
        return 1

    def endurance(self) -> float:
        """Writes that a cell of the unit survives; infinite where nothing wears out."""
        return math.inf

    def at_supply(self, volts: float) -> Self | None:
        """The unit at another supply voltage; None where its file has no figures by voltage."""
        return None

    def at_speed(self, speed: float) -> Self | None:
        """The unit when its clock runs at this part of what its figures stand for, memories untouched; None where its
        model has no such figure."""
        return None

    def probe_seconds(self) -> float:
        """Time of the speed probe on the machine while the unit's figures were measured there; 0 where none ran."""
        return 0.0

    def peak_ops_per_s(self) -> dict[DType, float]:
        """Peak arithmetic rate by type (a MAC counts two), for listings and rooflines."""
        return {}

    def scaled(self, **changes: object) -> Self:
        """The same unit with some figures changed (what-if studies)."""
        return self.model_validate({**self.model_dump(), **changes})
