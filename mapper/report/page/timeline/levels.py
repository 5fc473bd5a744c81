"""How much of each memory channel is taken from each moment on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MOST = 1500
"""Steps of a line: of more, those that follow one another most closely are drawn as their mean."""

Span = tuple[int, int, float]
"""Start, end and the share of a channel taken, of 1."""


def steps(spans: Iterable[Span], begin: int, end: int, most: int = MOST) -> list[tuple[int, float]]:
    """Times with the share that is taken from then on, in the mean of stretches so short that there are at most so many
    steps; the first at `begin`, the last at `end`."""
    changes: dict[int, float] = {}
    for start, stop, share in spans:
        first, last = max(begin, start), min(end, stop)
        if first < last:
            changes[first] = changes.get(first, 0.0) + share
            changes[last] = changes.get(last, 0.0) - share
    times = sorted(changes)
    if len(times) > most:
        return _means(times, changes, begin, end, most)
    found, level = [(begin, 0.0)], 0.0
    for at in times:
        level += changes[at]
        if at == found[-1][0]:
            found.pop()
        found.append((at, round(max(0.0, level), 3)))
    return found if found[-1][0] == end else [*found, (end, 0.0)]


def _means(times: Sequence[int], changes: dict[int, float], begin: int, end: int, most: int) -> list[tuple[int, float]]:
    """The mean share of stretches of equal length."""
    each = max(1, -(-(end - begin) // most))
    areas = [0.0] * (-(-(end - begin) // each))
    level = 0.0
    for at, until in zip(times, [*times[1:], end], strict=True):
        level += changes[at]
        while at < until:
            k = (at - begin) // each
            stop = min(until, begin + (k + 1) * each)
            areas[k] += level * (stop - at)
            at = stop
    return [(begin + k * each, round(max(0.0, area) / each, 3)) for k, area in enumerate(areas)] + [(end, 0.0)]
