"""Rivals of a super-heterogeneous package: machines of its own GPU, DSA or CIM parts, of equal power or equal area.

Equal power is counted in two ways: parts that work for as much of the time as the package's own can, or all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import floor, isqrt
from pathlib import Path
from typing import Any

import yaml

from mapper.cost.pricing import feed_of
from mapper.cost.works import Types, product
from mapper.hw.library import find_target, find_use
from mapper.hw.load import load_target
from mapper.hw.marks import read
from mapper.hw.target import Memory, Target, Unit
from mapper.hw.work import DType
from targets.models.cim_base import CimUnit

KINDS = ("gpu", "dsa", "cim")
"""What a rival is made of besides a host and memories."""

POWER, FULL, AREA = "power", "full power", "area"
"""What a rival equals the package in: the same limit of power, with as many parts as keep it at the load at which the
package's own parts keep it; the same limit, with as many as keep it at their full rate, and at least one; the same
area. One that has as many parts in two ways is the same machine, and named after the first."""

STACK_MM2 = 110.0
"""Floor of an HBM3 stack, 10 x 11 mm (recalled); it counts as area, since it takes the interposer's."""

NAMED = {POWER: "equal-power", FULL: "full-power", AREA: "equal-area"}
"""The ends of names of rivals."""

DIE_ARRAYS = 16128
"""Arrays of one CIM die; a vector processor stands beside every DIES_A_VECTOR of them, as in chips/rram-cim."""

DIES_A_VECTOR = 4
LARGE = 4096
"""Side of the product at which the power of a unit is taken."""

MOST_IN_A_ROW = 5
"""Up to so many bricks may lie in one row."""

BOARD_LINK = "links/serdes-112g-x8"
"""What joins packages on a board."""

SOURCE = "assumed: the parts of {base}, counted by benchmarks/superhet_rivals.py"


@dataclass(frozen=True)
class Draw:
    """Power of a part: what it takes at rest, and what its work adds at full rate."""

    idle_w: float
    work_w: float

    def at(self, load: float) -> float:
        """Watts when it works this part of the time."""
        return self.idle_w + load * self.work_w

    def __add__(self, other: Draw) -> Draw:
        return Draw(self.idle_w + other.idle_w, self.work_w + other.work_w)


@dataclass(frozen=True)
class Machine:
    """A target of the study: the file to load, how many bricks (or packages) it has, its limit and its area."""

    name: str
    file: str
    kind: str
    equal: tuple[str, ...]
    bricks: int
    limit_w: float
    area_mm2: float


@dataclass(frozen=True)
class Package:
    """A super-heterogeneous chip file, and `count` packages of it; rivals take its parts as they are."""

    name: str
    count: int = 1

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The file as data."""
        return yaml.safe_load(find_target(self.name).read_text(encoding="utf-8"))

    @cached_property
    def target(self) -> Target:
        """One package."""
        return load_target(self.name)

    @property
    def limit_w(self) -> float:
        """The power of one package."""
        return float(self.document["power"]["limit_w"])

    @cached_property
    def load(self) -> float:
        """The part of the time for which all parts of the package can work within its limit: rivals are counted at the
        same load, so that all have the same right to parts that take turns."""
        whole = self.draw_of([u.name for u in self.target.units], list(self.document["memories"]))
        links = sum(link.idle_power_w for link in self.target.links)
        return (self.limit_w - links - whole.idle_w) / whole.work_w

    def draw_of(self, units: list[str], memories: list[str]) -> Draw:
        """What units and memories take together."""
        found = Draw(0.0, 0.0)
        for unit in self.target.units:
            if unit.name in units:
                found += unit_draw(self.target, unit)
        for memory in self.target.memories:
            if memory.name in memories:
                found += memory_draw(memory)
        return found

    def names(self, entry: str) -> list[str]:
        """The units of an entry of the file."""
        return [u.name for u in self.target.units if u.name.rstrip("0123456789") == entry or u.name == entry]

    def part(self, entry: str) -> dict[str, Any]:
        """The figures of a unit: those of its own file, with what the chip file says instead."""
        given = self.document["units"][entry]
        return {**part_file(self.name, given["use"]), **given}

    def area_of(self, entry: str) -> float:
        """Silicon of all units of an entry in mm2, as the chip file or the unit's own says."""
        given = self.document["units"][entry]
        area = self.part(entry).get("area_mm2")
        if area is None:
            raise ValueError(f"{self.name}: {entry} has no area_mm2")
        return float(area) * given.get("count", 1)

    @property
    def hbm_mm2(self) -> float:
        """The floor of the HBM stacks."""
        return STACK_MM2 * float(self.document["memories"]["hbm"].get("channels", 1))

    @property
    def area_mm2(self) -> float:
        """Chiplets and HBM stacks of one package."""
        return sum(self.area_of(entry) for entry in self.document["units"]) + self.hbm_mm2


def part_file(target: str, use: str) -> dict[str, Any]:
    """The file of a part that a target names, as data."""
    path = find_use(use, read(find_target(target)).root, (use.partition("/")[0],))
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def unit_draw(target: Target, unit: Unit) -> Draw:
    """Power of a unit: at rest, and while it runs a large product of int8 numbers (CIM: one that fills all arrays)."""
    model = unit.model
    types = Types(DType.I8, DType.I8, DType.I8, DType.I32)
    work = product(LARGE, LARGE, LARGE, types)
    if isinstance(model, CimUnit):
        down = next(r for r in range(isqrt(model.arrays), 0, -1) if model.arrays % r == 0)
        work = product(64, model.arrays // down * model.outputs(8), down * model.rows, types)
    cost = model.cost(work, feed_of(target, unit, work))
    return Draw(model.idle_power_w, cost.total_pj / cost.ticks)  # 1 pJ per tick = 1 W


def memory_draw(memory: Memory) -> Draw:
    """Power of a memory: at rest, and at its full bandwidth."""
    return Draw(memory.idle_power_w, memory.bandwidth_bytes_per_s * 8 * memory.energy_pj_per_bit * 1e-12)


def brick_parts(package: Package, kind: str) -> dict[str, Any]:
    """The chip file of a brick: all units of one kind of the package, with as much HBM as the whole package has. CIM
    gets vector processors for what it cannot compute."""
    units, links = package.document["units"], package.document["links"]["d2d"]
    made: dict[str, Any] = {"gpu": {"gpu0": units["gpu0"]}, "dsa": {"dsa": units["dsa"]}, "cim": {}}[kind]
    names = {"gpu": ["gpu0"], "dsa": package.names("dsa"), "cim": ["vec", *package.names("cim")]}[kind]
    if kind == "cim":
        made = {"vec": vector_of(package), "cim": units["cim"]}
    served = {"gpu": ["gpu0"], "dsa": ["dsa*"], "cim": ["vec"]}[kind]
    chip: dict[str, Any] = {
        "schema": 1,
        "name": f"{kind}-brick",
        "about": f"The {kind.upper()} part of {package.name} with its HBM.",
        "units": made,
        "memories": {"hbm": {**package.document["memories"]["hbm"], "serves": served}},
        "source": SOURCE.format(base=package.name),
    }
    if len(names) > 1:
        figures = {key: links[key] for key in ("use", "bandwidth_bytes_per_s") if key in links}
        chip["links"] = {"d2d": {**figures, "topology": {"chain" if len(names) == 2 else "ring": names}}}
    return chip


def vector_of(package: Package) -> dict[str, Any]:
    """One vector unit as large as those that stand beside so many CIM dies."""
    given = package.document["units"]["cim"]
    dies = given.get("count", 1) * given.get("arrays", DIE_ARRAYS) / DIE_ARRAYS
    times = round(dies / DIES_A_VECTOR)
    if times == 1:
        return {"use": "units/vector-512"}
    return {
        "use": "units/vector-512",
        "lanes": 512 * times,
        "sram_bytes": 2097152 * times,
        "idle_power_w": 0.5 * times,
        "area_mm2": 8 * times,
        "source": f"assumed: {times} of units/vector-512",
    }


def system_of(package: Package, kind: str, name: str, bricks: int, limit_w: float) -> dict[str, Any]:
    """The system file: a host with its memory, and bricks in a mesh, the first of them beside the host."""
    main = {"gpu": "gpu0", "dsa": "dsa0", "cim": "vec"}[kind]
    links = package.document["links"]["d2d"]
    figures = {key: links[key] for key in ("use", "bandwidth_bytes_per_s") if key in links}
    rows = next(r for r in range(isqrt(bricks), 0, -1) if bricks % r == 0)
    brick: dict[str, Any] = {"use": f"chips/{kind}-brick"}
    joined: dict[str, Any] = {}
    first = "brick"
    if bricks > 1:
        brick["grid"], first = [rows, bricks // rows], "brick_0_0"
        joined = {"d2d": {**figures, "topology": {"mesh": {"grid": "brick", "part": main}}}}
    return {
        "schema": 1,
        "name": name,
        "about": f"{bricks} x the {kind.upper()} part of {package.name}, with its host.",
        "units": {"host": package.document["units"]["host"]},
        "memories": {"ddr": package.document["memories"]["ddr"]},
        "chips": {"brick": brick},
        "links": {"port": {**figures, "between": ["host", f"{first}.{main}"]}, **joined},
        "io": "ddr",
        "power": {"limit_w": round(limit_w, 1)},
        "source": SOURCE.format(base=package.name),
    }


def machines(package: Package, out: Path) -> list[Machine]:
    """Write the rivals of so many packages below `out`, and give them with the package itself, first."""
    limit, area, load = package.limit_w * package.count, package.area_mm2 * package.count, package.load
    found = [Machine(package.name, str(find_target(package.name)), "superhet", (), 1, limit, area)]
    if package.count > 1:
        found = [_packages(package, out, limit, area)]
    host, host_mm2 = package.draw_of(["host"], ["ddr"]), package.area_of("host")
    for kind in KINDS:
        chip = brick_parts(package, kind)
        _write(out / "chips" / f"{kind}-brick.yaml", chip)
        brick = load_target(out / "chips" / f"{kind}-brick.yaml")
        each = sum((unit_draw(brick, u) for u in brick.units), Draw(0.0, 0.0))
        each += next(memory_draw(m) for m in brick.memories if m.name == "hbm")
        mm2 = _brick_mm2(package, kind)
        counts = {
            POWER: _in_a_mesh(floor((limit - host.at(load)) / each.at(load))),
            FULL: _in_a_mesh(floor((limit - host.at(1.0)) / each.at(1.0))),
            AREA: _in_a_mesh(floor((area - host_mm2) / mm2)),
        }
        for bricks in dict.fromkeys(counts.values()):
            equal = tuple(what for what, count in counts.items() if count == bricks)
            watts = host.at(1.0) + bricks * each.at(1.0) if equal == (AREA,) else limit
            name = f"{kind}-only-{NAMED[equal[0]]}"
            file = out / "systems" / f"{name}.yaml"
            _write(file, system_of(package, kind, name, bricks, watts))
            found.append(Machine(name, str(file), kind, equal, bricks, watts, host_mm2 + bricks * mm2))
    return found


def _in_a_mesh(bricks: int) -> int:
    """At least one brick; of a large prime one less, so that they lie in rows and columns."""
    prime = bricks > MOST_IN_A_ROW and all(bricks % d for d in range(2, isqrt(bricks) + 1))
    return max(1, bricks - prime)


def _packages(package: Package, out: Path, limit: float, area: float) -> Machine:
    """Several packages on a board, joined in a ring."""
    name = f"{package.name}x{package.count}"
    ends = [f"package{i}.gpu0" for i in range(package.count)]
    system = {
        "schema": 1,
        "name": name,
        "about": f"{package.count} packages {package.name} on a board.",
        "chips": {"package": {"use": f"chips/{package.name}", "count": package.count}},
        "links": {"c2c": {"use": BOARD_LINK, "topology": {"chain" if len(ends) == 2 else "ring": ends}}},
        "io": "package0.ddr",
        "power": {"limit_w": limit},
        "source": SOURCE.format(base=package.name),
    }
    _write(out / "systems" / f"{name}.yaml", system)
    return Machine(name, str(out / "systems" / f"{name}.yaml"), "superhet", (), package.count, limit, area)


def _brick_mm2(package: Package, kind: str) -> float:
    entry = {"gpu": "gpu0", "dsa": "dsa", "cim": "cim"}[kind]
    beside = float(vector_of(package).get("area_mm2", 8)) if kind == "cim" else 0.0
    return package.area_of(entry) + beside + package.hbm_mm2


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data, sort_keys=False, width=120), encoding="utf-8")
