"""Where values lie and what it takes to bring one from a place to another: casts and moves.

A place is a memory and the number type in which its units leave floating-point results. Both the placement problem and
the judge's program use `steps`, so that they speak of the same transfers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from mapper.cost.estimate import Estimator
from mapper.cost.exchanges import among_ranks
from mapper.cost.shards.reshard import exchange_between, memory_bytes
from mapper.cost.shards.spread import Spread
from mapper.cost.transfers import Place as Place
from mapper.cost.transfers import Step as Step
from mapper.cost.transfers import least, length
from mapper.hw.layout import Layout
from mapper.hw.target import Target, Unit
from mapper.hw.teams import fabric
from mapper.hw.topology import routes
from mapper.hw.work import TICKS_PER_SECOND, DType, Operand, Role, Work
from mapper.ir.plan import Option

CALLS = 16
"""A memory is roomy for a value that holds it for so many calls at once."""


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
        """Every place where a unit that is no team leaves results, in the order of the target's units, then the io
        place."""
        found = dict.fromkeys(self.of(u) for u in self.target.units if u.ranks == 1)
        found.setdefault(self.io, None)
        return tuple(found)

    def of(self, unit: Unit, layout: Layout = Layout.ONE) -> Place:
        """Where a unit reads or leaves activations, in a layout if it is a team."""
        return Place(unit.data, unit.model.activation_dtype(), layout)

    @cached_property
    def io(self) -> Place:
        """Where graph inputs appear and outputs must end."""
        for unit in self.target.units:
            if unit.data == self.target.io:
                return self.of(unit, Layout.COPY if unit.ranks > 1 else Layout.ONE)
        return Place(self.target.io, DType.F16)

    def used(self, options: Sequence[Option]) -> tuple[Place, ...]:
        """The places at which the options read and leave values, teams in each layout that one of them has."""
        layouts: dict[str, set[Layout]] = {}
        for option in options:
            for name in option.units:
                layouts.setdefault(name, set()).update((option.takes, option.leaves))
        found: dict[Place, None] = {}
        for unit in self.target.units:
            known = layouts.get(unit.name, set()) if unit.ranks > 1 else {Layout.ONE}
            found.update(dict.fromkeys(self.of(unit, layout) for layout in Layout if layout in known))
        found.setdefault(self.io, None)
        return tuple(found)

    def connected(self, a: Place, b: Place) -> bool:
        """Whether a value can get from a to b: always, in a target that passed the loader's check of its links."""
        return a.memory == b.memory or self._routes[a.memory, b.memory] is not None

    def bytes(self, spread: Spread, dtype: DType, place: Place) -> int:
        """What a value takes of a place's memory: each rank of a team its part, or a whole of its own."""
        ranks = self.ranks(place)
        return ranks * dtype.bytes_for(spread.part(place.layout, ranks))

    def ranks(self, place: Place) -> int:
        """How many units have the place's memory between them."""
        unit = self._user(place.memory)
        return unit.ranks if unit and place.layout is not Layout.ONE else 1

    def steps(
        self,
        value: Spread,
        dtype: DType,
        a: Place,
        b: Place,
        crosses: bool = False,
        part_of: Spread | None = None,
    ) -> tuple[Step, ...]:
        """How a value (stored in its place's type if floating-point, else in `dtype`) gets from a to b.

        Within a team ranks exchange parts; cutting a part of a whole is free, and so is keeping it as a summand.
        Between memories parts travel side by side, and sums are resolved before. Values travel in the narrower type if
        a unit can cast them at that end. crosses: that enters or leaves the graph, on the quicker of both ways if units
        at both ends can cast it (docs/decisions/0012). part_of: of a piece the whole value, which goes the same way.
        """
        a, b = self._held(value, a), self._held(value, b)
        if a == b or value.elements == 0:
            return ()
        if not dtype.is_float or a.dtype is b.dtype:
            return self._way(value, a.dtype if dtype.is_float else dtype, a, b)
        if a.memory == b.memory and a.layout is b.layout:
            return (self._cast(value, a, b),)
        early = self._caster(a.memory) is not None and a.layout is not Layout.SUM
        late = self._caster(b.memory) is not None or a.layout is Layout.SUM
        if not (early and late):
            return self._cast_last(value, a, b) if late else self._cast_first(value, a, b)
        if b.dtype.bits < a.dtype.bits:
            narrow, wide, where, form = self._cast_first, self._cast_last, b, a.dtype
        else:
            narrow, wide, where, form = self._cast_last, self._cast_first, a, b.dtype
        whole = part_of or value
        if not crosses or not self._roomy(whole, form, where):
            return narrow(value, a, b)
        if whole == value or self.target.is_pool:
            return self._better(narrow(value, a, b), wide(value, a, b))
        usual = narrow(whole, a, b)
        return narrow(value, a, b) if self._better(usual, wide(whole, a, b)) is usual else wide(value, a, b)

    def _roomy(self, value: Spread, dtype: DType, place: Place) -> bool:
        """Whether a place's memory holds a value in some type, as it would lie there before or behind a cast, for
        `CALLS` calls at once: in a smaller one calls would take turns for a form that no unit there uses."""
        return CALLS * self.bytes(value, dtype, place) <= self.target.memory[place.memory].capacity_bytes

    def _cast_first(self, value: Spread, a: Place, b: Place) -> tuple[Step, ...]:
        """Casts where the value lies, and brings it from there; at a memory's own port where nobody can cast."""
        cast = replace(a, dtype=b.dtype)
        return (self._cast(value, a, cast), *self._way(value, b.dtype, cast, b))

    def _cast_last(self, value: Spread, a: Place, b: Place) -> tuple[Step, ...]:
        """Brings a value as it is, and casts it where it is read."""
        arrived = replace(b, dtype=a.dtype)
        return (*self._way(value, a.dtype, a, arrived), self._cast(value, arrived, b))

    def _held(self, value: Spread, place: Place) -> Place:
        """The place with the layout in which the value really lies there."""
        return place if place.layout is Layout.ONE else replace(place, layout=value.held(place.layout))

    def _way(self, value: Spread, dtype: DType, a: Place, b: Place) -> tuple[Step, ...]:
        """Exchanges and moves, without a change of type."""
        if a.memory == b.memory:
            return self._reshard(value, dtype, a, b)
        if a.layout is Layout.SUM:
            parts = replace(a, layout=_parts(value) or Layout.COPY)
            return (*self._reshard(value, dtype, a, parts), *self._way(value, dtype, parts, b))
        ranks = self.ranks(b)
        if ranks == 1:
            return (self._move(dtype.bytes_for(value.elements), a, b),)
        divided = value.divides(a.layout)
        direct = (self._move(ranks * dtype.bytes_for(value.part(b.layout, ranks)), a, b),)
        sent = a.layout if divided else _parts(value)
        if a.layout is b.layout or sent is None or not (divided or b.layout.is_whole):
            return direct
        # each part to one rank; the ranks there then exchange: what a team can do by itself no other does for it
        arrived = replace(b, layout=sent)
        size = dtype.bytes_for(value.elements)
        parted = (self._move(size, a, arrived), *self._reshard(value, dtype, arrived, b))
        return parted if divided else self._better(direct, parted)

    def _reshard(self, value: Spread, dtype: DType, a: Place, b: Place) -> tuple[Step, ...]:
        """What the ranks of a team exchange to hold a value in another layout."""
        unit = self._user(a.memory)
        if unit is None or unit.team is None or a.layout is b.layout:
            return ()
        found = self._exchange(value, dtype, a, b, unit)
        middle = replace(a, layout=_parts(value) or Layout.COPY)
        if a.layout is not Layout.SUM or middle.layout in (Layout.COPY, b.layout):
            return found
        scattered = self._exchange(value, dtype, a, middle, unit)
        return self._better(found, (*scattered, *self._exchange(value, dtype, middle, b, unit)))

    def _better(self, one: tuple[Step, ...], other: tuple[Step, ...]) -> tuple[Step, ...]:
        """The quicker of two ways to a place. On a pool no more of anything than either takes: a stage may go one way
        where the pool would go the other."""
        if not self.target.is_pool:
            return min(one, other, key=lambda steps: length(steps) + len(steps))  # each step may be rounded by a tick
        return (least(one, other),)

    def _exchange(self, value: Spread, dtype: DType, a: Place, b: Place, unit: Unit) -> tuple[Step, ...]:
        """One collective among the ranks of a team, or nothing where each rank has what it wants."""
        kind, size = exchange_between(value, dtype, a.layout, b.layout, unit.ranks)
        if not kind:
            return ()
        found = among_ranks(self.target, unit, kind, size)
        ticks, name = _ticks(found.seconds), fabric(unit.name)
        traffic = self._channel_ticks(a.memory, memory_bytes(kind, unit.ranks, size))
        pj = ((f"links of {found.system}", found.energy_pj),) if found.energy_pj else ()
        channels = ((a.memory, min(traffic, ticks // unit.sets)),)
        return (Step("exchange", name, b, ticks, ticks, (name,), channels, pj, size, unit.sets, unit.copies),)

    def _caster(self, memory: str) -> Unit | None:
        """The first unit at a memory that can change number types."""
        return self._casters.get(memory)

    @cached_property
    def _casters(self) -> dict[str, Unit]:
        probe = Work("cast", (("elements", 1), ("flops", 1)), (), (), DType.F16)
        found: dict[str, Unit] = {}
        for unit in self.target.units:
            if unit.data not in found and unit.model.why_not(probe) is None:
                found[unit.data] = unit
        return found

    def _cast(self, value: Spread, a: Place, b: Place) -> Step:
        unit, ranks = self._caster(a.memory), self.ranks(a)
        elements = value.part(a.layout, ranks)
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
        moved = ranks * cost.data_bytes
        return Step(
            "cast",
            unit.name,
            b,
            cost.ticks,
            cost.ticks,
            (unit.name,),
            ((a.memory, self._channel_ticks(a.memory, moved)),),
            (*((cause, ranks * pj) for cause, pj in cost.energy_pj), *self._traffic(a.memory, moved)),
            moved,
            unit.sets,
            unit.copies,
        )

    def _move(self, size: int, a: Place, b: Place) -> Step:
        route = self._routes[a.memory, b.memory]
        ends = [(m, self._channel_ticks(m, size)) for m in (a.memory, b.memory)]
        wide = max((self._user(m) for m, _ in ends), key=lambda u: u.sets if u else 1)
        sets, copies = (wide.sets, wide.copies) if wide else (1, 1)
        own = [u.sets if (u := self._user(m)) else 1 for m, _ in ends]
        hold = max(n * t for n, (_, t) in zip(own, ends, strict=True))
        widths: tuple[int, ...] = ()
        if self.target.is_pool:  # no link of a place is wider than all, and none need wait for a narrow one elsewhere
            widths = tuple(int(size / h.link.bandwidth_bytes_per_s * TICKS_PER_SECOND) for h in route.hops)
            hold = max([hold, *widths])
        else:
            hold = max(hold, _ticks(sets * size / route.bandwidth_bytes_per_s))
        taken = tuple(h.resource for h in route.hops)
        if route.overhead_s and not self.target.is_pool:  # a pool stands for bounds, which may leave it out
            hold = max(hold, _ticks(route.overhead_s))
            taken += tuple(dict.fromkeys(route.units))
        energy = [*self._traffic(a.memory, size), *self._traffic(b.memory, size)]
        priced = ((hop.link.name, round(8 * size * hop.link.energy_pj_per_bit)) for hop in route.hops)
        energy += [(f"link {name}", pj) for name, pj in priced if pj]
        return Step(
            "move",
            f"{a.memory} > {b.memory}",
            b,
            _ticks(route.latency_s) + hold,
            hold,
            taken,
            tuple(ends),
            tuple(energy),
            size,
            sets,
            copies,
            widths,
        )

    def _user(self, memory: str) -> Unit | None:
        """The first unit that leaves its results in a memory: its sets divide the memory and the links to it."""
        return self._units.get(memory)

    def _channel_ticks(self, memory: str, size: int) -> int:
        return _ticks(size / self.target.memory[memory].bandwidth_bytes_per_s)

    def _traffic(self, memory: str, size: int) -> tuple[tuple[str, int], ...]:
        pj = round(8 * size * self.target.memory[memory].energy_pj_per_bit)
        return ((f"memory {memory}", pj),) if pj else ()


def _parts(value: Spread) -> Layout | None:
    """A layout in which a value can travel in parts."""
    return next((x for x in (Layout.FEATURES, Layout.TOKENS) if value.divides(x)), None)


def _ticks(seconds: float) -> int:
    return max(0, round(seconds * TICKS_PER_SECOND))
