from __future__ import annotations

import gc
import weakref

import pytest

from mapper.cli.collecting import uncollected


@uncollected()
def fails() -> None:
    assert not gc.isenabled()
    raise ValueError("as asked")


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_is_afterwards_as_it_was_whatever_happens(on: bool) -> None:
    (gc.enable if on else gc.disable)()
    try:
        with pytest.raises(ValueError, match="as asked"):
            fails()
        assert gc.isenabled() is on
    finally:
        gc.enable()


def test_what_was_made_meanwhile_is_not_looked_through_at_once() -> None:
    looked: list[str] = []

    def seen(phase: str, info: dict[str, int]) -> None:
        looked.append(phase)

    gc.enable()
    with uncollected():
        kept = [[i] for i in range(10 * gc.get_threshold()[0])]
        gc.callbacks.append(seen)
    try:
        more = [[i] for i in range(gc.get_threshold()[0] // 10)]
    finally:
        gc.callbacks.remove(seen)
    assert not looked
    assert len(kept) == 100 * len(more)


def test_garbage_made_meanwhile_is_still_collected_later() -> None:
    class Node:
        def __init__(self) -> None:
            self.own = self

    with uncollected():
        gone = weakref.ref(Node())
    gc.collect()
    assert gone() is None
