"""What the parts of a target give together, beside what its maker published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mapper.hw.provenance import Sheet
from mapper.hw.schema import Published
from mapper.hw.target import Memory, Target, Unit
from mapper.hw.work import ALL_REPLICAS, PJ_PER_J, TICKS_PER_SECOND, Cost, DType, Feed, Operand, Role, UnitModel, Work

HOST = "cpu"
"""The class of units that do not count where there are others."""

_SIDE = 8192
"""Rows and columns of the product on which units without arrays are priced."""

_NO_LIMIT = 1e18
"""Bytes per second of a memory that never limits."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Units and the memories that they work in, of which the maker speaks as one. `area_mm2` and `power_w` are None
    where the parts do not tell."""

    units: tuple[Unit, ...]
    memories: tuple[Memory, ...]
    power_w: float | None = None
    area_mm2: float | None = None

    @property
    def models(self) -> list[tuple[UnitModel, int]]:
        """Each unit model, and how many units have it."""
        counted: dict[str, tuple[UnitModel, int]] = {}
        for unit in self.units:
            counted[unit.kind] = (unit.model, counted.get(unit.kind, (unit.model, 0))[1] + unit.count)
        return list(counted.values())


@dataclass(frozen=True, slots=True)
class Compared:
    """A published figure, and the same from the parts; None where these do not tell."""

    key: str
    published: float
    derived: float | None

    def differs(self, within: float) -> bool:
        """Whether the two are further apart than this part of the published one."""
        return self.derived is not None and abs(self.derived - self.published) > within * self.published


def whole(target: Target, sheets: Sequence[Sheet]) -> Whole:
    """The target less its hosts, where it has other units. A memory that takes no energy is no part of it: it stands
    for the tester of a macro."""
    hosts = {unit.name for unit in target.units if unit.model_name == HOST}
    chosen = tuple(unit for unit in target.units if unit.name not in hosts) or target.units
    names = {unit.name for unit in chosen}
    outside = [m for m in target.memories if not m.unit and names & set(m.serves) and m.energy_pj_per_bit]
    inside = [m for m in target.memories if m.unit in names]
    areas = [
        (sheet.area_mm2, sheet.count)
        for sheet in sheets
        if sheet.section == "units" and (sheet.class_ != HOST or len(chosen) == len(target.units))
    ]
    return Whole(chosen, tuple(outside or inside), target.power_limit_w, _total(areas))


def of_model(model: UnitModel, area_mm2: float | None) -> Whole:
    """One unit by itself."""
    power = getattr(model, "board_power_w", None) or None
    return Whole((Unit("", "", "", model, "", ()),), (), power, area_mm2)


def compared(published: Published, of: Whole) -> Iterator[Compared]:
    """Every published figure with what the parts give."""
    for dtype, rate in published.ops_per_s.items():
        yield Compared(f"ops_per_s.{dtype}", rate, peak(of, dtype))
    for dtype, rate in published.ops_per_j.items():
        yield Compared(f"ops_per_j.{dtype}", rate, per_joule(of, dtype))
    several = {
        "power_w": of.power_w,
        "area_mm2": of.area_mm2,
        "capacity_bytes": sum(m.capacity_bytes for m in of.memories) or None,
        "bandwidth_bytes_per_s": sum(m.bandwidth_bytes_per_s for m in of.memories) or None,
        "weights": weights(of),
    }
    for key, ours in several.items():
        value = getattr(published, key)
        if value is not None:
            yield Compared(key, value, ours)


def peak(of: Whole, dtype: DType) -> float:
    """Peak arithmetic rate of all units together, operations per second; 0 where none computes in the type."""
    return sum(count * _rate(model, dtype) for model, count in of.models)


def per_joule(of: Whole, dtype: DType) -> float:
    """Operations per joule where each unit runs at its peak: dynamic energy inside the units, without idle power and
    memories outside; 0 where no unit computes in the type."""
    operations = watts = 0.0
    for model, count in of.models:
        if priced := _filled(model, dtype):
            work, cost = priced
            rate = count * _rate(model, dtype)
            operations += rate
            watts += rate * cost.total_pj / PJ_PER_J / work.flops
    return operations / watts if watts else 0.0


def _rate(model: UnitModel, dtype: DType) -> float:
    """The unit's peak in a type; what its table does not tell is the rate of a product that fills it."""
    rate = model.peak_ops_per_s().get(dtype)
    if rate is None and (priced := _filled(model, dtype)):
        work, cost = priced
        return work.flops * TICKS_PER_SECOND / cost.ticks
    return rate or 0.0


def weights(of: Whole) -> float | None:
    """Numbers that fit into the arrays of the units, in their own width."""
    total = 0.0
    for model, count in of.models:
        held = sum(s.capacity_bytes for s in model.storages() if s.holds == ("weights",))
        if held:
            work = _product(1, _rows(model) * 64, _columns(model) * 64, next(iter(model.peak_ops_per_s()), DType.I8))
            total += count * held * work.dim("n") * work.dim("k") / model.weight_footprint_bytes(work)
    return total or None


def _filled(model: UnitModel, dtype: DType) -> tuple[Work, Cost] | None:
    """A product in this type that fills the unit, weights in place where it holds weights, with its cost; None where
    the unit does not run it."""
    spatial = model.engine == "spatial"
    side = (_rows(model), _columns(model)) if spatial else (_SIDE, _SIDE)
    rows = 64 * int(getattr(model, "arrays", 1)) if spatial else _SIDE
    work = _product(rows, *side, dtype, _own_width(model, dtype))
    if model.compute_dtype(work, dtype) is not dtype or model.why_not(work):
        return None
    cost = model.cost(work, Feed(_NO_LIMIT, None, ALL_REPLICAS) if spatial else Feed(_NO_LIMIT, _NO_LIMIT))
    return (work, cost) if cost.ticks and cost.total_pj else None


def _own_width(model: UnitModel, dtype: DType) -> DType:
    """The type of weights that leaves their width to the unit, a float; in a type that is not the unit's own they are
    as wide as the inputs."""
    return DType.F32 if dtype in model.peak_ops_per_s() else dtype


def _rows(model: UnitModel) -> int:
    return int(getattr(model, "rows", 128))


def _columns(model: UnitModel) -> int:
    return int(getattr(model, "columns", 128))


def _product(m: int, k: int, n: int, dtype: DType, held: DType = DType.F32) -> Work:
    inputs = (Operand(Role.ACTIVATION, m * k, dtype), Operand(Role.WEIGHT, k * n, held))
    wide = DType.F32 if dtype.is_float else DType.I32
    dims = (("batch", 1), ("m", m), ("n", n), ("k", k))
    return Work("matmul", dims, inputs, (Operand(Role.ACTIVATION, m * n, wide),), dtype)


def _total(areas: Iterable[tuple[float | None, int]]) -> float | None:
    """The sum; None where one of them is not known."""
    total = 0.0
    for area, count in areas:
        if area is None:
            return None
        total += area * count
    return total or None
