"""From a relaxation's shares to a placement: consecutive members of a class take the same option, in runs."""

from __future__ import annotations

import numpy as np

from mapper.solve.placement.problem import Solution
from mapper.solve.placement.tables import Floats, Tables


def rounded(tables: Tables, shares: tuple[Floats, ...]) -> Solution:
    """Whole options by largest remainder; rules may be broken, which the descent mends."""
    groups: dict[tuple[str, int, bytes], list[int]] = {}
    for i, (item, share) in enumerate(zip(tables.problem.items, shares, strict=True)):
        groups.setdefault((item.repeat, item.phase, share.tobytes()), []).append(i)
    choice = [0] * len(shares)
    for members in groups.values():
        counts = _whole(shares[members[0]], len(members))
        places = tables.places[members[0]]
        order = np.lexsort((np.arange(len(places)), places))
        run = [int(o) for o in order for _ in range(counts[o])]
        for i, o in zip(members, run, strict=True):
            choice[i] = o
    return Solution(tuple(choice))


def _whole(share: Floats, many: int) -> list[int]:
    """Whole counts that sum to `many`, nearest to the shares."""
    total = float(share.sum())
    wanted = share * (many / total) if total > 0 else np.full(len(share), many / len(share))
    counts = [int(x) for x in np.floor(wanted + 1e-9)]
    remainders = sorted(range(len(counts)), key=lambda o: (counts[o] - wanted[o], o))
    for o in remainders[: many - sum(counts)]:
        counts[o] += 1
    return counts
