"""Fits the curves of measured collectives, latency + bytes x + sqrt(bytes) x, on the sizes that are not held out.

python benchmarks/fit_collectives.py MEASURED [TARGET...] prints a `collectives:` block for each target, and its errors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(ROOT))

from benchmarks.measured import aiconfigurator  # noqa: E402
from benchmarks.measured.points import Point  # noqa: E402
from benchmarks.rooflines import fit_bytes  # noqa: E402

SOURCES = (aiconfigurator,)
"""Where curves come from: NCCL without the host's overhead. Other sources time the framework as well."""


def main(folder: Path, targets: list[str]) -> None:
    """Prints the blocks."""
    groups: dict[tuple[str, str, int], list[Point]] = {}
    for point in (p for source in SOURCES for p in source.points(folder)):
        if "ranks" in point.columns and not point.op.endswith("custom"):
            key = (str(point.columns["target"]), str(point.columns["kind"]), int(point.columns["ranks"]))
            groups.setdefault(key, []).append(point)
    for target in targets or sorted({key[0] for key in groups}):
        print(f"# {target}\n" + "\n".join(block({key: g for key, g in groups.items() if key[0] == target})))


def block(groups: dict[tuple[str, str, int], list[Point]]) -> Iterator[str]:
    """The lines of a target file. The band is the error that nine in ten held-out points stay below."""
    errors, lines = [], []
    for (_, kind, ranks), points in groups.items():
        size = np.array([float(p.columns["bytes"]) for p in points])
        seconds = np.array([p.seconds for p in points])
        held_out = np.array([p.held_out for p in points])
        a, b, g = fit_bytes(size[~held_out], seconds[~held_out])
        errors.append(np.abs((a + b * size + g * np.sqrt(size)) / seconds - 1)[held_out])
        lines.append(
            f"    - {{kind: {kind}, ranks: {ranks}, latency_s: {a:.3g}, s_per_byte: {b:.3g}, s_per_root_byte: {g:.3g}}}"
        )
    all_errors = np.concatenate(errors)
    yield f"# held out: {len(all_errors)} points, mean error {all_errors.mean():.1%}"
    yield "collectives:"
    yield f"  error_band: {np.quantile(all_errors, 0.9):.2g}"
    yield "  curves:"
    yield from lines


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
