"""Tiny parts of which tests build chips, and what the fixtures that write and load them look like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mapper.hw.target import Target

Write = Callable[..., Path]
Load = Callable[..., Target]

VECTOR = """\
schema: 1
name: lanes
model: vector
lanes: 16
clock_hz: 1e9
rate: {f16: 2}
sram_bytes: 65536
energy_pj_per_op: {f16: 1}
source: assumed
"""
CIM = """\
schema: 1
name: cim
model: cim-analog
arrays: 64
rows: 128
columns: 128
cell_bits: 2
read_time_s: 100e-9
adc_time_s: 1e-9
energy_pj: {adc_conversion: 1, dac_row: 1}
write: {latency_s: 1e-6, energy_pj: 8, endurance: 1e6}
buffer: {capacity_bytes: 4096, bandwidth_bytes_per_s: 1e9}
source: assumed
"""
DCIM = """\
schema: 1
name: dcim
model: cim-digital
arrays: 4
rows: 64
columns: 64
clock_hz: 1e9
energy_pj: {mac: 0.1}
write: {latency_s: 1e-9, energy_pj_per_bit: 0.01}
buffer: {capacity_bytes: 4096, bandwidth_bytes_per_s: 1e9}
source: assumed
"""
RAM = """\
schema: 1
name: ram
capacity_bytes: 1e9
bandwidth_bytes_per_s: 100e9
energy_pj_per_bit: 4
latency_s: 100e-9
source: assumed
"""
WIRE = """\
schema: 1
name: wire
bandwidth_bytes_per_s: 10e9
latency_s: 1e-6
energy_pj_per_bit: 2
source: assumed
"""

PARTS = {
    "units/lanes": VECTOR,
    "units/cim": CIM,
    "units/dcim": DCIM,
    "memories/ram": RAM,
    "links/wire": WIRE,
}

LANES_ON_RAM = """\
units: {a: {use: units/lanes}, b: {use: units/lanes}}
memories: {m: {use: memories/ram, serves: [a, b]}}
links: {w: {use: links/wire, between: [a, b]}}
"""
