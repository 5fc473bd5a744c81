"""Commands that read a plan, say what it holds and end, without looking for cyclic garbage on the way."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Python's cyclic garbage collector rests: all that is read is kept to the end, and looking through it again and
    again takes a tenth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            _all_old()
            gc.enable()


def _all_old() -> None:
    """What was made meanwhile joins what has lived long: as young objects the next new one would have all of them
    looked through."""
    gc.freeze()
    gc.unfreeze()


def left_to_the_system() -> None:
    """The process is about to end, and its memory goes as a whole: Python does not look through it for cyclic garbage
    first, which takes another tenth of the time of a command that reads a plan."""
    gc.disable()
    gc.freeze()
