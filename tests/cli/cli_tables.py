"""A chip and the header of a table for the tests of `mapper cost --csv`."""

from pathlib import Path

HEADER = "target,unit,kind,m,n,k,batch,heads,kv_heads,head_dim,seq,past,dtype,bytes,ranks"

CHIP = """\
schema: 1
name: chip
units:
  lanes:
    count: 3
    model: vector
    lanes: 64
    clock_hz: 1e9
    rate: {f32: 2, f16: 2}
    sram_bytes: 1048576
    energy_pj_per_op: {f32: 2, f16: 1}
    error_band: 0.25
  fast:
    model: vector
    lanes: 4096
    clock_hz: 1e9
    rate: {f16: 2}
    sram_bytes: 1048576
    energy_pj_per_op: {f16: 1}
    error_band: {matmul: 0.1, assumed: 0.6}
memories:
  ram: {capacity_bytes: 1e9, bandwidth_bytes_per_s: 100e9, energy_pj_per_bit: 4, serves: [fast]}
  m0: {capacity_bytes: 1e9, bandwidth_bytes_per_s: 50e9, energy_pj_per_bit: 4, serves: [lanes0]}
  m1: {capacity_bytes: 1e9, bandwidth_bytes_per_s: 50e9, energy_pj_per_bit: 4, serves: [lanes1]}
  m2: {capacity_bytes: 1e9, bandwidth_bytes_per_s: 50e9, energy_pj_per_bit: 4, serves: [lanes2]}
links:
  wire:
    bandwidth_bytes_per_s: 10e9
    latency_s: 1e-6
    energy_pj_per_bit: 1
    topology: {ring: [lanes0, lanes1, lanes2, fast]}
source: assumed
"""


def chip(folder: Path) -> None:
    """Writes the chip into a folder, as chip.yaml."""
    (folder / "chip.yaml").write_text(CHIP)
