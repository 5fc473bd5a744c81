"""The parameters of a target: every figure that a builder of the machine might choose otherwise, by a name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mapper.hw.alike import alike_links, alike_memories, alike_units
from mapper.hw.figures import figures, unit_of_measure
from mapper.hw.target import Target

MEMORY_KEYS = ("capacity_bytes", "bandwidth_bytes_per_s", "energy_pj_per_bit", "latency_s", "idle_power_w")
LINK_KEYS = ("bandwidth_bytes_per_s", "latency_s", "energy_pj_per_bit", "idle_power_w", "overhead_s")
TARGET_KEYS = ("power_limit_w", "rest_power_w")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A figure of alike parts of a target. name: what `--set` takes, as "cim*.adc_time_s"; parts: whom it is about;
    value: of a table by number type the largest entry. whole: only whole numbers are allowed."""

    name: str
    value: float
    whole: bool = False
    unit_of_measure: str = ""
    parts: tuple[str, ...] = ()
    table: bool = False


def machine(target: Target) -> Target:
    """The target whose parts have figures of their own: of a folded one (teams) the machine itself."""
    folded = target.group is not None and any(unit.team for unit in target.units)
    return target.group if folded and target.group is not None else target


def parameters(target: Target) -> tuple[Parameter, ...]:
    """One for each positive figure of each kind of units, memories and links, and of the whole target. Constants that
    were fitted to measurements are left out, entries of tables too: the table changes as a whole."""
    return tuple(_parameters(machine(target)))


def _parameters(target: Target) -> Iterator[Parameter]:
    for group in alike_units(target):
        tables: set[tuple[str, ...]] = set()
        for figure in figures(target.unit[group.names[0]].model):
            if figure.table:
                tables.add(figure.path)
            if figure.fitted or figure.value <= 0 or figure.path[:-1] in tables:
                continue
            unit = unit_of_measure(figure.path)
            name = f"{group.pattern}.{figure.key}"
            yield Parameter(name, figure.value, figure.whole, unit, group.names, figure.table)
    for group in alike_memories(target):
        memory = target.memory[group.names[0]]
        yield from _plain(group.pattern, memory, MEMORY_KEYS, group.names)
    for group in alike_links(target):
        yield from _plain(f"link.{group.pattern}", target.link[group.names[0]], LINK_KEYS, group.names)
    yield from _plain("", target, TARGET_KEYS, ())


def _plain(pattern: str, part: object, keys: tuple[str, ...], names: tuple[str, ...]) -> Iterator[Parameter]:
    for key in keys:
        value = getattr(part, key)
        if value is not None and value > 0:
            whole = key == "capacity_bytes"
            yield Parameter(f"{pattern}.{key}" if pattern else key, value, whole, unit_of_measure((key,)), names)
