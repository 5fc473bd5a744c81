"""Where values lie and what it takes to bring one from a place to another: casts and moves.

A place is a memory and the number type in which its units leave floating-point results. Both the placement problem and
the judge's program use `steps`, so that they speak of the same transfers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from mapper.cost.estimate import Estimator
from mapper.hw.layout import Layout
from mapper.hw.target import Target, Unit
from mapper.hw.topology import routes
from mapper.hw.work import TICKS_PER_SECOND, DType, Operand, Role, Work


@dataclass(frozen=True, slots=True)
class Place:
    """A memory, the type of floating-point values that lie there, and how the ranks of a team hold them."""

    memory: str
    dtype: DType
    layout: Layout = Layout.ONE

    def __str__(self) -> str:
        return f"{self.memory}/{self.dtype}" + (f"/{self.layout}" if self.layout else "")


@dataclass(frozen=True, slots=True)
class Step:
    """A cast on a unit or a move along a route. `hold`: ticks during which `exclusive` resources are taken; `channels`:
    ticks that the traffic takes of each memory's whole bandwidth; `energy_pj` by cause, memories and links included.
    A folded machine has `sets` of what is taken, and so many requests in `copies` of it at once."""

    kind: str
    where: str
    to: Place
    ticks: int
    hold: int
    exclusive: tuple[str, ...]
    channels: tuple[tuple[str, int], ...]
    energy_pj: tuple[tuple[str, int], ...]
    bytes: int
    sets: int = 1
    copies: int = 1

    @property
    def busy(self) -> int:
        """Ticks of each exclusive resource that count towards the steady state."""
        return self.hold // self.sets


class Places:
    """All places of a target and the steps between them."""

    def __init__(self, target: Target, estimator: Estimator) -> None:
        self.target = target
        self._estimator = estimator
        self._routes = routes(target)
        self._units: dict[str, Unit] = {}
        for unit in target.units:
            self._units.setdefault(unit.data, unit)

    @cached_property
    def all(self) -> tuple[Place, ...]:
        """Every place where a unit leaves results, in the order of the target's units, then the io place."""
        found = dict.fromkeys(self.of(u) for u in self.target.units)
        found.setdefault(self.io, None)
        return tuple(found)

    def of(self, unit: Unit) -> Place:
        """Where a unit reads and leaves activations."""
        return Place(unit.data, unit.model.activation_dtype())

    @cached_property
    def io(self) -> Place:
        """Where graph inputs appear and outputs must end."""
        for unit in self.target.units:
            if unit.data == self.target.io:
                return self.of(unit)
        return Place(self.target.io, DType.F16)

    def connected(self, a: Place, b: Place) -> bool:
        """Whether a value can get from a to b: always, in a target that passed the loader's check of its links."""
        return a.memory == b.memory or self._routes[a.memory, b.memory] is not None

    def steps(self, elements: int, dtype: DType, a: Place, b: Place) -> tuple[Step, ...]:
        """How `elements` of a value (stored in its place's type if floating-point, else in `dtype`) get from a to b."""
        if a == b or elements == 0:
            return ()
        cast = dtype.is_float and a.dtype is not b.dtype
        if not cast:
            stored = a.dtype if dtype.is_float else dtype
            return (self._move(elements, stored, a, b),) if a.memory != b.memory else ()
        if a.memory == b.memory:
            return (self._cast(elements, a, b),)
        first = Place(a.memory, b.dtype)
        if b.dtype.bits < a.dtype.bits and self._caster(a.memory):
            return (self._cast(elements, a, first), self._move(elements, b.dtype, first, b))
        if self._caster(b.memory):
            arrived = Place(b.memory, a.dtype)
            return (self._move(elements, a.dtype, a, arrived), self._cast(elements, arrived, b))
        return (self._cast(elements, a, first), self._move(elements, b.dtype, first, b))

    def _caster(self, memory: str) -> Unit | None:
        """The first unit at a memory that can change number types."""
        probe = Work("cast", (("elements", 1), ("flops", 1)), (), (), DType.F16)
        for unit in self.target.units:
            if unit.data == memory and unit.model.why_not(probe) is None:
                return unit
        return None

    def _cast(self, elements: int, a: Place, b: Place) -> Step:
        unit = self._caster(a.memory)
        if unit is None:  # no unit there can cast: the memory's own port converts, at the price of its traffic
            moved = (a.dtype.bytes_for(elements) + b.dtype.bytes_for(elements)) if elements else 0
            ticks = self._channel_ticks(a.memory, moved)
            return Step(
                "cast", a.memory, b, ticks, ticks, (), ((a.memory, ticks),), self._traffic(a.memory, moved), moved
            )
        work = Work(
            "cast",
            (("elements", elements), ("flops", 1)),
            (Operand(Role.ACTIVATION, elements, a.dtype),),
            (Operand(Role.ACTIVATION, elements, b.dtype),),
            a.dtype if a.dtype.bits > b.dtype.bits else b.dtype,
        )
        cost = self._estimator.price(unit, work)
        return Step(
            "cast",
            unit.name,
            b,
            cost.ticks,
            cost.ticks,
            (unit.name,),
            ((a.memory, self._channel_ticks(a.memory, cost.data_bytes)),),
            (*cost.energy_pj, *self._traffic(a.memory, cost.data_bytes)),
            cost.data_bytes,
            unit.sets,
            unit.copies,
        )

    def _move(self, elements: int, dtype: DType, a: Place, b: Place) -> Step:
        route, size = self._routes[a.memory, b.memory], dtype.bytes_for(elements)
        ends = [(m, self._channel_ticks(m, size)) for m in (a.memory, b.memory)]
        wide = max((self._user(m) for m, _ in ends), key=lambda u: u.sets if u else 1)
        sets, copies = (wide.sets, wide.copies) if wide else (1, 1)
        own = [u.sets if (u := self._user(m)) else 1 for m, _ in ends]
        hold = max(
            [_ticks(sets * size / route.bandwidth_bytes_per_s), *(n * t for n, (_, t) in zip(own, ends, strict=True))]
        )
        energy = [*self._traffic(a.memory, size), *self._traffic(b.memory, size)]
        priced = ((hop.link.name, round(8 * size * hop.link.energy_pj_per_bit)) for hop in route.hops)
        energy += [(f"link {name}", pj) for name, pj in priced if pj]
        return Step(
            "move",
            f"{a.memory} > {b.memory}",
            b,
            _ticks(route.latency_s) + hold,
            hold,
            tuple(h.resource for h in route.hops),
            tuple(ends),
            tuple(energy),
            size,
            sets,
            copies,
        )

    def _user(self, memory: str) -> Unit | None:
        """The first unit that leaves its results in a memory: its sets divide the memory and the links to it."""
        return self._units.get(memory)

    def _channel_ticks(self, memory: str, size: int) -> int:
        return _ticks(size / self.target.memory[memory].bandwidth_bytes_per_s)

    def _traffic(self, memory: str, size: int) -> tuple[tuple[str, int], ...]:
        pj = round(8 * size * self.target.memory[memory].energy_pj_per_bit)
        return ((f"memory {memory}", pj),) if pj else ()


def _ticks(seconds: float) -> int:
    return max(0, round(seconds * TICKS_PER_SECOND))
