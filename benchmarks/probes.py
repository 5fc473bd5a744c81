"""Collectives of a fabric of which only two times are known: a small and a large tensor of each collective.

t = a + b bytes + c sqrt(a b bytes): the probes give a and b, and c, how slowly latency gives way to bandwidth, is the
one that did best on all other fabrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchmarks.measured.points import Point
from benchmarks.rooflines import Array

PROBES = (4096.0, float(2**25))
"""Bytes of the two tensors, or the nearest that were measured."""

BENDS = tuple(np.arange(0.0, 2.05, 0.1))
"""Values of c that are tried."""

Lines = Sequence[tuple[Array, Array]]
"""Bytes and seconds of each collective of a fabric."""


def probed(points: Iterable[Point]) -> dict[str, Array]:
    """Relative errors on all sizes but the probes, by fabric, with c from the other fabrics."""
    fabrics = _fabrics(points)
    errors = {
        name: [np.concatenate([_errors(*line, c) for line in lines]) for c in BENDS] for name, lines in fabrics.items()
    }
    means = {name: np.array([np.abs(e).mean() for e in tried]) for name, tried in errors.items()}
    found = {}
    for name in fabrics:
        others = [means[other] for other in fabrics if other != name]
        if others:
            found[name] = errors[name][int(np.argmin(np.mean(others, axis=0)))]
    return found


def _fabrics(points: Iterable[Point]) -> Mapping[str, Lines]:
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for p in points:
        if "ranks" in p.columns and "over nodes" not in p.device:
            groups.setdefault((p.device, p.op), []).append((float(p.columns["bytes"]), p.seconds))
    fabrics: dict[str, list[tuple[Array, Array]]] = {}
    for (device, _), pairs in groups.items():
        size, seconds = np.array(sorted(pairs)).T
        fabrics.setdefault(device, []).append((size, seconds))
    return fabrics


def _errors(size: Array, seconds: Array, c: float) -> Array:
    """Errors on the sizes that were no probes. The two equations are solved by turns, which settles within a few."""
    small, large = (int(np.argmin(np.abs(np.log(size / probe)))) for probe in PROBES)
    a, b = seconds[small], seconds[large] / size[large]
    for _ in range(50):
        b = max(1e-15, (seconds[large] - a - c * np.sqrt(a * b * size[large])) / size[large])
        a = max(1e-7, seconds[small] - b * size[small] - c * np.sqrt(a * b * size[small]))
    times = a + b * size + c * np.sqrt(a * b * size)
    other = np.ones(len(size), dtype=bool)
    other[[small, large]] = False
    return (times / seconds - 1)[other]
