"""Joining a cluster of Ray, or having one of this machine's for a while, without a word of Ray's own."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import IO, Any

from mapper.errors import MapperError
from mapper.execution.local import PROC

CONNECT_S = 10.0
"""How long an address may take to answer; Ray itself tries for a minute."""
STDERR = 2
TOKEN = b"AuthToken"
"""In what Ray says where a cluster asks for a token that this process did not give."""
END_S = 10.0
"""How long the processes of a cluster may take to end."""
LOOK_S = 0.05
"""How often somebody looks whether they have."""
LOCAL = "local"
"""Ray's word for a new cluster of this machine."""
SILENT: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
SILENT_BY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."}
"""What Ray reads from the environment: the first when a cluster begins; the second when it is loaded, lines that its
daemons want on our terminal and that are not to be shown (`log_to_driver` does not keep these back)."""

UNWATCHED = {"memory_monitor_refresh_ms": 0}
"""Ray ends no workers where memory runs out, whichever they are: the system does, and takes the process of a job."""
_FAULTS = (OSError, ValueError, RuntimeError, ImportError)
"""What Ray raises where it cannot begin, besides errors of its own."""


@contextmanager
def joined(address: str | None, cpus: int | None) -> Iterator[Any]:
    """The module `ray`, connected: to the cluster at `address`, or that of RAY_ADDRESS, or to a new one of this machine
    with so many CPUs, which ends with the block. None: as many as there are cores. A connection that is there is used,
    and stays.

    Raises MapperError where Ray is not installed, and where the cluster does not answer or is of other versions.
    """
    ray = _ray()
    if ray.is_initialized():
        yield ray
        return
    address = address or os.environ.get("RAY_ADDRESS")
    with ExitStack() as undo:
        undo.enter_context(_silence())
        undo.enter_context(_own_sigterm())
        try:
            if address and address != LOCAL:
                undo.callback(ray.shutdown)
                _connect(ray, address)
            else:
                _begin(ray, cpus, undo)
        except (*_FAULTS, ray.exceptions.RayError) as error:
            where = f"joins no cluster at {address}" if address else "starts no cluster on this machine"
            raise MapperError(f"Ray {where}: {' '.join(str(error).split())}") from None
        _hear_sigterm()
        yield ray


def _connect(ray: Any, address: str) -> None:
    """Join a cluster. Raises MapperError for one that wants to know who asks."""
    _knock(address)
    with _stderr_aside() as file:
        try:
            ray.init(address, **SILENT)
        except (*_FAULTS, ray.exceptions.RayError):
            file.seek(0)
            if TOKEN not in file.read():
                raise
            hint = (
                "set RAY_AUTH_MODE=token, and have the token of the cluster in ~/.ray/auth_token (`ray get-auth-token`)"
            )
            raise MapperError(f"the cluster at {address} asks for a token", hint=hint) from None


def _begin(ray: Any, cpus: int | None, undo: ExitStack) -> None:
    """Begin a cluster of this machine."""
    folder = undo.enter_context(_folder())
    undo.callback(ray.shutdown)
    own = {"_temp_dir": folder, "object_spilling_directory": folder, "_system_config": UNWATCHED}
    with _environment({"TMPDIR": folder}):  # its workers are killed, and leave their sockets
        ray.init(LOCAL, num_cpus=cpus, include_dashboard=False, **own, **SILENT)


@contextmanager
def _folder() -> Iterator[str]:
    """A folder for what a cluster writes, and for the temporary files of its processes. After the block it is gone, and
    so are they."""
    folder = tempfile.mkdtemp(prefix="ray-")
    try:
        yield folder
    finally:
        until = time.monotonic() + END_S
        while _at_work(folder) and time.monotonic() < until:
            time.sleep(LOOK_S)
        shutil.rmtree(folder, ignore_errors=True)


def _at_work(folder: str) -> bool:
    """Whether a process is left that has this folder for temporary files; False where the system does not tell."""
    for process in PROC.glob("[0-9]*"):
        with suppress(OSError):  # it has just ended, or is not ours
            if f"TMPDIR={folder}\0".encode() in (process / "environ").read_bytes():
                return True
    return False


def refuse_missing() -> None:
    """Raises MapperError where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise MapperError("jobs on a cluster need Ray, which is not installed", hint="pip install 'hetmap[ray]'")


def _ray() -> Any:
    refuse_missing()
    with _silence():
        import ray

    return ray


def _knock(address: str) -> None:
    """Raise OSError where nobody listens at HOST:PORT; other forms of addresses are Ray's own business."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()


@contextmanager
def _silence() -> Iterator[None]:
    """Ray says nothing on the terminal, and nothing to its makers."""
    logger = logging.getLogger("ray")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with _environment(SILENT_BY):
            yield
    finally:
        logger.setLevel(before)


@contextmanager
def _stderr_aside() -> Iterator[IO[bytes]]:
    """A file that has what is written to stderr in the block: what Ray's own library says before it is connected heeds
    no setting."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as file:
        kept = os.dup(STDERR)
        os.dup2(file.fileno(), STDERR)
        try:
            yield file
        finally:
            os.dup2(kept, STDERR)
            os.close(kept)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """What begins in the block finds these in its environment."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """What this process does on SIGTERM is the same after the block: Ray takes it for itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _hear_sigterm() -> None:
    """On SIGTERM the process ends by its usual way out, which ends the cluster and what runs there."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, leave)
