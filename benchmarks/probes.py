"""How wrong the collectives of a fabric are of which only two times of each are known (mapper/hw/probed.py), with the
constants of that form from the other fabrics.

python benchmarks/probes.py MEASURED prints the errors, and the constants that do best over all fabrics.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(ROOT))

from benchmarks.measured import points as measured_points  # noqa: E402
from benchmarks.measured.points import Point  # noqa: E402
from benchmarks.options import folder_options  # noqa: E402
from benchmarks.rooflines import Array  # noqa: E402
from mapper.hw.probed import PROBES, probed_times  # noqa: E402

CONSTANTS = tuple(product(np.arange(0.0, 2.01, 0.1).tolist(), (7e-6, 10e-6, 13e-6, 16e-6)))
"""Bends and longest starts of a kernel that are tried."""

Line = tuple[str, int, Array, Array]
"""Kind, ranks, bytes and seconds of a collective of a fabric."""


def probed(points: Iterable[Point]) -> dict[str, Array]:
    """Relative errors on all sizes but the probes, by fabric, with the constants from the other fabrics."""
    errors = _errors(points)
    means = _means(errors)
    found = {}
    for name in errors:
        others = [means[other] for other in errors if other != name]
        if others:
            found[name] = errors[name][int(np.argmin(np.mean(others, axis=0)))]
    return found


def best(points: Iterable[Point]) -> tuple[float, float]:
    """The bend and the longest start that do best over all fabrics."""
    return CONSTANTS[int(np.argmin(np.mean(list(_means(_errors(points)).values()), axis=0)))]


def _errors(points: Iterable[Point]) -> dict[str, list[Array]]:
    """Relative errors by fabric, for each of `CONSTANTS`."""
    return {
        name: [np.concatenate([_line_errors(line, *constants) for line in lines]) for constants in CONSTANTS]
        for name, lines in _fabrics(points).items()
    }


def _means(errors: Mapping[str, Sequence[Array]]) -> dict[str, Array]:
    return {name: np.array([np.abs(e).mean() for e in tried]) for name, tried in errors.items()}


def _fabrics(points: Iterable[Point]) -> Mapping[str, list[Line]]:
    groups: dict[tuple[str, str, int], list[tuple[float, float]]] = {}
    for p in points:
        if "ranks" in p.columns and "over nodes" not in p.device:
            key = (p.device, str(p.columns["kind"]), int(p.columns["ranks"]))
            groups.setdefault(key, []).append((float(p.columns["bytes"]), p.seconds))
    fabrics: dict[str, list[Line]] = {}
    for (device, kind, ranks), pairs in groups.items():
        if len(pairs) < 3:
            continue  # nothing to predict
        size, seconds = np.array(sorted(pairs)).T
        fabrics.setdefault(device, []).append((kind, ranks, size, seconds))
    return fabrics


def _line_errors(line: Line, bend: float, kernel_s: float) -> Array:
    """Errors on the sizes that were no probes; the probes are the measured sizes nearest to `PROBES`."""
    kind, ranks, size, seconds = line
    small, large = (int(np.argmin(np.abs(np.log(size / probe)))) for probe in PROBES)
    sizes, times = (size[small], size[large]), (seconds[small], seconds[large])
    other = np.ones(len(size), dtype=bool)
    other[[small, large]] = False
    return (probed_times(kind, ranks, sizes, times, size, bend, kernel_s) / seconds - 1)[other]


def main(folder: Path) -> None:
    """Prints errors and constants."""
    known = [p for p in measured_points(folder) if "ranks" in p.columns]
    for name, errors in probed(known).items():
        print(f"{name}: {100 * np.abs(errors).mean():.1f} % on {len(errors)} sizes, bias {100 * errors.mean():+.1f} %")
    print("best over all: bend {:.1f}, kernel_s {:.3g}".format(*best(known)))


if __name__ == "__main__":
    main(folder_options(__doc__).folder)
