"""Settings on the command line: NAME=NUMBER."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mapper.errors import UsageError

_NUMBER = re.compile(r"-?[0-9]+")
_DIGITS = 19
"""Digits of a number at most: 2^63 has as many."""
_EXAMPLES = {"--dim": "seq=128", "--expect": "nonzero_3=16", "--mix": "a=3"}


def settings(flag: str, texts: Sequence[str]) -> dict[str, int]:
    """The numbers by name; a text of another form, a number out of all bounds and a name given twice are refused."""
    found: dict[str, int] = {}
    for text in texts:
        name, equals, number = (part.strip() for part in text.rpartition("="))
        if equals and name and ".." in number:
            raise UsageError(f'{flag} {text}: a range belongs to a phase, as in --phase "run: {text}"')
        if not equals or not name or not _NUMBER.fullmatch(number):
            raise UsageError(f"{flag} {text}: write a name and a whole number, as in {flag} {_EXAMPLES[flag]}")
        if len(number.lstrip("-")) > _DIGITS:
            raise UsageError(f"{flag} {text}: the number has more than {_DIGITS} digits")
        if name in found:
            raise UsageError(f"{flag} gives '{name}' twice: {found[name]} and {number}; keep one of them")
        found[name] = int(number)
    return found
