"""Nightly entries of cron: a marked block in the user's crontab, whose other lines stay byte for byte."""

from __future__ import annotations

import shlex
import shutil

from mapper.errors import MapperError, UsageError
from mapper.regress.schedule import Entry, Nightly, called

LONGEST = 990
"""Bytes of a command that every cron takes: the oldest ones have room for 1000."""


def install(nightly: Nightly) -> tuple[str, ...]:
    """Write the entry, in place of the one that is there; what was done, in sentences. Raises MapperError."""
    before = _read()
    after = with_entry(before, nightly)
    if after != before:
        _write(after)
    return ("an entry in your crontab (crontab -l shows it)",)


def remove(name: str) -> tuple[str, ...]:
    """Take the entry away if it is there; what was done."""
    if shutil.which("crontab") is None:
        return ()
    before = _read()
    after = without_entry(before, name)
    if after == before:
        return ()
    _write(after)
    return ("the entry in your crontab is gone",)


def installed(name: str) -> Entry | None:
    """The entry that is there."""
    if shutil.which("crontab") is None:
        return None
    lines = _read().split(b"\n")
    found = _block(lines, name)
    if found is None:
        return None
    inside = [line for line in lines[found.start + 1 : found.stop - 1] if line and not line.startswith(b"#")]
    minute, hour, *_ = [*(inside[0] if inside else b"").decode(errors="replace").split(), "", ""]
    at = f"{int(hour):02}:{int(minute):02}" if hour.isdecimal() and minute.isdecimal() else f"{minute} {hour}"
    return Entry("cron", at, "crontab -l")


def with_entry(text: bytes, nightly: Nightly) -> bytes:
    """A crontab with the entry: where the one of the suite was, else at its end."""
    lines = text.split(b"\n")
    new = [line.encode() for line in (*_marks(nightly.name)[:1], line_of(nightly), *_marks(nightly.name)[1:])]
    found = _block(lines, nightly.name)
    if found is not None:
        lines[found.start : found.stop] = new
        return b"\n".join(lines)
    if lines[-1]:  # its last line had no end, without which cron takes no crontab
        lines.append(b"")
    return b"\n".join([*lines[:-1], *new, b""])


def without_entry(text: bytes, name: str) -> bytes:
    """A crontab without the entry of that name."""
    lines = text.split(b"\n")
    found = _block(lines, name)
    if found is not None:
        del lines[found.start : found.stop]
    return b"\n".join(lines)


def line_of(nightly: Nightly) -> str:
    """The line of cron. Raises UsageError for one that is too long for it.

    A % that is not escaped would end the command. Some crons take a backslash for an escape only before a %, others
    before a backslash, too: here each is followed by an empty pair of quotes, which sh does not see.
    """
    command = shlex.join(nightly.words).replace("\\", "\\''").replace("%", "\\%")
    if len(command.encode()) > LONGEST:
        raise UsageError(
            f"cron takes commands of {LONGEST} bytes, this one has {len(command.encode())}",
            hint="use shorter paths or fewer filters, or --install systemd",
        )
    return f"{nightly.at.minute} {nightly.at.hour} * * * {command}"


def _marks(name: str) -> tuple[str, str]:
    return f"# BEGIN {name} (mapper regress schedule)", f"# END {name}"


def _block(lines: list[bytes], name: str) -> slice | None:
    """Where the lines of an entry are, its marks among them; None where there is none."""
    begin, end = (mark.encode() for mark in _marks(name))
    if begin not in lines:
        return None
    start = lines.index(begin)
    if end not in lines[start:]:
        raise MapperError(f"your crontab has '{begin.decode()}' and no '{end.decode()}' after it", hint="crontab -e")
    return slice(start, lines.index(end, start) + 1)


def _read() -> bytes:
    """The user's crontab as it is. Whatever is wrong but for there being none is an error: it must not be lost."""
    if shutil.which("crontab") is None:
        raise MapperError("there is no `crontab` here", hint="install cron, or use --install systemd")
    code, text, complaint = called(["crontab", "-l"])
    if code and "no crontab for" in complaint:
        return b""
    if code:
        raise MapperError(f"crontab -l: {complaint or f'exit code {code}'}")
    return text


def _write(text: bytes) -> None:
    code, _, complaint = called(["crontab", "-"] if text else ["crontab", "-r"], text)
    if code:
        raise MapperError(f"crontab: {complaint or f'exit code {code}'}", hint="your crontab stays as it was")
