"""What requests bring: numbers of a file, or made up ones."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from mapper.emit.manifest import InputLine
from mapper.errors import MapperError, did_you_mean
from mapper.runtime.memory import refuse_more_than_free
from mapper.runtime.program import Part, Program
from mapper.runtime.tensors import Array, Kind, Shape, spelled

SETS = 8
"""Requests have inputs of their own up to this number; more of them take those in turn."""


@dataclass(frozen=True)
class Wanted:
    """A whole input of a call. call: its place in the program. line: how it is made up; None for a state."""

    call: int
    part: Part
    name: str
    shape: Shape
    kind: Kind
    line: InputLine | None = None

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.kind.bytes(self.shape)


def wanted(program: Program) -> Iterator[Wanted]:
    """All that a request has to bring: inputs of each call that no earlier phase hands on, and states before their
    first call. Where ranks have parts of one, the whole."""
    states: set[str] = set()
    made: set[str] = set()
    for at, (index, call) in enumerate(program.calls):
        part = program.parts[index]
        shapes = part.shapes(call)
        lines: list[tuple[str, InputLine | None]] = [
            (line.value, line)
            for line in part.line.inputs
            if program.handed.get(f"{part.line.file}/{line.value}") not in made
        ]
        lines += [(s.past, None) for s in part.line.states if s.past in part.number and s.name not in states]
        told = set()
        for name, line in lines:
            value = part.number[name]
            whole = whole_name(part, name)
            if whole not in told:
                told.add(whole)
                yield Wanted(at, part, whole, _whole_shape(part, name, shapes[value]), part.kinds[value], line)
        states.update(s.name for s in part.line.states)
        made.update(f"{part.line.file}/{name}" for name in part.line.outputs)


def whole_name(part: Part, name: str) -> str:
    """The value of the file that a value is or is a part of."""
    return part.line.values[part.number[name]].of or name


def _whole_shape(part: Part, name: str, shape: Shape) -> Shape:
    tensor = part.line.values[part.number[name]]
    if tensor.part is None or not tensor.part.stop:
        return shape
    stop = max(t.part.stop for t in part.line.values if t.of == tensor.of and t.part is not None)
    axis = tensor.part.axis % len(shape)
    return tuple(stop if k == axis else size for k, size in enumerate(shape))


def part_of(part: Part, name: str, whole: Array) -> Array:
    """What a value has of the whole value of the file: all, or the stretch of a rank."""
    cut = part.line.values[part.number[name]].part
    if cut is None or not cut.stop or not whole.ndim:
        return whole
    return whole[(slice(None),) * (cut.axis % whole.ndim) + (slice(cut.start, cut.stop),)]


@dataclass
class Brought:
    """Inputs of requests by set, call and name of the whole."""

    program: Program
    sets: int
    arrays: dict[tuple[int, int, str], Array] = field(default_factory=dict)

    def __call__(self, request: int, call: int, name: str) -> Array:
        """An input of a request, or the part of it that a rank has."""
        part = self.program.parts[self.program.calls[call][0]]
        return part_of(part, name, self.whole(request, call, whole_name(part, name)))

    def whole(self, request: int, call: int, name: str) -> Array:
        """An input of a request by its name in the file. Raises KeyError for what it does not bring."""
        return self.arrays[request % self.sets, call, name]


def made_up(program: Program, requests: int, seed: int) -> Brought:
    """Random inputs, others for each request: words below the size of their table, masks that hide nothing, positions,
    normal numbers."""
    found, wants = Brought(program, max(1, min(requests, SETS))), list(wanted(program))
    _refuse_too_much(found.sets * sum(want.bytes for want in wants), "made-up inputs")
    for number in range(found.sets):
        random = np.random.default_rng([seed, number])
        for want in wants:
            found.arrays[number, want.call, want.name] = _random(program, want, random)
    return found


def _random(program: Program, want: Wanted, random: np.random.Generator) -> Array:
    if want.line is not None:
        sizes = want.part.sizes(program.calls[want.call][1])
        return _filled(want.line, want.shape, sizes, want.kind, random).astype(want.kind.numpy)
    if not want.kind.is_float:
        return np.zeros(want.shape, want.kind.numpy)
    return random.standard_normal(want.shape, np.float32).astype(want.kind.numpy)


def _filled(line: InputLine, shape: Shape, sizes: Mapping[str, int], kind: Kind, random: np.random.Generator) -> Array:
    match line.fill:
        case "ids":
            return random.integers(0, max(1, line.below), shape)
        case "ones":
            return np.ones(shape)
        case "zeros":
            return np.zeros(shape)
        case "positions":
            return np.broadcast_to(sizes.get("past", 0) + np.arange(shape[-1] if shape else 1), shape)
        case "total":
            return np.full(shape, sizes.get("total", sizes.get("seq", 1)) + line.add)
        case "given":
            return np.full(shape, sizes.get(line.value, 0))
        case "normal":
            return random.standard_normal(shape, np.float32 if kind.name != "double" else np.float64)


def read_inputs(path: Path, program: Program) -> Brought:
    """Inputs of a .npz file, the same for every request: `NAME`, or `PHASE/NAME`, or `PHASE.CALL/NAME` with calls
    from 0; an array of one axis more has a row for each call of the phase.

    Raises MapperError for inputs that are missing, unknown, or of another shape or type: with both. No array is read
    that is not wanted, or longer than any that is.
    """
    with _opened(path) as file:
        return _chosen(path, file, program)


def _chosen(path: Path, file: NpzFile, program: Program) -> Brought:
    found, missing = Brought(program, 1), list[str]()
    wants = list(wanted(program))
    keys = {key for want in wants for key in _keys(want, program)}
    _refuse_unknown(path, set(file.files) - keys, program)
    most = max((prod(want.shape) * want.part.line.calls for want in wants), default=0) * _NUMBER_BYTES + _ROOM_BYTES
    arrays: dict[str, Array] = {}
    for want in wants:
        number = program.calls[want.call][1]
        key = next((k for k in _keys(want, program) if k in file.files), None)
        if key is not None:
            if key not in arrays:
                arrays[key] = _read(path, file, key, most)
            found.arrays[0, want.call, want.name] = _checked(path, key, arrays[key], want, number)
        elif 0 in want.shape:
            found.arrays[0, want.call, want.name] = np.zeros(want.shape, want.kind.numpy)
        else:
            missing.append(f"{want.part.line.name}.{number}/{want.name}: {want.kind.name} {spelled(want.shape)}")
    if missing:
        some = [*missing[:10], *([f"and {len(missing) - 10} more"] if len(missing) > 10 else [])]
        raise MapperError(f"{path}: {len(missing)} inputs are missing", details=some, hint=_KEYS)
    return found


def _keys(want: Wanted, program: Program) -> tuple[str, str, str]:
    """Names under which a file may have an input: the more specific first."""
    phase = want.part.line.name
    return f"{phase}.{program.calls[want.call][1]}/{want.name}", f"{phase}/{want.name}", want.name


def _refuse_unknown(path: Path, unused: Set[str], program: Program) -> None:
    """Names of no call at all are refused, not those of calls cut off, nor one that others are more specific than."""
    if not unused:
        return
    calls = [(k, call) for k, part in enumerate(program.parts) for call in range(part.line.calls)]
    whole = replace(program, calls=tuple(calls))
    wants = [(w.part.line.name, calls[w.call][1], w.name) for w in wanted(whole)]
    known = {name for _, _, name in wants} | {f"{phase}/{name}" for phase, _, name in wants}
    unknown = sorted(unused - known - {f"{phase}.{call}/{name}" for phase, call, name in wants})
    if unknown:
        raise MapperError(f"{path}: '{unknown[0]}' is no input", details=[did_you_mean(unknown[0], known)], hint=_KEYS)


_KEYS = "name arrays NAME, PHASE/NAME or PHASE.CALL/NAME"


_BROKEN = (ValueError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, OverflowError, SyntaxError, TypeError)
"""What numpy and zipfile raise for files that are cut off, encrypted (RuntimeError), or have headers of nonsense."""
_NUMBER_BYTES = 16
"""Of a number at most: other types than wanted are told as that."""
_ROOM_BYTES = 1 << 20
"""Arrays up to this size are always read, to tell their shape."""


@contextmanager
def _opened(path: Path) -> Iterator[NpzFile]:
    with _told(path, ""):
        file = np.load(path, mmap_mode="r", allow_pickle=False)  # a bare array is not read
    if isinstance(file, np.ndarray):
        raise MapperError(f"{path}: one array without a name", hint="write it with numpy.savez(FILE, NAME=array)")
    with file:
        yield file


def _read(path: Path, file: NpzFile, key: str, most: int) -> Array:
    """An array of the file. most: bytes that it may have, compressed or not."""
    with _told(path, key):
        assert file.zip is not None
        member = key if key in file.zip.namelist() else f"{key}.npy"
        size = file.zip.getinfo(member).file_size
        if size > most:
            raise MapperError(f"{path}: '{key}' has {size:,} bytes, more than any input: it is not read", hint=_KEYS)
        found = file[key]
    if not isinstance(found, np.ndarray):
        raise MapperError(f"{path}: '{key}' is no array", hint="write it with numpy.savez")
    return found


@contextmanager
def _told(path: Path, key: str) -> Iterator[None]:
    """What numpy, zipfile and the system raise, as one error."""
    where = f" ('{key}')" if key else ""
    try:
        yield
    except OSError as error:
        raise MapperError(f"cannot read {path}: {error.strerror or error}", hint="check the path") from None
    except MemoryError as error:
        raise MapperError(f"{path}: no memory for '{key}': {error}", hint="write it with numpy.savez") from None
    except _BROKEN as error:
        raise MapperError(
            f"{path} is no .npz file of arrays{where}: {error}", hint="write it with numpy.savez"
        ) from None


def _refuse_too_much(size: int, what: str) -> None:
    try:
        refuse_more_than_free(size)
    except OSError as error:
        raise MapperError(
            f"{what} take {size:,} bytes: {error.strerror}", hint="fewer requests, or fewer calls (--calls)"
        ) from None


def _checked(path: Path, key: str, array: Array, want: Wanted, number: int) -> Array:
    if array.shape == (want.part.line.calls, *want.shape):
        array = array[number]
    if array.shape != want.shape:
        raise MapperError(
            f"{path}: '{key}' has shape {spelled(array.shape)}; call {number} of phase {want.part.line.name} takes "
            f"{spelled(want.shape)}",
            hint="give that shape, or compile the plan for this one",
        )
    if array.dtype != want.kind.numpy and not (want.kind.numpy.kind == "V" and array.dtype == np.float32):
        raise MapperError(
            f"{path}: '{key}' has numbers of type {array.dtype}; phase {want.part.line.name} takes {want.kind.numpy}",
            hint=f"convert it: array.astype('{want.kind.numpy}')",
        )
    return np.require(array.astype(want.kind.numpy), requirements="C")  # a scalar stays one
