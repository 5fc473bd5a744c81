"""Messages between coordinator and workers: JSON behind its length, over a pair of sockets."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, TypeVar

_HEAD = struct.Struct("<I")
CHUNK_BYTES = 1 << 16

SPIN_S = 2e-4
"""How long who waits looks again and again, where cores are free, before it sleeps: to wake a sleeping core takes about
as long in a virtual machine, and steps are often shorter."""

Found = TypeVar("Found")


def awaited(look: Callable[[], Found | None], spin_s: float) -> Found | None:
    """What a look finds within the time; other processes of this core come first. None if nothing came."""
    found = None
    end = time.monotonic() + spin_s
    while spin_s and (found := look()) is None and time.monotonic() < end:
        os.sched_yield()
    return found


class Channel:
    """One end. spin_s: how long to look for a message before the wait for one sleeps."""

    def __init__(self, end: socket.socket, spin_s: float = 0.0) -> None:
        self.end, self.spin_s = end, spin_s
        self._got = bytearray()

    def send(self, message: Any) -> None:
        """Send a message. Raises OSError when the other side is gone."""
        data = json.dumps(message, separators=(",", ":")).encode()
        self.end.sendall(_HEAD.pack(len(data)) + data)

    def receive(self) -> list[Any]:
        """What has come in, after a wait for one read; [] means that a message is not whole yet. Raises EOFError when
        the other side is gone."""
        try:
            data = awaited(self._look, self.spin_s)
            if data is None:
                data = self.end.recv(CHUNK_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        self._got += data
        found = []
        while len(self._got) >= _HEAD.size:
            end = _HEAD.size + _HEAD.unpack_from(self._got)[0]
            if len(self._got) < end:
                break
            found.append(json.loads(self._got[_HEAD.size : end]))
            del self._got[:end]
        return found

    def _look(self) -> bytes | None:
        try:
            return self.end.recv(CHUNK_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None

    def close(self) -> None:
        """Hang up."""
        self.end.close()
