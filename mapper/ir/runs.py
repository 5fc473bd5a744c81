"""Repeated blocks: stretches of ops that come again and again, as the layers of a transformer do."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.int64]

_LONGEST = 2048
"""Ops of one block at most; a layer has tens, spelled out hundreds."""
_EARLIER = 4
"""Earlier places of an item that are looked at."""
_FEWEST = 8
"""Items of a run at least: two equal pairs are no layers."""
MOST = 12
"""Kinds of blocks looked for, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Run:
    """`times` equal blocks of `length` items each, one after another from `start` on."""

    start: int
    length: int
    times: int

    @property
    def end(self) -> int:
        """The first position after the last block."""
        return self.start + self.length * self.times


def runs(labels: Sequence[object], most: int = MOST) -> list[Run]:
    """At most so many stretches in which blocks of at least two items repeat, those that cover most first found, in
    order of place.

    Greedy: the run that covers the most items, with the shortest block that does; then the same before and after it.
    """
    numbers = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    coded = np.array([numbers[label] for label in labels], dtype=np.int64)
    found: list[Run] = []
    waiting = [(0, len(coded))]
    while waiting and len(found) < most:
        start, end = waiting.pop()
        best = _best(coded[start:end])
        if best is not None and best.length * best.times >= _FEWEST:
            run = Run(start + best.start, best.length, best.times)
            found.append(run)
            waiting += [(start, run.start), (run.end, end)]
    return sorted(found, key=lambda run: run.start)


def _best(coded: Array) -> Run | None:
    """The run that covers the most of the items; None where nothing longer than one item repeats."""
    best: Run | None = None
    for period in _periods(coded):
        equal = coded[:-period] == coded[period:]
        edges = np.flatnonzero(np.diff(np.concatenate(([0], equal.astype(np.int8), [0]))))
        if not len(edges):
            continue
        lengths = edges[1::2] - edges[::2]
        longest = int(np.argmax(lengths))
        run = Run(int(edges[2 * longest]), period, 1 + int(lengths[longest]) // period)
        if run.times > 1 and (best is None or run.length * run.times > best.length * best.times):
            best = run
    return best


def _periods(coded: Array) -> list[int]:
    """Distances at which an item comes again, the shortest first: no block repeats at any other.

    A few earlier places count, as an item may stand several times in a block.
    """
    places: dict[int, deque[int]] = {}
    distances: set[int] = set()
    for place, label in enumerate(coded.tolist()):
        before = places.setdefault(label, deque(maxlen=_EARLIER))
        distances.update(place - earlier for earlier in before)
        before.append(place)
    return sorted(d for d in distances if 2 <= d <= _LONGEST)
