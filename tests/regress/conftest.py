"""What the tests of regressions share: a small history of many nights."""

from __future__ import annotations

import pytest
from nights import Nights, nights_in


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """Ten cases over 24 nights. It is only read."""
    return nights_in(tmp_path_factory.mktemp("nights"), 10, 24)
