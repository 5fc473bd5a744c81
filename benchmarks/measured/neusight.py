"""NeuSight (MIT): fp32 products, element-wise functions and norms of five GPUs, split by shape."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measured.points import Point, held_out_shape, records, target_of

SOURCE = "neusight"
ROWS = {"ln": "layernorm", "softmax": "softmax"}
OVERHEAD_S = {"elem": 1.5e-5, "softmax": 2e-5, "ln": 3e-5}
"""What measuring from Python adds to a kernel: the time at no elements that lines through the points that may be fitted
have, less a kernel's launch. It is the same within a few microseconds for element-wise functions on all five GPUs."""
SCALAR = "u"
"""The ending of a function whose second operand is one number."""


def points(folder: Path) -> Iterator[Point]:
    """Products held out by n and k, all else by the width of a row."""
    for name in ("linear", "bmm"):
        for row in records(folder / SOURCE / f"{name}.csv"):
            sizes = {"batch": row["B"], "m": row["M"], "n": row["N"], "k": row["K"]}
            yield _point(row, f"{name} f32", {"kind": "matmul", **sizes}, held_out_shape(row["N"], row["K"]))
    for name in ("elem", "ln", "softmax"):
        for row in records(folder / SOURCE / f"{name}.csv"):
            op = {"elem": "elementwise f32", "ln": "norm f32"}.get(name, "softmax f32")
            columns = {"kind": _word(row["OPName"]), "m": row["B"], "n": row["H"]}
            yield _point(row, op, columns, held_out_shape(row["H"]), OVERHEAD_S[name])


def _word(name: str) -> str:
    if name.endswith(SCALAR) and name[:-1] in ("add", "mul", "div", "pow"):
        return "elementwise" if name in ("addu", "mulu") else f"{name[:-1]}_scalar"
    return ROWS.get(name, name)


def _point(row: dict[str, str], op: str, columns: dict[str, str], held_out: bool, overhead_s: float = 0.0) -> Point:
    device = row["Device"]
    given = {"target": target_of(device), "dtype": "f32", **columns}
    return Point(SOURCE, device, op, given, float(row["latency_ms"]) * 1e-3, held_out, overhead_s=overhead_s)
