"""Lifetimes of buffers, and what the reuse of their bytes makes others wait for."""

from __future__ import annotations

from cost_builders import activity, program

from mapper.cost.liveness import lives, waits
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
