"""LLMCompass (BSD-3): products, norms and an all-reduce on A100, PyTorch's launch included, split by shape."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measured.points import Point, held_out_shape, records, target_of

SOURCE = "llmcompass"


OVERHEAD_S = {"softmax": 1.0e-5, "layernorm": 4.8e-5, "gelu": 4.4e-5}
"""What the loop in Python adds to a kernel: the times of the smallest shapes that may be fitted, less a kernel's."""


def points(folder: Path) -> Iterator[Point]:
    """Products, row functions and the all-reduce."""
    base = folder / SOURCE
    for row in records(base / "matmul_A100.csv"):
        sizes = {s: row[s] for s in "mnk"}
        yield _point(row, "gemm f16", {"kind": "matmul", **sizes}, held_out_shape(*sizes.values()))
    for name, op in (("softmax", "softmax f16"), ("layernorm", "norm f16"), ("gelu", "elementwise f16")):
        for row in records(base / f"{name}_A100.csv"):
            columns = {"kind": name, "m": row["m"], "n": row["n"]}
            yield _point(row, op, columns, held_out_shape(row["m"], row["n"]), OVERHEAD_S[name])
    for i, row in enumerate(records(base / "allreduce_4xA100.csv")):
        columns = {"target": target_of(row["device"]), "kind": "all_reduce", "bytes": row["bytes"], "ranks": "4"}
        yield Point(SOURCE, row["device"], "all_reduce x4", columns, _seconds(row), i % 2 == 1)


def _point(row: dict[str, str], op: str, columns: dict[str, str], held_out: bool, overhead_s: float = 0.0) -> Point:
    device = row["device"]
    given = {"target": target_of(device), "dtype": "f16", **columns}
    return Point(SOURCE, device, op, given, _seconds(row), held_out, overhead_s=overhead_s)


def _seconds(row: dict[str, str]) -> float:
    return float(row["latency_us"]) * 1e-6
