"""First fit, compiled: the placed buffers in arrays sorted by offset, one pass over them for each buffer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True, nogil=True)
def first_fit(sizes: Array, starts: Array, ends: Array, order: Array) -> Array:
    """Offsets in units: each buffer in turn at the lowest offset where it fits among those already placed."""
    count = len(order)
    offsets = np.zeros(len(sizes), dtype=np.int64)
    low, high = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    born, dead = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    for n in range(count):
        i = order[n]
        size, start, end = sizes[i], starts[i], ends[i]
        offset = 0
        for k in range(n):
            if born[k] < end and dead[k] > start:
                if low[k] - offset >= size:
                    break
                offset = max(offset, high[k])
        offsets[i] = offset
        at = np.searchsorted(low[:n], offset)
        for k in range(n, at, -1):
            low[k], high[k], born[k], dead[k] = low[k - 1], high[k - 1], born[k - 1], dead[k - 1]
        low[at], high[at], born[at], dead[at] = offset, offset + size, start, end
    return offsets
