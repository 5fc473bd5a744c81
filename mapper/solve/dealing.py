"""Dealing: which pieces of a chain go to which bin, where only how many of each class a bin takes is settled.

A request goes through the bins in the order of the chain. The fewer visits that takes, the fewer moves there are, and
the less requests come upon one another: queues of re-entrant lines grow with the visits that a call pays to one unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

HORIZON = 64
"""Pieces that the choice of the next bin looks ahead."""


def dealt(chain: Sequence[int], counts: Ints) -> tuple[int, ...]:
    """The bin of each piece of a chain of classes; counts[bin, class] sum up to the pieces of each class, and bins are
    alike: they are numbered anew, in the order of the chain. Of two ways to deal the one that changes bins less often:
    of each class the first to the first bin and so on, or `_in_runs`."""
    even, runs = _in_turn(chain, counts), _in_runs(chain, counts)
    return runs if changes(runs) < changes(even) else even


def changes(bins: Sequence[int]) -> int:
    """How often a piece lies in another bin than the piece before it."""
    return sum(a != b for a, b in pairwise(bins))


def _in_turn(chain: Sequence[int], counts: Ints) -> tuple[int, ...]:
    """Of each class the first to the first bin that takes any, and so on."""
    order = [[b for b, many in enumerate(column) for _ in range(many)] for column in counts.T.tolist()]
    taken = [0] * len(order)
    found = []
    for c in chain:
        found.append(order[c][taken[c]])
        taken[c] += 1
    return tuple(found)


def _in_runs(chain: Sequence[int], counts: Ints) -> tuple[int, ...]:
    """Piece by piece into the same bin as long as that takes one of the class; then into the bin that can take the most
    of what follows, of those begun if one takes the piece at all, so that none is open for long."""
    left = counts.tolist()
    begun: list[int] = []
    found: list[int] = []
    for at, c in enumerate(chain):
        if not found or not left[found[-1]][c]:
            some = [b for b in begun if left[b][c]] or [b for b in range(len(left)) if b not in begun and left[b][c]]
            found.append(max(some, key=lambda b: (_run(chain, left[b], at), -b)))
            if found[-1] not in begun:
                begun.append(found[-1])
        else:
            found.append(found[-1])
        left[found[-1]][c] -= 1
    number = {b: k for k, b in enumerate(begun)}
    return tuple(number[b] for b in found)


def _run(chain: Sequence[int], left: Sequence[int], at: int) -> int:
    """How many pieces in a row, from one on, a bin could take."""
    taken = dict[int, int]()
    for k, c in enumerate(chain[at : at + HORIZON]):
        taken[c] = taken.get(c, 0) + 1
        if taken[c] > left[c]:
            return k
    return min(HORIZON, len(chain) - at)
