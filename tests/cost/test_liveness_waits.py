"""Lifetimes of buffers, and what the reuse of their bytes makes others wait for."""

from __future__ import annotations

import random

from cost_builders import activity, program
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.cost.liveness import Life, lives, waits
from mapper.cost.orders import needed
from mapper.cost.program import Program
from mapper.cost.replay import Call
from mapper.ir.plan import Buffer

LINE = Program(
    "run",
    (
        activity("a", 10, makes=(("x", "m", 64),), reads=((-1, "in"),)),
        activity("b", 10, after=(0,), makes=(("y", "m", 64),), reads=((0, "x"),)),
        activity("c", 10, after=(1,), makes=(("out", "m", 64),), reads=((1, "y"),)),
    ),
    (("in", "m", 32),),
    ((2, "out"),),
    (("u", 1),),
)
CALL = Call("run", 35, (0, 10, 20), (10, 20, 30), ())


def test_a_buffer_lives_from_its_makers_start_to_its_last_readers_end() -> None:
    found = {x.name: (x.start, x.end) for x in lives(LINE, CALL)}
    assert found == {"in of given": (0, 10), "x of a": (0, 20), "y of b": (10, 30), "out of c": (20, 35)}


def test_what_nobody_reads_lives_while_it_is_made() -> None:
    alone = program(activity("a", 10, makes=(("x", "m", 64),)))
    (life,) = lives(alone, Call("run", 10, (3,), (13,), ()))
    assert (life.start, life.end) == (3, 13)


def test_what_is_made_and_read_in_no_time_needs_no_buffer() -> None:
    alone = program(activity("view", 0, makes=(("x", "m", 64),)))
    assert lives(alone, Call("run", 0, (3,), (3,), ())) == ()


def buffers(**offsets: int) -> list[Buffer]:
    return [Buffer(x.name, "run", "m", offsets[x.name[0]], x.size, x.start, x.end) for x in lives(LINE, CALL)]


def test_who_overwrites_bytes_waits_for_their_readers() -> None:
    assert waits(LINE, CALL, buffers(i=0, x=64, y=128, o=64)) == ((), (), (1,)), "out lies where x was, which b reads"


def test_who_reuses_the_bytes_of_an_input_waits_for_its_readers() -> None:
    assert waits(LINE, CALL, buffers(i=0, x=64, y=0, o=192)) == ((), (0,), ())


def test_bytes_apart_make_nobody_wait() -> None:
    assert waits(LINE, CALL, buffers(i=0, x=64, y=128, o=192)) == ((), (), ())


def test_buffers_of_another_phase_do_not_count() -> None:
    other = [Buffer(b.value, "other", b.memory, 0, b.size, b.start, b.end) for b in buffers(i=0, x=0, y=0, o=0)]
    assert waits(LINE, CALL, other) == ((), (), ())


def some_call(seed: int, least: int = 0) -> tuple[Program, Call, list[Buffer]]:
    """A random call on a machine without limits, and its buffers packed one by one at the lowest free bytes."""
    r = random.Random(seed)
    rows = []
    for i in range(r.randint(1, 14)):
        after = tuple(sorted(r.sample(range(i), r.randint(0, min(2, i)))))
        made = ((f"x{i}", "m", r.randint(1, 4)),) if r.random() < 0.9 else ()
        reads = tuple((j, f"x{j}") for j in after if rows[j].makes)
        rows.append(activity(f"a{i}", r.randint(least, 3), after=after, makes=made, reads=reads))
    one = program(*rows)
    starts: list[int] = []
    for i, row in enumerate(rows):
        ready = max((starts[j] + rows[j].ticks for j in row.after), default=0)
        starts.append(ready + r.randint(0, 2) * (i % 2))
    ends = [s + row.ticks for s, row in zip(starts, rows, strict=True)]
    call = Call("run", max(ends), tuple(starts), tuple(ends), ())
    found: list[Buffer] = []
    for x in lives(one, call):
        beside = [b for b in found if b.start < x.end and x.start < b.end]
        lowest = next(o for o in range(1000) if all(b.offset + b.size <= o or o + x.size <= b.offset for b in beside))
        found.append(Buffer(x.name, "run", "m", lowest, x.size, x.start, x.end))
    return one, call, found


def closure(one: Program, orders: list[set[int]]) -> list[set[int]]:
    """All that must have ended before each activity."""
    found = [set(row.after) | order for row, order in zip(one.activities, orders, strict=True)]
    while True:
        wider = [before.union(*(found[j] for j in before)) for before in found]
        if wider == found:
            return found
        found = wider


def by_definition(one: Program, call: Call, packed: list[Buffer]) -> list[set[int]]:
    """Whoever overwrites bytes waits for all who ever used them."""
    pairs = [(b, x) for b in packed for x in lives(one, call) if x.name == b.value]
    found: list[set[int]] = [set() for _ in one.activities]

    def users(x: Life) -> set[int]:
        return set(x.readers or (x.maker,))

    for b, later in pairs:
        for a, earlier in pairs:
            if a.end <= b.start and a.offset < b.offset + b.size and b.offset < a.offset + a.size:
                found[later.maker] |= users(earlier) - {later.maker}
    return found


@examples(30, 100)
@given(st.integers(0, 10**6))
def test_what_lay_there_last_is_all_there_is_to_wait_for(seed: int) -> None:
    one, call, packed = some_call(seed)
    last = [set(row) for row in waits(one, call, packed)]
    assert closure(one, last) == closure(one, by_definition(one, call, packed))


@examples(30, 100)
@given(st.integers(0, 10**6))
def test_what_follows_from_the_rest_is_left_out_and_nothing_else(seed: int) -> None:
    one, call, packed = some_call(seed, least=1)
    whole = by_definition(one, call, packed)
    few = [set(row) for row in needed(one, call, whole)]
    assert closure(one, few) == closure(one, whole)
    for i, row in enumerate(few):
        for j in row:
            others = [other - {j} if k == i else other for k, other in enumerate(few)]
            assert j not in closure(one, others)[i]
