"""What the commands print on standard output: text that steers no terminal, to a reader who may leave early."""

from __future__ import annotations

import os
import sys

from mapper.errors import plain


def say(text: str) -> None:
    """Print a text of whole lines. Names of models are data: their control characters are spelled out. That a reader
    left early (`| head`) is no failure of the command: what it returns stays as it is."""
    encoding = sys.stdout.encoding or "utf-8"
    known = plain(text, keep="\n").encode(encoding, "backslashreplace").decode(encoding)
    try:
        sys.stdout.write(known)
        sys.stdout.flush()
    except BrokenPipeError:
        silence_output()


def silence_output() -> None:
    """What is still buffered goes nowhere: there is no one to read it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
