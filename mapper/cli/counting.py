"""Whole numbers that users write."""

from __future__ import annotations

from mapper.errors import UsageError


def count(flag: str, text: str, other: str = "auto") -> int:
    """The whole number of 1 or more that a text is. other: the word that may stand in its place. Raises UsageError."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 10**9):
        raise UsageError(f"{flag} {text}: write a whole number of 1 or more, or {other}")
    return int(text)
