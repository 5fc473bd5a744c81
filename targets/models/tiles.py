"""Time of a tiled matrix product on a GPU: the best of eleven tile shapes and seven splits of k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TILES = ((64, 64), (64, 128), (128, 64), (64, 256), (256, 64), (128, 128), (128, 256), (256, 128), (32, 64), (32, 128),
         (16, 64))  # fmt: skip
"""Tile shapes (rows x columns of the output) that GPU libraries ship kernels for."""

SPLITS = (1, 2, 3, 4, 6, 8, 16)
"""Blocks that may share one output tile by parts of k."""

_GRID = np.array([(tm, tn, s) for tm, tn in TILES for s in SPLITS], dtype=np.float64).T


@dataclass(frozen=True, slots=True)
class TileFigures:
    """Constants of one GPU and number type. Rates are per SM where named so; the rest is fitted (see Gpu's fields)."""

    sms: int
    ops_per_s: float
    bytes_per_s: float
    l2_bytes: float
    l2_bytes_per_s: float
    compute_efficiency: float
    memory_efficiency: float
    overlap: float
    k_overhead: float
    l2_reach: float
    split_s: float
    wave_share: float


def gemm_seconds(m: Array, n: Array, k: Array, batch: Array, bytes_moved: Array, width: float, f: TileFigures) -> Array:
    """Seconds without launch of `batch` products m x k x n that touch `bytes_moved` bytes, elements `width` bytes wide.

    COST_MODELS, "A GEMM form that held up": T = min over tiles and splits of [(C^p + Mdram^p + Ml2^p)^(1/p) + split].
    Never falls when m, n, k, batch or bytes grow.
    """
    tm, tn, splits = (axis[:, None] for axis in _GRID)
    blocks = np.ceil(m / tm) * np.ceil(n / tn) * batch * splits
    steps = k / splits
    waves = blocks / f.sms
    filled = f.wave_share * np.ceil(waves) + (1 - f.wave_share) * np.maximum(waves, 1.0)
    compute = filled * 2 * tm * tn * (steps + f.k_overhead) / (f.compute_efficiency * f.ops_per_s / f.sms)
    missed = 1 - 1 / (1 + (bytes_moved / (f.l2_reach * f.l2_bytes)) ** 4)
    dram = bytes_moved * missed / (f.memory_efficiency * f.bytes_per_s)
    reread = blocks * (tm + tn) * steps * width / f.l2_bytes_per_s
    p = f.overlap
    longest = np.maximum(np.maximum(compute, dram), reread)
    soft = longest * ((compute / longest) ** p + (dram / longest) ** p + (reread / longest) ** p) ** (1 / p)
    best: Array = (soft + f.split_s * np.log2(splits)).min(axis=0)
    return best
