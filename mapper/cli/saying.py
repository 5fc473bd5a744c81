"""What the commands print on standard output: text that steers no terminal, to a reader who may leave early."""

from __future__ import annotations

import os
import sys

from mapper.errors import plain


def say(text: str) -> None:
    """Print a text of whole lines. Names of models are data: their control characters are spelled out. That a reader
    left early (`| head`) is no failure of the command: what it returns stays as it is."""
    encoding = sys.stdout.encoding or "utf-8"
    known = _drawn(plain(text, keep="\n"), encoding).encode(encoding, "backslashreplace").decode(encoding)
    try:
        sys.stdout.write(known)
        sys.stdout.flush()
    except BrokenPipeError:
        silence_output()


_DRAWN = str.maketrans("█░▁▂▃▄▅▆▇·±…│─", "#.__--==#*~~|-")
"""What bars, sparklines and signs become where the encoding has none of them."""


def _drawn(text: str, encoding: str) -> str:
    """The text with drawings that the encoding can show."""
    try:
        "█▁…".encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_DRAWN)
    return text


def silence_output() -> None:
    """What is still buffered goes nowhere: there is no one to read it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
