"""Settings on the command line: NAME=NUMBER."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mapper.errors import UsageError

_NUMBER = re.compile(r"-?[0-9]{1,19}")


def settings(flag: str, texts: Sequence[str]) -> dict[str, int]:
    """The numbers by name; a text of another form is refused."""
    found = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        if not equals or not name.strip() or not _NUMBER.fullmatch(number.strip()):
            raise UsageError(f"{flag} {text}: write a name and a whole number, as in {flag} seq=128")
        found[name.strip()] = int(number)
    return found
