"""Sweeps over seeds or names: a part of each in the fast tests, the rest in the slow ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def sweep(values: Sequence[Any], fast: int) -> list[Any]:
    """The values, or tuples of them, as parameters of a test: all but the first `fast` are marked slow."""
    rest = (value if isinstance(value, tuple) else (value,) for value in values[fast:])
    return [*values[:fast], *(pytest.param(*value, marks=pytest.mark.slow) for value in rest)]
