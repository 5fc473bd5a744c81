"""How long loops tell how far they are."""

from __future__ import annotations

from collections.abc import Callable

Counted = Callable[[str, int, int], None]
"""Told what is being done, how many of it are done, and of how many; 0 of 0 where nobody knows yet."""


def uncounted(what: str, done: int, total: int) -> None:
    """Tell nobody."""
