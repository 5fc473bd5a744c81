"""A nightly run of a suite: the command that the system's own scheduler is to start, and what it may be made of."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path

from mapper.errors import MapperError, UsageError

LOG = "nightly.log"

_SCRIPT = (
    'mkdir -p "$2" && {{ date; "$0" -m mapper regress run "$1" --out "$2"{run}; ran=$?; '
    '"$0" -m mapper regress compare "$1" --out "$2"{compare}; held=$?; }} >>"$2"/{log} 2>&1; '
    '[ "$ran$held" = 00 ] || {{ echo "mapper regress FAILED: see $2/{log}"; exit 1; }}'
)
"""What is started, for sh; $0 is the interpreter, $1 the file of cases, $2 the folder of results. A run that ends with
an error is told even where the comparison, of the run before, would pass."""


@dataclass(frozen=True)
class Nightly:
    """A suite that is to be run and compared every night. cases, out, python: absolute paths; run, compare: further
    options of each command.

    Raises UsageError for a word that no scheduler can hold.
    """

    cases: Path
    out: Path
    python: Path
    at: time
    run: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for word in self.words:
            bad = next((c for c in word if unicodedata.category(c) in ("Cc", "Cs")), None)
            if bad is not None:
                raise UsageError(
                    f"{word!r} holds {bad!r}, which no line of a scheduler can",
                    hint="use a path without such characters",
                )

    @property
    def name(self) -> str:
        """The name of the entry."""
        return name_of(self.cases)

    @property
    def words(self) -> tuple[str, ...]:
        """The command, with its program first."""
        run, compare = ("".join(f" {shlex.quote(word)}" for word in words) for words in (self.run, self.compare))
        script = _SCRIPT.format(run=run, compare=compare, log=LOG)
        return ("/bin/sh", "-c", script, str(self.python), str(self.cases), str(self.out))


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as a scheduler has it. at: HH:MM, or whatever somebody wrote there; where: its file, or in words."""

    scheduler: str
    at: str
    where: str


def name_of(cases: Path) -> str:
    """The name of a suite's entry: the same whenever it is the same file of cases, and for no other one."""
    stem = re.sub(r"[^A-Za-z0-9_.]+", "-", cases.stem)[:40].strip("-.")
    return f"mapper-regress-{stem}-{hashlib.sha256(str(cases).encode(errors='surrogateescape')).hexdigest()[:8]}"


def time_of(text: str) -> time:
    """The time of day in a text. Raises UsageError."""
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text)
    if found is None:
        raise UsageError(f"--at {text}: write a time of day as HH:MM, from 00:00 to 23:59")
    return time(int(found[1]), int(found[2]))


def called(words: Sequence[str], given: bytes = b"") -> tuple[int, bytes, str]:
    """Exit code, output and complaint of a program, in English. Raises MapperError where it is not there."""
    try:
        environment = {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(list(words), input=given, capture_output=True, env=environment, check=False)
    except OSError as error:
        raise MapperError(f"{words[0]}: {error.strerror}") from None
    return done.returncode, done.stdout, " ".join(done.stderr.decode(errors="replace").split())
