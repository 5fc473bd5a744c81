"""A thing that options need in several sizes is counted once, at the largest that is used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.solve.placement import problem as pb
from passes.place.kept import Kept

MEMORIES = {"near": 0, "far": 1}
NEED = st.tuples(st.sampled_from("abc"), st.sampled_from(sorted(MEMORIES)), st.integers(0, 5))


@examples(30, 100)
@given(st.lists(st.lists(NEED, max_size=4), min_size=1, max_size=5))
def test_what_is_used_in_several_sizes_takes_the_largest(wanted: list[list[tuple[str, str, int]]]) -> None:
    kept = Kept(MEMORIES)
    items = [
        pb.Item(f"item{i}", "", 0, (pb.Option("only", 0, 1, -1, (), 0, tuple(kept.index(*row) for row in rows)),))
        for i, rows in enumerate(wanted)
    ]
    found, residents = kept.settled(items)
    needed = {k for item in found for k in item.options[0].needs}
    largest: dict[tuple[str, str], int] = {}
    for what, memory, size in (row for rows in wanted for row in rows):
        largest[what, memory] = max(largest.get((what, memory), 0), size)
    for memory, m in MEMORIES.items():
        counted = sum(residents[k].bytes for k in needed if residents[k].memory == m)
        assert counted == sum(size for (_, where), size in largest.items() if where == memory)


def test_things_of_one_size_are_needed_as_they_are() -> None:
    kept = Kept(MEMORIES)
    needs = (kept.index("a", "near", 3), kept.index("a", "far", 4))
    items = [pb.Item("item", "", 0, (pb.Option("only", 0, 1, -1, (), 0, needs),))]
    assert kept.settled(items) == (
        tuple(items),
        (pb.Resident("a in near", 0, 3), pb.Resident("a in far", 1, 4)),
    )
