"""The floor plan of a target on which nothing runs: classes of units, sizes of memories, widths of links."""

from __future__ import annotations

from typing import Any

from mapper.hw.survey import Survey, class_of
from mapper.hw.target import Link, Memory, Target, Unit
from mapper.report.page.floor.layout import layout
from mapper.report.page.shell import Section
from mapper.report.units import si

SERIES = {
    "cpu": 7, "gpu": 0, "dsa": 2,
    "cim-rram": 1, "cim-pcm": 3, "cim-flash": 6, "cim-sram-analog": 4, "cim-sram-digital": 5,
}  # fmt: skip
"""The colour of each class, by its number among those of the page."""

_LEAD = "Colour: the class of a unit. Width of a line: bandwidth."


def section(found: Survey) -> Section:
    """The floor plan; its data is that of a plan's page, with `classes` in place of how busy the parts are."""
    target, drawing = found.target, layout(found.target)
    kinds = {unit.name: class_of(unit, found.sheets) for unit in target.units}
    at = {
        "unit": {u.name: k for k, u in enumerate(target.units)},
        "memory": {m.name: k for k, m in enumerate(target.memories)},
    }
    links = {link.name: k for k, link in enumerate(target.links)}
    data = {
        "wide": round(drawing.wide, 2),
        "high": round(drawing.high, 2),
        "boxes": [
            [b.kind, b.name, *(round(n, 2) for n in (b.x, b.y, b.wide, b.high)), at.get(b.kind, {}).get(b.name)]
            for b in drawing.boxes
        ],
        "wires": [[w.link, links[w.link], *(round(n, 2) for p in w.points for n in p)] for w in drawing.wires],
        "units": [_unit(target, unit, kinds[unit.name]) for unit in target.units],
        "memories": [_memory(memory) for memory in target.memories],
        "links": [_link(link) for link in target.links],
        "classes": [(name, _series(name)) for name in dict.fromkeys(kinds.values())],
        "busiest": None,
    }
    return Section("floor", "Floor plan", data, _LEAD)


def _series(name: str) -> int:
    return SERIES.get(name, SERIES["dsa"])


def _unit(target: Target, unit: Unit, name: str) -> dict[str, Any]:
    rates = sorted(unit.model.peak_ops_per_s().items(), key=lambda item: -item[1])[:3]
    peaks = [f"{si(rate)} {dtype}" for dtype, rate in rates]
    return {
        "name": unit.name,
        "series": _series(name),
        "memories": [k for k, memory in enumerate(target.memories) if memory.unit == unit.name],
        "lines": [name, *peaks],
        "told": [
            ["class", name], ["kind", unit.kind], ["peaks, op/s", ", ".join(peaks)],
            ["idle", si(unit.model.idle_power_w, "W")], ["data in", unit.data],
            ["weights from", ", ".join(unit.weights)],
        ],
    }  # fmt: skip


def _memory(memory: Memory) -> dict[str, Any]:
    return {
        "name": memory.name,
        "peak_bytes": 0,
        "capacity_bytes": memory.capacity_bytes,
        "bandwidth": memory.bandwidth_bytes_per_s,
        "told": [
            ["kind", memory.kind], ["capacity", si(memory.capacity_bytes, "B")],
            ["bandwidth", si(memory.bandwidth_bytes_per_s, "B/s")], ["energy", f"{memory.energy_pj_per_bit:g} pJ/bit"],
        ],
    }  # fmt: skip


def _link(link: Link) -> dict[str, Any]:
    return {
        "bandwidth": link.bandwidth_bytes_per_s,
        "told": [
            ["kind", link.kind], ["between", f"{link.a} and {link.b}"],
            ["bandwidth", f"{si(link.bandwidth_bytes_per_s, 'B/s')} each way"], ["latency", si(link.latency_s, "s")],
            ["energy", f"{link.energy_pj_per_bit:g} pJ/bit"],
        ],
    }  # fmt: skip
