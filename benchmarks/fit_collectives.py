"""Fits the curves of measured collectives on the sizes that are not held out.

python benchmarks/fit_collectives.py MEASURED [TARGET...] prints the `curves:` of each target, and their errors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(ROOT))

from benchmarks.measured import aiconfigurator, llmcompass, vidur  # noqa: E402
from benchmarks.measured.points import Point  # noqa: E402
from benchmarks.options import folder_options  # noqa: E402
from benchmarks.rooflines import Array  # noqa: E402
from mapper.hw.curves import FALLS_BACK, Curve, Measured  # noqa: E402

SOURCES = (aiconfigurator, llmcompass, vidur)

APART = 1.4
"""Least ratio of neighbouring knots. With tenths of the fitted sizes left out in turn, 1.4, 2 and 4 give 5.8, 6.0 and
6.1 % on Vidur's DGX and the same on tables that double the size."""

WORTH = 0.002
"""A knot is kept if the mean error on the fitted sizes grows by more than this without it."""

REACHED = 0.25
"""A custom kernel has handed over to the library where its times are this near to the library's."""


@dataclass(frozen=True)
class Line:
    """The points of one collective among so many ranks of a target."""

    kind: str
    ranks: int
    sizes: Array
    times: Array
    held_out: Array

    @property
    def fitted(self) -> tuple[Array, Array]:
        """Sizes and times of the points that may be fitted, by size; equal sizes by their mean."""
        sizes, index = np.unique(self.sizes[~self.held_out], return_inverse=True)
        times = np.bincount(index, np.log(self.times[~self.held_out])) / np.bincount(index)
        return sizes, np.exp(times)


def main(folder: Path, targets: list[str]) -> None:
    """Prints the curves."""
    groups: dict[str, dict[tuple[str, int], list[Point]]] = {}
    for point in (p for source in SOURCES for p in source.points(folder) if "ranks" in p.columns):
        key = (str(point.columns["kind"]), int(point.columns["ranks"]))
        groups.setdefault(str(point.columns["target"]), {}).setdefault(key, []).append(point)
    for target in targets or sorted(groups):
        lines = [_line(kind, ranks, points) for (kind, ranks), points in groups[target].items()]
        print(f"# {target}\n" + "\n".join(block(lines)))


def _line(kind: str, ranks: int, points: list[Point]) -> Line:
    points = sorted(points, key=lambda p: int(p.columns["bytes"]))
    return Line(
        kind,
        ranks,
        np.array([float(p.columns["bytes"]) for p in points]),
        np.array([p.seconds for p in points]),
        np.array([p.held_out for p in points]),
    )


def block(lines: list[Line]) -> Iterator[str]:
    """The lines of a target file. The band is the error that nine in ten held-out points stay below."""
    library = {(line.kind, line.ranks): fit(line) for line in lines}
    curves = [
        _handing_over(line, library[FALLS_BACK[line.kind], line.ranks])
        if (FALLS_BACK.get(line.kind, ""), line.ranks) in library
        else library[line.kind, line.ranks]
        for line in lines
    ]
    measured = Measured((), 0.0, tuple(curves))
    out = [
        np.array([measured.seconds(line.kind, line.ranks, s) or np.nan for s in line.sizes[line.held_out]])
        / line.times[line.held_out]
        - 1
        for line in lines
    ]
    errors = np.abs(np.concatenate(out))
    yield f"# held out: {len(errors)} points, mean error {errors.mean():.1%}"
    yield f"  error_band: {np.quantile(errors, 0.9):.2g}\n  curves:"
    for curve, error in zip(curves, out, strict=True):
        yield from _entry(curve, float(np.abs(error).mean()))


def _entry(curve: Curve, error: float) -> Iterator[str]:
    yield f"    - kind: {curve.kind}  # {error:.1%} on the sizes held out"
    yield f"      ranks: {curve.ranks}"
    if curve.until_bytes is not None:
        yield f"      until_bytes: {curve.until_bytes:.0f}"
    for key, values in (("bytes", (f"{s:.0f}" for s in curve.sizes)), ("seconds", (f"{t:.3g}" for t in curve.times))):
        text = f"{key}: [{', '.join(values)}]"
        yield from wrap(text, 120, initial_indent=" " * 6, subsequent_indent=" " * 8)


def fit(line: Line) -> Curve:
    """The curve of least absolute relative error that never falls, with as few knots as will do."""
    sizes, times = line.fitted
    knots = _knots(sizes)
    values = _values(knots, sizes, times)
    least = _error(knots, values, sizes, times)
    while len(knots) > 2:
        tried = []
        for i in range(1, len(knots) - 1):
            fewer = np.delete(knots, i)
            tried.append((_error(fewer, found := _values(fewer, sizes, times), sizes, times), i, found))
        error, i, found = min(tried, key=lambda t: t[0])
        if error > least + WORTH:
            break
        knots, values, least = np.delete(knots, i), found, min(error, least)
    return Curve(line.kind, line.ranks, tuple(knots.tolist()), tuple(values.tolist()))


def _knots(sizes: Array) -> Array:
    """Measured sizes at least `APART` from each other; the last one is the largest."""
    kept = [sizes[0]]
    for size in sizes[1:]:
        if size >= kept[-1] * APART * 0.999:
            kept.append(size)
    if kept[-1] < sizes[-1]:
        kept[-1:] = [sizes[-1]] if len(kept) > 1 and sizes[-1] < kept[-1] * APART**0.5 else [kept[-1], sizes[-1]]
    return np.array(kept)


def _values(knots: Array, sizes: Array, times: Array) -> Array:
    """Times at the knots by reweighted least squares on the relative error, made to ascend."""
    place = np.clip(np.searchsorted(knots, sizes, side="right") - 1, 0, len(knots) - 2)
    part = (sizes - knots[place]) / (knots[place + 1] - knots[place])
    rows = np.arange(len(sizes))
    terms = np.zeros((len(sizes), len(knots)))
    terms[rows, place], terms[rows, place + 1] = 1 - part, part
    start = np.interp(knots, sizes, times)
    scaled = terms * start / times[:, None]  # unknowns are ratios to the start
    weight, found = np.ones(len(sizes)), np.ones(len(knots))
    for _ in range(15):
        a = scaled * weight[:, None]
        found = np.linalg.solve(a.T @ a + 1e-9 * np.eye(len(knots)), a.T @ weight + 1e-9)
        weight = 1 / np.sqrt(np.maximum(0.02, np.abs(scaled @ found - 1)))
    return np.exp(_ascending(np.log(np.maximum(found, 0.05) * start)))


def _ascending(values: Array) -> Array:
    """The nearest values that never fall: neighbours out of order take their mean (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in values.tolist():
        pools.append((value, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [((a * n + b * m) / (n + m), n + m)]
    return np.array([value for value, n in pools for _ in range(n)])


def _error(knots: Array, values: Array, sizes: Array, times: Array) -> float:
    return float(np.abs(np.interp(sizes, knots, values) / times - 1).mean())


def _handing_over(line: Line, library: Curve) -> Curve:
    """The curve of a custom kernel, which ends where its times become the library's: half way (by ratio) to the first
    fitted size from which on all are `REACHED`, if it was twice as quick just before."""
    sizes, times = line.fitted
    ratio = times / np.array([library.seconds(s) for s in sizes])
    away = np.flatnonzero(np.abs(ratio - 1) > REACHED)
    last = int(away[-1]) if len(away) else -1
    if last < 0 or last + 1 == len(sizes) or ratio[last] > 0.5:
        return fit(line)
    own = fit(Line(line.kind, line.ranks, sizes[: last + 1], times[: last + 1], np.zeros(last + 1, dtype=bool)))
    until = float(np.sqrt(sizes[last] * sizes[last + 1]))
    return Curve(own.kind, own.ranks, own.sizes, own.times, until)


if __name__ == "__main__":
    given = folder_options(__doc__, targets=True)
    main(given.folder, given.targets)
