"""Workers: every question is answered once; each keeps to its own lane until nothing is left in it."""

from __future__ import annotations

import multiprocessing
import threading

import pytest

from mapper.execution.forked import _turns, spread


@pytest.mark.parametrize(("workers", "lanes"), [(1, 2), (2, 1), (2, 2), (3, 2), (2, 5), (4, 3)])
def test_every_question_is_answered_whatever_the_lanes(workers: int, lanes: int) -> None:
    found = list(spread(lambda i: 2 * i, 17, workers, threading.Event(), lanes))
    assert sorted(found) == [(i, 2 * i) for i in range(17)]


def test_a_worker_takes_what_is_left_of_other_lanes_when_its_own_is_done() -> None:
    turns = multiprocessing.get_context("fork").Array("i", 2)
    first, second = _turns(0, 9, turns), _turns(1, 9, turns)
    assert [next(first), next(second), next(second)] == [0, 1, 3]
    assert list(first) == [2, 4, 6, 8, 5, 7]
    assert list(second) == []
