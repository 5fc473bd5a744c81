"""Messages between coordinator and workers: JSON behind its length, over a pair of sockets."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_HEAD = struct.Struct("<I")
CHUNK_BYTES = 1 << 16


class Channel:
    """One end."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._got = bytearray()

    def send(self, message: Any) -> None:
        """Send a message. Raises OSError when the other side is gone."""
        data = json.dumps(message, separators=(",", ":")).encode()
        self.end.sendall(_HEAD.pack(len(data)) + data)

    def receive(self) -> list[Any]:
        """What has come in, after a wait for one read; [] means that a message is not whole yet. Raises EOFError when
        the other side is gone."""
        try:
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

    def close(self) -> None:
        """Hang up."""
        self.end.close()
