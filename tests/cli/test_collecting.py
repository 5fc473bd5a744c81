from __future__ import annotations

import gc

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
