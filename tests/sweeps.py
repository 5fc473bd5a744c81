"""Sweeps over seeds, names or examples: a part of each in the fast tests, the rest or all in the slow ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import settings

Test = TypeVar("Test", bound=Callable[..., None])


def sweep(values: Sequence[Any], fast: int) -> list[Any]:
    """The values, or tuples of them, as parameters of a test: all but the first `fast` are marked slow."""
    rest = (value if isinstance(value, tuple) else (value,) for value in values[fast:])
    return [*values[:fast], *(pytest.param(*value, marks=pytest.mark.slow) for value in rest)]


def examples(fast: int, full: int, **others: Any) -> Callable[[Test], Test]:
    """A property of hypothesis, of so many examples in the fast tests; the slow ones run it too, with the full number.

    Which of the two are run, conftest.py tells by the profile. others: further settings."""
    count = fast if settings.get_current_profile_name() == "fast" else full
    return lambda test: pytest.mark.in_both(settings(max_examples=count, **others)(test))
