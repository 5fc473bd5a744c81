"""What a cost model has to beat: the plain roofline, and rooflines with three constants fitted to each line of a table.

Work: t = max(F / (ef peak), B / (eb bandwidth)) + c. Collectives: t = a + b bytes + g sqrt(bytes).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapper.hw.work import Work

Array = NDArray[np.float64]

MOST_POINTS = 600
"""Points that a fit looks at, evenly picked: constants of three figures need no more."""


def fit_work(compute: Array, memory: Array, seconds: Array) -> tuple[float, float, float]:
    """ef, eb and c of least mean relative error, by a grid that is refined twice. `compute` and `memory` are the times
    at the whole peak and bandwidth."""
    picked = np.linspace(0, len(seconds) - 1, min(len(seconds), MOST_POINTS)).round().astype(int)
    compute, memory, seconds = compute[picked], memory[picked], seconds[picked]
    centre, reach, best = (-1.0, -1.0), 1.3, (np.inf, 1.0, 1.0, 0.0)
    for _ in range(3):
        grid = [np.minimum(1.2, np.exp(np.linspace(x - 2 * reach, x + 2 * reach, 15))) for x in centre]
        for ef in grid[0]:
            for eb in grid[1]:
                roof = np.maximum(compute / ef, memory / eb)
                c = max(0.0, _weighted_median(seconds - roof, 1 / seconds))
                error = float(np.mean(np.abs((roof + c) / seconds - 1)))
                if error < best[0]:
                    best = (error, float(ef), float(eb), c)
        centre, reach = (float(np.log(best[1])), float(np.log(best[2]))), reach / 4
    return best[1:]


def _weighted_median(values: Array, weights: Array) -> float:
    """The constant c that makes sum(weight |c - value|) least."""
    order = np.argsort(values)
    half = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(half, half[-1] / 2)])


def fit_bytes(size: Array, seconds: Array) -> Array:
    """a, b and g of a collective, none negative, by reweighted least squares on the relative error."""
    terms = np.stack([np.ones_like(size), size, np.sqrt(size)], axis=1) / seconds[:, None]
    scale = terms.max(axis=0)
    weight = np.ones_like(seconds)
    found = np.zeros(3)
    for _ in range(30):
        found = _non_negative(terms / scale * weight[:, None], weight)
        weight = 1 / np.sqrt(np.maximum(1e-3, np.abs(terms / scale @ found - 1)))
    return found / scale


def _non_negative(terms: Array, wanted: Array) -> Array:
    """Least squares over the sets of terms; the best solution without a negative constant."""
    best, least = np.zeros(terms.shape[1]), np.inf
    for chosen in range(1, 1 << terms.shape[1]):
        columns = [i for i in range(terms.shape[1]) if chosen >> i & 1]
        part = np.linalg.lstsq(terms[:, columns], wanted, rcond=None)[0]
        miss = float(np.sum((terms[:, columns] @ part - wanted) ** 2))
        if (part >= 0).all() and miss < least:
            least, best = miss, np.zeros(terms.shape[1])
            best[columns] = part
    return best


def visible_part(work: Work) -> float:
    """The part of an attention's pairs that a causal mask or a window leaves, for kernels that skip the rest."""
    q, kv = work.dim("q"), max(1, work.dim("kv"))
    if work.dim("reach", kv) < kv:
        return work.dim("reach") / kv
    if not work.dim("causal", 0) or q > kv:
        return 1.0
    return 1.0 - (q - 1) / (2 * kv)
