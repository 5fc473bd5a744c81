"""Budgets: shares of work and of time."""

from __future__ import annotations

import math
import time

from mapper.solve.budget import Budget


def test_a_part_has_its_share_of_the_work_and_all_else_as_it_was() -> None:
    whole = Budget(6.0, seed=3, deadline=time.monotonic() + 60, workers=2)
    part = whole.part(0.5)
    assert (part.deterministic_seconds, part.seed, part.deadline, part.workers) == (3.0, 3, whole.deadline, 2)
    assert part.stop is whole.stop


def test_a_slice_has_its_share_of_the_time_left_too() -> None:
    whole = Budget(math.inf, deadline=time.monotonic() + 60)
    assert 29 < whole.slice(0.5).seconds_left() <= 30
    assert whole.slice(0.5).deterministic_seconds == math.inf


def test_without_a_deadline_the_time_left_is_infinite() -> None:
    assert Budget().seconds_left() == math.inf
    assert Budget().slice(0.1).deadline is None


def test_a_past_deadline_or_a_stop_ends_the_search() -> None:
    assert Budget(deadline=time.monotonic() - 1).over()
    assert Budget(deadline=time.monotonic() - 1).seconds_left() == 0
    stopped = Budget()
    assert not stopped.over()
    stopped.stop.set()
    assert stopped.slice(0.5).over()
