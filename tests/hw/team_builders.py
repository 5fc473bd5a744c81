"""Tiny systems of equal chips, joined as servers, clusters of servers, packages and meshes are."""

from __future__ import annotations

from target_builders import Load

from mapper.hw.target import Target

CHIP = """\
schema: 1
name: card
source: assumed
units: {core: {use: units/lanes}}
memories: {ram: {use: memories/ram, idle_power_w: 2, serves: [core]}}
"""
PACKAGE = """\
schema: 1
name: package
source: assumed
units: {host: {use: units/lanes, lanes: 4}, core: {use: units/lanes, count: 2}, cim: {use: units/cim}}
memories:
  ddr: {use: memories/ram, serves: [host]}
  hbm: {use: memories/ram, bandwidth_bytes_per_s: 300e9, serves: [core*]}
links: {d2d: {use: links/wire, topology: {mesh: [[host, core0], [cim, core1]]}}}
"""
SERVER = """\
schema: 1
name: server
source: assumed
units: {host: {use: units/lanes, lanes: 4}}
chips: {card: {use: chips/card, count: 4}}
memories: {ddr: {use: memories/ram, serves: [host]}}
routers: [switch]
links:
  fast:
    use: links/wire
    bandwidth_bytes_per_s: 40e9
    idle_power_w: 1
    topology: {star: {hub: switch, leaves: [card*.core]}}
  slow: {use: links/wire, topology: {star: {hub: host, leaves: [card*.core]}}}
"""
FILES = {"chips__card": CHIP, "chips__package": PACKAGE, "systems__server": SERVER}


def server(load: Load) -> Target:
    """Four cards on a switch and a host."""
    return load(SERVER.partition("source: assumed\n")[2], **FILES)


def cluster(load: Load, nodes: int = 2) -> Target:
    """Servers on a slow network."""
    return load(
        f"chips: {{node: {{use: systems/server, count: {nodes}}}}}\nrouters: [network]\nlinks:\n"
        "  nic:\n    use: links/wire\n    bandwidth_bytes_per_s: 5e9\n"
        "    topology: {star: {hub: network, leaves: [node*.card*.core]}}\n",
        **FILES,
    )


def packages(load: Load, rows: int, columns: int) -> Target:
    """A mesh of packages of a host, two cores on one memory and a CIM chiplet."""
    names = [[f"p{r * columns + c}.core0" for c in range(columns)] for r in range(rows)]
    grid = str(names).replace("'", "")
    return load(
        f"chips: {{p: {{use: chips/package, count: {rows * columns}}}}}\n"
        f"links: {{c2c: {{use: links/wire, bandwidth_bytes_per_s: 8e9, topology: {{mesh: {grid}}}}}}}\n",
        **FILES,
    )


def tiles(load: Load, rows: int, columns: int) -> Target:
    """A mesh of CIM chiplets with a host at its first corner."""
    return load(
        f"units: {{host: {{use: units/lanes}}, t: {{use: units/cim, grid: [{rows}, {columns}]}}}}\n"
        "memories: {ddr: {use: memories/ram, serves: [host]}}\n"
        "links:\n  noc: {use: links/wire, topology: {mesh: {grid: t}}}\n"
        "  edge: {use: links/wire, between: [host, t_0_0]}\n"
    )
