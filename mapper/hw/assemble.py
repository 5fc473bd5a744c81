"""Builds the parts of a chip from its file: entries are resolved, counted, wired and validated."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mapper.errors import TargetError, did_you_mean
from mapper.hw import plugins, shapes
from mapper.hw.header import ABOUT_FIGURES, ABOUT_UNITS, HEADER, check_named, read_file
from mapper.hw.library import WHOLES, find_use
from mapper.hw.marks import Document, Mark
from mapper.hw.parts import Nested, Parts, UnitDraft
from mapper.hw.schema import (
    Grid,
    Header,
    LinkEntry,
    LinkFigures,
    LinkFile,
    MemoryEntry,
    MemoryFigures,
    MemoryFile,
    TargetFile,
    Topology,
    UnitEntry,
    UnitFile,
)
from mapper.hw.target import Link, Memory
from mapper.hw.validate import validate
from mapper.hw.work import UnitModel

WIRING = (
    "use", "count", "grid", "channels", "serves", "holds", "between", "topology", "about", *ABOUT_FIGURES, *ABOUT_UNITS,
)  # fmt: skip
"""Keys of an entry that are no figures of the part."""


def build(path: Path, using: tuple[Path, ...] = ()) -> tuple[TargetFile, Document, Parts]:
    """The parts that a chip or system file describes. `using` are the files that led here."""
    document, header = read_file(TargetFile, path)
    assert isinstance(header, TargetFile)
    parts = Parts(rest_power_w=header.power.rest_w)
    for name in header.chips:
        _add_chip(parts, header, document, name, (*using, path.resolve()))
    for name, entry in header.units.items():
        _add_units(parts, name, entry, document.at("units", name))
    for i, router in enumerate(header.routers):
        parts.routers.append(parts.claim(router, document.value_mark("routers", i)))
    for name, memory in header.memories.items():
        _add_memories(parts, name, memory, document.at("memories", name))
    for name, link in header.links.items():
        _add_links(parts, name, link, document.at("links", name))
    return header, document, parts


def _add_chip(parts: Parts, file: TargetFile, document: Document, name: str, using: tuple[Path, ...]) -> None:
    entry, mark = file.chips[name], document.value_mark("chips", name, "use")
    path = find_use(entry.use, mark, WHOLES)
    if path.resolve() in using:
        cycle = [p.stem for p in (*using[using.index(path.resolve()) :], path)]
        raise TargetError(f"{mark}: `use:` goes round in a circle: {' -> '.join(cycle)}")
    inside, its_document, chip = build(path, using)
    rows = _instances(name, entry.count, entry.grid)
    if entry.grid:
        parts.grids[name] = rows
    for instance in (one for row in rows for one in row):
        parts.include(chip, parts.claim(instance, document.key_mark("chips", name)))
        parts.nested[instance] = Nested(inside, its_document, chip)


def _instances(name: str, count: int | None, grid: tuple[int, int] | None = None) -> list[list[str]]:
    """The names that an entry makes, in rows."""
    if grid:
        return [[f"{name}_{i}_{j}" for j in range(grid[1])] for i in range(grid[0])]
    return [[name] if count in (None, 1) else [f"{name}{i}" for i in range(count or 1)]]


def _figures(format_: type[Header], entry: Document, kind: str) -> tuple[Document, str]:
    """The figures of a part with those of the entry laid over them, and the name of what they describe."""
    check_named(entry, entry.data.get("source_of", {}), entry.data.get("range_of", {}))
    own = entry.without(*WIRING)
    if "use" not in entry.data:
        return own, entry.root.path.stem
    path = find_use(entry.data["use"], entry.value_mark("use"), (kind,))
    document, _ = read_file(format_, path)
    return document.without(*HEADER).overridden_by(own), path.stem


def _add_units(parts: Parts, name: str, entry: UnitEntry, document: Document) -> None:
    figures, kind = _figures(UnitFile, document, "units")
    if "model" not in figures.data:
        raise TargetError(f"{document.root}: the unit '{name}' has neither `use: units/...` nor `model:`")
    model_name, unit = unit_model(figures, f"unit '{name}'")
    if set(document.data) - set(WIRING):
        kind = f"{kind}@{document.root.path.stem}.{name}"
    rows = _instances(name, entry.count, entry.grid)
    if entry.grid:
        parts.grids[name] = rows
    for instance in (one for row in rows for one in row):
        parts.units.append(UnitDraft(parts.claim(instance, document.root), kind, model_name, unit))
        _add_storages(parts, parts.units[-1], document.root)


def unit_model(figures: Document, what: str) -> tuple[str, UnitModel]:
    """The unit model that a document names and fills, and its name; `what` it is of is told in complaints."""
    name = str(figures.data["model"])
    if name not in plugins.names("unit_models"):
        hint = did_you_mean(name, plugins.names("unit_models"))
        raise TargetError(f"{figures.value_mark('model')}: there is no unit model '{name}'", hint=hint)
    model: type[UnitModel] = plugins.load("unit_models", name)
    return name, validate(model, figures.without("model"), f"{what}, model {name}", UnitEntry.model_fields)


def _add_storages(parts: Parts, unit: UnitDraft, mark: Mark) -> None:
    for storage in unit.model.storages():
        parts.memories.append(
            Memory(
                name=parts.claim(f"{unit.name}.{storage.suffix}", mark),
                kind=f"{unit.kind}.{storage.suffix}",
                capacity_bytes=storage.capacity_bytes,
                bandwidth_bytes_per_s=storage.bandwidth_bytes_per_s,
                energy_pj_per_bit=storage.energy_pj_per_bit,
                holds=tuple(storage.holds),
                serves=(unit.name,),
                unit=unit.name,
            )
        )


def _add_memories(parts: Parts, name: str, entry: MemoryEntry, document: Document) -> None:
    merged, kind = _figures(MemoryFile, document, "memories")
    figures = validate(MemoryFigures, merged, f"memory '{name}'")
    serves = _all(parts.match_units(p, document.value_mark("serves", i)) for i, p in enumerate(entry.serves))
    for instance in _instances(name, entry.count)[0]:
        parts.memories.append(
            Memory(
                name=parts.claim(instance, document.root),
                kind=kind,
                capacity_bytes=figures.capacity_bytes * entry.channels,
                bandwidth_bytes_per_s=figures.bandwidth_bytes_per_s * entry.channels,
                energy_pj_per_bit=figures.energy_pj_per_bit,
                holds=tuple(entry.holds),
                serves=tuple(serves),
                latency_s=figures.latency_s,
                idle_power_w=figures.idle_power_w * entry.channels,
                alignment_bytes=figures.alignment_bytes,
            )
        )


def _add_links(parts: Parts, name: str, entry: LinkEntry, document: Document) -> None:
    merged, kind = _figures(LinkFile, document, "links")
    figures = validate(LinkFigures, merged, f"link '{name}'")
    parts.claim(name, document.root)
    for a, b in _pairs(parts, entry, document):
        if a == b:
            raise TargetError(f"{document.root}: the link '{name}' leads from '{a}' to itself")
        whole = name if entry.between else parts.claim(f"{name}.{a}-{b}", document.root)
        parts.links.append(Link(whole, kind, a, b, **figures.model_dump()))


def _pairs(parts: Parts, entry: LinkEntry, document: Document) -> list[shapes.Pair]:
    """The two ends of every link that an entry makes."""
    if entry.between:
        ends = [parts.match_places(p, document.value_mark("between", i)) for i, p in enumerate(entry.between)]
        if any(len(end) > 1 for end in ends):
            raise TargetError(f"{document.value_mark('between')}: `between` takes two places; use `topology` for more")
        return [(ends[0][0], ends[1][0])]
    topology = entry.topology
    assert topology is not None
    (shape,) = topology.model_fields_set
    if topology.star:
        hub = parts.match_places(topology.star.hub, document.value_mark("topology", "star", "hub"))
        return shapes.star(hub[0], _line(parts, topology.star.leaves, document, "topology", "star", "leaves"))
    if shape in ("mesh", "torus"):
        rows = _rows(parts, topology, document, shape)
        return shapes.mesh(rows) if shape == "mesh" else shapes.torus(rows)
    line = _line(parts, getattr(topology, shape), document, "topology", shape)
    return {"chain": shapes.chain, "ring": shapes.ring, "all_to_all": shapes.all_to_all}[shape](line)


def _line(parts: Parts, patterns: list[str], document: Document, *where: str | int) -> list[str]:
    line = _all(parts.match_places(p, document.value_mark(*where, i)) for i, p in enumerate(patterns))
    return line


def _rows(parts: Parts, topology: Topology, document: Document, shape: str) -> list[list[str]]:
    asked = topology.mesh or topology.torus
    mark = document.value_mark("topology", shape)
    if isinstance(asked, Grid):
        if asked.grid not in parts.grids:
            raise TargetError(f"{mark}: '{asked.grid}' has no grid", hint=did_you_mean(asked.grid, parts.grids))
        return _grid(parts, asked, mark)
    rows = [_line(parts, row, document, "topology", shape, i) for i, row in enumerate(asked or ())]
    if len({len(row) for row in rows}) > 1:
        raise TargetError(f"{mark}: rows of a {shape} have equal length; these have {[len(row) for row in rows]}")
    return rows


def _grid(parts: Parts, asked: Grid, mark: Mark) -> list[list[str]]:
    """The places of a grid: its units, or a part of each of its chips."""
    rows = parts.grids[asked.grid]
    if asked.part:
        rows = [[f"{chip}.{asked.part}" for chip in row] for row in rows]
    elif rows[0][0] in parts.nested:
        raise TargetError(f"{mark}: '{asked.grid}' are chips; say which unit of each is linked: `part: <unit>`")
    return [[parts.match_places(place, mark)[0] for place in row] for row in rows]


def _all(found: Iterable[list[str]]) -> list[str]:
    """All names, each once, in order of first mention."""
    return list(dict.fromkeys(name for names in found for name in names))
