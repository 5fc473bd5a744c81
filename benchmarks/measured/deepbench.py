"""DeepBench (Apache-2.0): products on GPUs of 2015 to 2018 and on ARM processors, split by shape."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measured.points import Point, held_out_shape, records, target_of

SOURCE = "deepbench"


def points(folder: Path) -> Iterator[Point]:
    """Products of the devices that may have a target. `N` rows of activations meet an `M x K` weight there, too."""
    for row in records(folder / SOURCE / "gemm.csv"):
        device, precision = row["device"], row["precision"].lower()
        dtype = "i8" if "int8" in precision else "f16" if "16 bit inputs" in precision else "f32"
        columns = {
            "target": target_of(device),
            "kind": "matmul",
            "dtype": dtype,
            **{s: row[s] for s in "mnk"},
        }
        held_out = held_out_shape(row["m"], row["n"], row["k"])
        yield Point(SOURCE, device, f"gemm {dtype}", columns, float(row["latency_us"]) * 1e-6, held_out)
