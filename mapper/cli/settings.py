"""Settings on the command line: NAME=NUMBER."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.errors import UsageError


def settings(flag: str, texts: Sequence[str]) -> dict[str, int]:
    """The numbers by name; a text of another form is refused."""
    found = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        if not equals or not name.strip() or not number.strip().lstrip("-").isdigit():
            raise UsageError(f"{flag} {text}: write a name and a whole number, as in {flag} seq=128")
        found[name.strip()] = int(number)
    return found
