"""Copies an ONNX file without what mapping never reads: numbers of large tensors, documentation, stack traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mapper.frontend.facts import LIMIT, elements_of
from mapper.frontend.file.wire import LENGTH, VARINT, DamagedError, Field, Window, varint

WHOLE_BYTES = 512
"""Messages up to this size are copied as they are: looking inside would cost more than it saves."""

LONGEST_TEXT_BYTES = 1 << 16
"""Strings of attributes beyond this size (engines and tokenizers inside custom nodes) are dropped."""

MOST_DIMS = 64
"""numpy's limit; no operator makes more."""

DEEPEST = 100
"""Messages inside one another; protobuf's own parsers refuse more."""


@dataclass(frozen=True)
class _Message:
    """What to do with the fields of one message type, by field number; all others are copied."""

    drop: frozenset[int] = frozenset()
    inside: Mapping[int, str] = field(default_factory=dict)  # the message type that a field holds
    cut: frozenset[int] = frozenset()  # strings that are left empty where they are long


_SCHEMA = {
    "model": _Message(frozenset({6, 14, 20}), {7: "graph", 25: "function"}),
    "graph": _Message(
        frozenset({10, 14, 16}), {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 15: "sparse"}
    ),
    "function": _Message(frozenset({8, 14}), {7: "node", 11: "attribute", 12: "value"}),
    "node": _Message(frozenset({6, 9, 10}), {5: "attribute"}),
    "value": _Message(frozenset({3, 4})),
    "attribute": _Message(
        frozenset({13}),
        {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
        frozenset({4}),
    ),
    "sparse": _Message(frozenset(), {1: "tensor", 2: "tensor"}),
}
"""Field numbers of onnx.proto. Dropped: doc_string, metadata_props, training_info, quantization_annotation and device
configurations."""

_DIMS, _ELEM, _NAME, _RAW = 1, 2, 8, 9
_PAYLOAD = frozenset({4, 5, 6, 7, _RAW, 10, 11})
_EXTERNAL = frozenset({13, 14})


@dataclass(frozen=True, slots=True)
class Payload:
    """Numbers of a weight that were left in the file, and where they are; `field` is the field of TensorProto."""

    name: bytes
    elem: int
    dims: tuple[int, ...]
    field: int
    start: int
    end: int


@dataclass(slots=True)
class Stripped:
    """A copy in the making: its bytes, and the weights of the main graph whose numbers it leaves out."""

    window: Window
    payloads: list[Payload] = field(default_factory=list)

    def model(self) -> bytes:
        """The whole file as a ModelProto without payloads; a DamagedError where its bytes are no message."""
        return self._copy("model", 0, self.window.size, 0)

    def _copy(self, kind: str, start: int, end: int, depth: int) -> bytes:
        if depth > DEEPEST:
            raise DamagedError(f"messages are nested deeper than {DEEPEST} at byte {start:,}")
        if kind == "tensor":
            return self._tensor(start, end, depth)
        rules = _SCHEMA[kind]
        parts: list[bytes] = []
        kept = start  # all from here up to the present field is copied in one piece
        for number, wire, head, content, after in self.window.fields(start, end):
            inner = None
            if number in rules.drop:
                inner = b""
            elif wire == LENGTH and after - content > WHOLE_BYTES and number in rules.inside:
                inner = _field(number, self._copy(rules.inside[number], content, after, depth + 1))
            elif number in rules.cut and after - content > LONGEST_TEXT_BYTES:
                inner = _field(number, b"")
            if inner is not None:
                parts += (self.window.read(kept, head), inner)
                kept = after
        parts.append(self.window.read(kept, end))
        return b"".join(parts)

    def _tensor(self, start: int, end: int, depth: int) -> bytes:
        """The tensor, its numbers only where they are few."""
        dims: list[int] = []
        elem, name, external = 0, b"", False
        payload: list[Field] = []
        kept: list[tuple[int, int]] = []
        for found in self.window.fields(start, end):
            number, wire, head, content, after = found
            if number in _PAYLOAD:
                payload.append(found)
                continue
            if number == _DIMS:
                dims += self._numbers(wire, content, min(after, content + 10 * MOST_DIMS))
                if len(dims) > MOST_DIMS:
                    raise DamagedError(f"the tensor at byte {start:,} has more than {MOST_DIMS} dims")
            elif number == _ELEM and wire == VARINT:
                elem = self.window.varint(content)[0]
            elif number == _NAME:
                name = self.window.read(content, after)
            external = external or number in _EXTERNAL
            if kept and kept[-1][1] == head:
                kept[-1] = (kept[-1][0], after)
            else:
                kept.append((head, after))
        if elements_of(tuple(dims)) <= LIMIT and sum(after - content for *_, content, after in payload) <= 16 * LIMIT:
            kept = sorted(kept + [(head, after) for _, _, head, _, after in payload])
        elif len(payload) == 1 and depth == 2 and not external:
            number, _, _, content, after = payload[0]
            self.payloads.append(Payload(name, elem, tuple(dims), number, content, after))
        return b"".join(self.window.read(a, b) for a, b in kept)

    def _numbers(self, wire: int, start: int, end: int) -> list[int]:
        """A repeated number, packed or not."""
        if wire not in (VARINT, LENGTH):
            raise DamagedError(f"byte {start:,} holds a dim of wire type {wire}")
        found = []
        while start < end:
            value, start = self.window.varint(start)
            found.append(value if value < 1 << 63 else value - (1 << 64))
        return found


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | LENGTH) + varint(len(content)) + content
