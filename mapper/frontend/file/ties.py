"""Weights that a file holds twice: the same numbers, or the same place of an external file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import onnx

from mapper.frontend.facts import LIMIT, elements_of
from mapper.frontend.file.strip import Payload
from mapper.frontend.file.wire import Window

_SAMPLE_BYTES = 4096
_CHUNK_BYTES = 1 << 16
_COMPARED_BYTES = 1 << 24


def tied_inline(window: Window, payloads: Iterable[Payload]) -> dict[str, str]:
    """Matrices whose numbers equal those of an earlier one, by name, and that one.

    Only pairs of one type and shape whose samples agree are compared further. Numbers that are all the same (an
    initial fill, zeros in place of weights) say nothing.
    """
    alike: dict[tuple[object, ...], list[Payload]] = defaultdict(list)
    for payload in payloads:
        if len(payload.dims) > 1 and payload.end - payload.start > LIMIT and elements_of(payload.dims) > LIMIT:
            alike[payload.elem, payload.dims, payload.field, payload.end - payload.start].append(payload)
    tied: dict[str, str] = {}
    for group in alike.values():
        if len(group) > 1:
            tied.update(_equal(window, group))
    return tied


def _equal(window: Window, group: Sequence[Payload]) -> dict[str, str]:
    tied = {}
    first: dict[bytes, list[Payload]] = defaultdict(list)
    for payload in group:
        sample = _sample(window, payload)
        if len({sample[i : i + 16] for i in range(0, len(sample), 16)}) < 2:
            continue
        twin = next((other for other in first[sample] if _same(window, payload, other)), None)
        if twin is None:
            first[sample].append(payload)
        else:
            tied[payload.name.decode()] = twin.name.decode()
    return tied


def _sample(window: Window, payload: Payload) -> bytes:
    """Bytes from the start, the middle and the end."""
    last = payload.end - _SAMPLE_BYTES
    middle = payload.start + (last - payload.start) // 32 * 16
    return b"".join(window.read(at, at + _SAMPLE_BYTES) for at in (payload.start, middle, last))


def _same(window: Window, one: Payload, other: Payload) -> bool:
    """Whether two payloads agree: in whole up to _COMPARED_BYTES, beyond at as many bytes spread evenly."""
    length = one.end - one.start
    step = _CHUNK_BYTES * max(1, length // _COMPARED_BYTES)
    return all(
        window.read(one.start + at, min(one.start + at + _CHUNK_BYTES, one.end))
        == window.read(other.start + at, min(other.start + at + _CHUNK_BYTES, other.end))
        for at in range(0, length, step)
    )


def tied_external(tensors: Iterable[onnx.TensorProto]) -> dict[str, str]:
    """Weights at the same place of an external file as an earlier one, by name, and that one.

    Stripped files name places that mean nothing. So those of a file count only if each tensor states offset and length,
    and no two places overlap without being the same.
    """
    files: dict[str, list[tuple[int, int, onnx.TensorProto]]] = defaultdict(list)
    vague = set()
    for tensor in tensors:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = {e.key: e.value for e in tensor.external_data}
        location = entries.get("location", "")
        if "offset" in entries and "length" in entries:
            files[location].append((int(entries["offset"]), int(entries["length"]), tensor))
        else:
            vague.add(location)
    tied: dict[str, str] = {}
    for location, places in files.items():
        if location not in vague:
            tied.update(_shared(places))
    return tied


def _shared(places: Sequence[tuple[int, int, onnx.TensorProto]]) -> dict[str, str]:
    distinct = sorted({(offset, offset + length) for offset, length, _ in places})
    if len(distinct) < 2 or any(before[1] > after[0] for before, after in pairwise(distinct)):
        return {}
    tied: dict[str, str] = {}
    first: dict[tuple[object, ...], str] = {}
    for offset, length, tensor in places:
        key = (offset, length, tensor.data_type, tuple(tensor.dims))
        kept = first.setdefault(key, tensor.name)
        if kept != tensor.name and length > 0:
            tied[tensor.name] = kept
    return tied
