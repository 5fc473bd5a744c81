"""Loads a target: from a name or a file to units, memories and links that are complete and reach each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mapper.errors import TargetError, did_you_mean
from mapper.hw.assemble import build
from mapper.hw.collective import KINDS
from mapper.hw.curves import Curve, Measured
from mapper.hw.library import PARTS, find_target
from mapper.hw.marks import Document, Mark
from mapper.hw.operating import at_supply, operating_point
from mapper.hw.parts import Parts, UnitDraft
from mapper.hw.probed import probed_curve
from mapper.hw.schema import TargetFile
from mapper.hw.target import Memory, Target, Unit
from mapper.hw.topology import unreachable


def load_target(name_or_path: str | Path) -> Target:
    """The target of that name, or in that file. Raises TargetError with file:line:col and the next step.

    A name with a voltage after it, as in `macro-0v85`, is the target at that supply voltage.
    """
    name, volts = operating_point(name_or_path)
    path = find_target(name)
    _refuse_part(path)
    file, document, parts = build(path)
    if volts:
        parts.units = at_supply(parts.units, volts, path)
    if not parts.units:
        raise TargetError(f"{document.root}: the target '{file.name}' has no units", hint="add `units:` or `chips:`")
    serving = _serving(parts.memories)
    units = tuple(_complete(draft, serving.get(draft.name, []), parts) for draft in parts.units)
    target = Target(
        name=f"{file.name}-{volts}" if volts else file.name,
        about=file.about,
        units=units,
        memories=tuple(parts.memories),
        links=tuple(parts.links),
        routers=tuple(parts.routers),
        io=_io(file, document, parts, units),
        power_limit_w=file.power.limit_w,
        rest_power_w=parts.rest_power_w,
        source=file.source,
        system=file.system,
        collectives=_collectives(file, document, parts),
    )
    _check_reach(target, document)
    return target


def _refuse_part(path: Path) -> None:
    """Raises TargetError where the file stands among those of parts."""
    kind = path.resolve().parent.name
    if kind in PARTS:
        raise TargetError(
            f"{path}: a file of {kind}, no target",
            hint=f"use it in a target (`use: {kind}/{path.stem}`); `mapper targets check` takes it as it is",
        )


def _serving(memories: list[Memory]) -> dict[str, list[Memory]]:
    """The memories that serve each unit, in order."""
    found: dict[str, list[Memory]] = {}
    for memory in memories:
        for unit in dict.fromkeys(memory.serves):
            found.setdefault(unit, []).append(memory)
    return found


def _complete(draft: UnitDraft, serving: list[Memory], parts: Parts) -> Unit:
    """The unit with its memories: those inside it first, then those that serve it."""
    reach = sorted(serving, key=lambda m: m.unit != draft.name)
    data = [m.name for m in reach if "activations" in m.holds]
    if not data:
        raise TargetError(
            f"{parts.marks[draft.name]}: the unit '{draft.name}' has no data memory",
            hint=f"let a memory that holds activations serve it: `serves: [{draft.name}]`",
        )
    holding = [m for m in reach if "weights" in m.holds]
    inside = [m.name for m in holding if m.unit == draft.name]
    resident_only = inside and not getattr(draft.model, "streams_weights", True)
    weights = inside if resident_only else [m.name for m in holding]
    return Unit(draft.name, draft.kind, draft.model_name, draft.model, data[0], tuple(weights))


def _collectives(file: TargetFile, document: Document, parts: Parts) -> Measured | None:
    """The measured collectives with the units they are about; else those inside the chips of the system."""
    if file.collectives is None:
        return _inside_nodes(parts)
    for key in ("curves", "probes"):
        for i, entry in enumerate(getattr(file.collectives, key)):
            if entry.kind not in KINDS:
                mark = document.value_mark("collectives", key, i, "kind")
                raise TargetError(f"{mark}: no collective '{entry.kind}'", hint=did_you_mean(entry.kind, KINDS))
    found = file.collectives
    marks = [document.value_mark("collectives", "among", i) for i in range(len(found.among))]
    groups = [
        _matched(parts, group, [document.value_mark("collectives", "groups", i)] * len(group))
        for i, group in enumerate(found.groups)
    ]
    return Measured(
        among=_matched(parts, found.among, marks),
        band=found.error_band,
        curves=(
            *(Curve(c.kind, c.ranks, tuple(c.bytes), tuple(c.seconds), c.until_bytes) for c in found.curves),
            *(probed_curve(p.kind, p.ranks, p.bytes, p.seconds) for p in found.probes),
        ),
        groups=tuple(groups),
        like=_like(found.like, document) if found.like else None,
        speed=found.speed,
        reduces_in_switch=found.reduces_in_switch,
    )


def _inside_nodes(parts: Parts) -> Measured | None:
    """What was measured inside the chips (nodes) of a system. Of several kinds of nodes that of most units."""
    kinds: dict[Path, dict[str, Measured]] = {}
    for name, node in parts.nested.items():
        alike = kinds.setdefault(node.document.root.path, {})
        measured = next(iter(alike.values()), None) or _collectives(node.file, node.document, node.parts)
        if measured is not None:
            alike[name] = measured
    nodes = max(kinds.values(), key=lambda found: sum(len(m.among) for m in found.values()), default={})
    if not nodes:
        return None
    measured = next(iter(nodes.values()))
    within = tuple(
        tuple(f"{name}.{unit}" for unit in group) for name in nodes for group in measured.within or (measured.among,)
    )
    groups = measured.groups if len(nodes) == 1 else ()
    return replace(
        measured,
        among=tuple(unit for node in within for unit in node),
        groups=tuple(tuple(f"{name}.{unit}" for unit in group) for name in nodes for group in groups),
        within=within,
    )


def _matched(parts: Parts, patterns: Sequence[str], marks: Sequence[Mark]) -> tuple[str, ...]:
    """Units that the patterns name, each once."""
    names = (name for pattern, mark in zip(patterns, marks, strict=True) for name in parts.match_units(pattern, mark))
    return tuple(dict.fromkeys(names))


def _like(name: str, document: Document) -> Measured:
    """What was measured on the target of that name."""
    mark = document.value_mark("collectives", "like")
    there, its_document, parts = build(find_target(name))
    if there.collectives is None or there.collectives.like:
        raise TargetError(
            f"{mark}: '{name}' has no collectives of its own", hint="name a target with `curves:` and without `like:`"
        )
    measured = _collectives(there, its_document, parts)
    assert measured is not None
    return measured


def _io(file: TargetFile, document: Document, parts: Parts, units: tuple[Unit, ...]) -> str:
    """The memory named by the file, else the data memory of the first CPU, else the first memory."""
    names = [m.name for m in parts.memories]
    if file.io:
        if file.io not in names:
            raise TargetError(
                f"{document.value_mark('io')}: '{file.io}' is no memory", hint=did_you_mean(file.io, names)
            )
        return file.io
    cpus = [u.data for u in units if u.model_name == "cpu"]
    outside = [m.name for m in parts.memories if not m.unit]
    return (cpus or outside or names)[0]


def _check_reach(target: Target, document: Document) -> None:
    missing = unreachable(target)
    if missing:
        a, b = missing
        raise TargetError(
            f"{document.key_mark('links')}: missing link: no route between '{a}' and '{b}'",
            details=["data moves from a memory over a unit it serves and the links to another; never through a memory"],
            hint="add a link between their units, or let one memory serve both",
        )
