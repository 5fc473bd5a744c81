"""Lists of numbers one after another in one array: what loops over millions of them start from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt


def flat(runs: Sequence[Sequence[int]], most: int) -> npt.NDArray[np.int64]:
    """All numbers of the runs, none above `most` nor below -most, however large they are."""
    count = sum(map(len, runs))
    try:
        found = np.fromiter(chain.from_iterable(runs), np.int64, count)
    except OverflowError:
        found = np.fromiter((max(-most, min(number, most)) for run in runs for number in run), np.int64, count)
    clipped: npt.NDArray[np.int64] = np.clip(found, -most, most, out=found)
    return clipped
