"""`mapper regress schedule`."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from datetime import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from mapper.cli.counting import count
from mapper.cli.executing import guard_of, refuse_lone_address
from mapper.cli.saying import say
from mapper.errors import MapperError, UsageError, plain
from mapper.regress import schedule_cron, schedule_systemd
from mapper.regress.cases import cases, chosen
from mapper.regress.schedule import LOG, Entry, Nightly, name_of, time_of
from mapper.regress.suite import read_suite

_SCHEDULERS = {"systemd": schedule_systemd, "cron": schedule_cron}
_AT = time(2, 0)


def schedule(args: Namespace) -> int:
    """Write, remove or print the nightly entries of a suite."""
    path = _absolute(args.cases)
    if args.remove:
        if args.at:
            raise UsageError("--remove takes an entry away whenever it runs", hint="leave --at out")
        told = _removed(args.install, path)
    elif args.install:
        told = _installed(args, path)
    else:
        if args.at:
            raise UsageError("--at is for --install", hint=f"--install systemd|cron --at {args.at}")
        told = _there(path)
    say("".join(f"  {plain(line)}\n" for line in told))
    return 0


def _installed(args: Namespace, path: Path) -> list[str]:
    nightly = _nightly(args, path)
    suite = read_suite(path)
    count = len(chosen(cases(suite, path.parent), args.filter))
    done = _SCHEDULERS[args.install].install(nightly)
    told = [f"{count} cases of {suite.name} every night at {nightly.at:%H:%M}, by {args.install}", *done,
            f"what it prints goes to {nightly.out / LOG}"]  # fmt: skip
    others = _entries(path, args.install)
    return [*told, *(f"note: {e.scheduler} has an entry for it as well ({e.at}): --install {e.scheduler} --remove"
                     for e in others)]  # fmt: skip


def _removed(scheduler: str | None, path: Path) -> list[str]:
    meant = [scheduler] if scheduler else list(_SCHEDULERS)
    told = [line for name in meant for line in _SCHEDULERS[name].remove(name_of(path))]
    return told or [f"nothing was scheduled for {path} by {' or '.join(meant)}"]


def _there(path: Path) -> list[str]:
    found = _entries(path)
    return [f"{e.scheduler:<8} every night at {e.at}   {e.where}" for e in found] or [
        f"nothing is scheduled for {path}",
        "next: --install systemd, or --install cron",
    ]


def _entries(path: Path, but: str = "") -> list[Entry]:
    found = [module.installed(name_of(path)) for name, module in _SCHEDULERS.items() if name != but]
    return [entry for entry in found if entry is not None]


def _nightly(args: Namespace, path: Path) -> Nightly:
    refuse_lone_address(args)
    shared = [word for pattern in args.filter for word in ("--filter", pattern)]
    if args.db:
        shared += ["--db", _database(args.db)]
    run = list(shared)
    if args.models:
        run += ["--models", str(_folder(args.models))]
    if args.jobs:
        run += ["--jobs", args.jobs if args.jobs == "auto" else str(count("--jobs", args.jobs))]
    if args.executor:
        run += ["--executor", args.executor]
    if args.address:
        run += ["--address", args.address]
    guard = guard_of(args)
    if guard.seconds is not None:
        run += ["--case-seconds", f"{guard.seconds:g}"]
    if guard.memory_bytes is not None:
        run += ["--case-memory", f"{args.case_memory:g}"]
    compare = [*shared, *(["--baseline", str(_absolute(args.baseline))] if args.baseline else [])]
    at = time_of(args.at) if args.at else _AT
    return Nightly(path, _absolute(args.out), _absolute(sys.executable), at, tuple(run), tuple(compare))


def _absolute(text: str) -> Path:
    """A path as it will be found from anywhere; links stay: the interpreter of a virtual environment is one."""
    return Path(os.path.abspath(text))


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise UsageError(f"--models {text}: not a folder")
    return _absolute(text)


def _database(text: str) -> str:
    """The history as it will be found from anywhere. Raises UsageError for a password, which others could read."""
    if "://" not in text:
        return str(_absolute(text))
    try:
        parts = urlsplit(text)
        secret = parts.password or any(name == "password" for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    except ValueError as error:
        raise MapperError(f"--db: {error}") from None
    if secret:
        raise UsageError("--db has a password, which others could read in the entry", hint="put it into ~/.pgpass")
    return text
