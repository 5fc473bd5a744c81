"""The shortest ways between places, against all ways that there are."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from mapper.hw.target import Link
from mapper.hw.ways import Hop, Leaving, Ways

PLACES = "abcdef"


def network(random: Random) -> Leaving:
    """A few places with links of two prices, so that many ways are equally long."""
    leaving: dict[str, list[tuple[str, int, Hop]]] = {place: [] for place in PLACES}
    for i in range(random.randrange(12)):
        (a, b), price = random.sample(PLACES, 2), random.choice((1, 2))
        link = Link(f"w{random.randrange(9)}.{i}", "w", a, b, 1.0, 0.0, 0.0)
        for here, there in ((a, b), (b, a)):
            leaving[here].append((there, price * len(PLACES) + 1, Hop(link, here, there)))
    return leaving


def every_way(leaving: Leaving, start: str, end: str, seen: str = "") -> Iterator[tuple[int, tuple[str, ...]]]:
    """Length and names of all ways that pass no place twice."""
    if start == end:
        yield 0, (start,)
        return
    for there, length, hop in leaving[start]:
        if there not in seen + start:
            for more, names in every_way(leaving, there, end, seen + start):
                yield length + more, (start, hop.link.name, *names)


def test_the_way_found_is_the_first_of_the_shortest() -> None:
    random = Random(7)
    for _ in range(60):
        leaving, starts = network(random), sorted(random.sample(PLACES, random.randint(1, 2)))
        ways = Ways(starts, leaving)
        for end in random.sample(PLACES, len(PLACES)):
            least = min((way for start in starts for way in every_way(leaving, start, end)), default=None)
            assert ways.length(end) == (least[0] if least else None)
            if least:
                assert ways.names(end) == least[1]
                assert sum(hop.link.name in least[1] for hop in ways.hops(end)) == len(least[1]) // 2
