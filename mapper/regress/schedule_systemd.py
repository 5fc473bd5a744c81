"""Nightly entries of systemd: a service and a timer of the user's own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

from mapper.emit.files import write_folder_atomically
from mapper.errors import MapperError
from mapper.regress.schedule import Entry, Nightly, called

_BY = "# written by `mapper regress schedule`, which also takes it away (--remove)\n"


def folder() -> Path:
    """Where the user's units are."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(config) if os.path.isabs(config) else Path.home() / ".config"
    return base / "systemd" / "user"


def install(nightly: Nightly) -> tuple[str, ...]:
    """Write the units, in place of those that are there, and have the timer begin; what was done, in sentences, and
    the commands that are left to do where systemd cannot be asked. Raises MapperError."""
    write_folder_atomically(folder(), units(nightly))
    timer = f"{nightly.name}.timer"
    commands = ["daemon-reload"], ["enable", "--now", timer]
    complaint = _asked(*commands)
    left = (f"not active yet: {complaint}", f"left to do: {_commands(*commands)}") if complaint else ()
    return (
        f"{folder() / timer} and .service",
        *left,
        "timers of users run only while they are logged in, unless they say: loginctl enable-linger",
    )


def remove(name: str) -> tuple[str, ...]:
    """Take the units away if they are there; what was done, and what is left to do."""
    wanted = folder() / "timers.target.wants" / f"{name}.timer"
    files = [wanted, *(folder() / f"{name}.{kind}" for kind in ("timer", "service"))]
    there = [file for file in files if file.is_symlink() or file.exists()]
    if not there:
        return ()
    complaint = _asked(["disable", "--now", f"{name}.timer"])
    for file in there:
        file.unlink(missing_ok=True)
    gone = f"{folder() / name}.timer and .service are gone"
    again = _asked(["daemon-reload"])
    if not (complaint or again):
        return (gone,)
    left = _commands(["stop", f"{name}.timer"], ["daemon-reload"])
    return (gone, f"a systemd that has read them may still go by them: {complaint or again}", f"left to do: {left}")


def installed(name: str) -> Entry | None:
    """The entry that is there."""
    file = folder() / f"{name}.timer"
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise MapperError(f"{file}: {error}") from None
    found = re.search(r"^OnCalendar=(?:\*-\*-\* )?(.*)$", text, re.MULTILINE)
    return Entry("systemd", found[1].removesuffix(":00") if found else "no time", str(file))


def units(nightly: Nightly) -> dict[str, str]:
    """The texts of both units, by their names."""
    about = f"mapper regress of {str(nightly.cases).replace('%', '%%')}, every night"
    service = (
        f"{_BY}[Unit]\nDescription={about}\n\n[Service]\nType=oneshot\n"
        f"ExecStart={' '.join(map(quoted, nightly.words))}\n"
    )
    timer = (
        f"{_BY}[Unit]\nDescription={about}\n\n[Timer]\nOnCalendar=*-*-* {nightly.at:%H:%M}:00\n"
        "Persistent=true\n\n[Install]\nWantedBy=timers.target\n"
    )
    return {f"{nightly.name}.service": service, f"{nightly.name}.timer": timer}


def quoted(word: str) -> str:
    """A word of ExecStart: in double quotes where it needs them; % begins a specifier, $ a variable, wherever it stands
    (systemd.service, "Command lines")."""
    if re.fullmatch(r"[\w./=-]+", word, re.ASCII):
        return word
    for character, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(character, escaped)
    return f'"{word}"'


def _asked(*commands: list[str]) -> str:
    """Have the user's systemd do this; why it did not, '' where it did."""
    if shutil.which("systemctl") is None:
        return "there is no `systemctl` here"
    for command in commands:
        code, _, said = called(["systemctl", "--user", *command])
        if code:
            return f"systemctl --user {command[0]}: {said or f'exit code {code}'}"
    return ""


def _commands(*commands: list[str]) -> str:
    return " && ".join(shlex.join(["systemctl", "--user", *command]) for command in commands)
