"""Searches beside each other: all are done, what fails is raised, and it ends the others."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from mapper.solve.threads import Ended, at_once


def test_all_works_are_done() -> None:
    done: list[int] = []
    at_once([lambda: done.append(1), lambda: done.append(2)], threading.Event())
    assert sorted(done) == [1, 2]


def test_ctrl_c_ends_the_threads_before_their_deadline() -> None:
    ended, seen = threading.Event(), threading.Event()

    def wait() -> None:
        if ended.wait(10):
            seen.set()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            at_once([wait, lambda: os.kill(os.getpid(), signal.SIGINT)], ended)
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen.is_set()


@pytest.mark.parametrize("place", [0, 1])
def test_what_fails_in_a_thread_is_raised_and_ends_the_other(place: int) -> None:
    ended, seen = Ended(threading.Event()), threading.Event()

    def fail() -> None:
        raise ValueError("broken")

    def wait() -> None:
        for _ in range(1000):
            if ended.is_set():
                seen.set()
                return
            threading.Event().wait(0.01)

    works = [wait, wait]
    works[place] = fail
    with pytest.raises(ValueError, match="broken"):
        at_once(works, ended)
    assert seen.is_set()


def test_whoever_stops_the_whole_search_ends_its_parts() -> None:
    outer = threading.Event()
    ended = Ended(outer)
    assert not ended.is_set()
    outer.set()
    assert ended.is_set()
