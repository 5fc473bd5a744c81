"""Sweeps over seeds or names: a part of each in the fast tests, the rest in the slow ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def sweep(values: Sequence[Any], fast: int) -> list[Any]:
    """The values as parameters of a test, all but the first `fast` of them marked slow."""
    return [*values[:fast], *(pytest.param(value, marks=pytest.mark.slow) for value in values[fast:])]
