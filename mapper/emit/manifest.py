"""The manifest of an emitted plan: which piece runs where and when, on which values, for a runtime to follow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mapper.errors import MapperError

SCHEMA: Literal[1] = 1
NAME = "manifest.json"
MOST_BYTES = 1 << 29
"""Of a manifest: that of 10^5 steps takes a tenth. A larger one is not read into memory."""
MOST_CALLS = 10**6
MOST_AXES = 64
"""As many as numpy has."""
_INT64 = (1 << 63) - 1
Whole = Annotated[int, Field(ge=0, le=_INT64)]
Count = Annotated[int, Field(ge=1, le=_INT64)]
Dim = Whole | str
Seconds = Annotated[float, Field(ge=0, le=1e9)]


class _Line(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True, allow_inf_nan=False
    )


class _Timed(Protocol):
    start_s: float
    end_s: float


Timed = TypeVar("Timed", bound=_Timed)


def _ends_after_its_start(line: Timed) -> Timed:
    if line.end_s < line.start_s:
        raise ValueError(f"ends at {line.end_s:g} s, before it starts at {line.start_s:g} s")
    return line


class FileLine(_Line):
    """A file of the folder."""

    path: str
    """Relative to the manifest, with forward slashes."""
    bytes: Whole
    sha256: str = ""
    """Empty for files of more than a gigabyte, which are weights: these have their size alone."""
    given: bool = False
    """Whether it was there before and is the user's own: an emission neither replaces nor removes it."""


class UnitLine(_Line):
    """A unit of the target that runs something."""

    name: str
    kind: str
    family: str
    """Name of its unit model: cpu, gpu, systolic, ..."""
    ranks: Count = 1
    """How many work on one task together, each with pieces of its own."""
    members: tuple[str, ...] = ()
    """The units of the system that it stands for; with copies the first `ranks` of them run these pieces, and each
    further set of ranks the same again for other requests."""


class Part(_Line):
    """Which part of a whole value a rank has."""

    rank: Whole
    ranks: Count
    layout: str
    """features (a stretch along `axis`, of features or of tokens), sum (a summand), copy."""
    axis: int = -1
    start: Whole = 0
    stop: Whole = 0
    stretches: tuple[tuple[Whole, Whole], ...] = ()
    """Where it is of several stretches, one behind the other, all of them (packed queries, keys and values)."""


class Tensor(_Line):
    """A value that steps read or make. An open dim has a name, whose sizes stand with the phase."""

    name: str
    """Unique in the phase: the file's own name, with ` [2/8]` behind it for the part of the third of eight ranks."""
    dtype: str
    """As onnx.TensorProto spells it in lower case: float, float16, int64, ..."""
    shape: tuple[Dim, ...] = Field(max_length=MOST_AXES)
    of: str = ""
    """The whole value that this is a part of."""
    part: Part | None = None


class InputLine(_Line):
    """What a request brings in each call, and how one is made up where none is given."""

    value: str
    fill: Literal["ids", "ones", "zeros", "positions", "total", "given", "normal"] = "normal"
    """ids: any below `below`. positions: those of the new tokens, behind `past`. total: past + seq + `add`.
    given: the number in the phase's `dims` under the input's name, which the plan was made for."""
    below: Whole = 0
    add: int = Field(default=0, ge=-_INT64, le=_INT64)


class StateLine(_Line):
    """A value that outlives a call: `present` of a call is `past` of the next, also of the next phase with `name`."""

    name: str
    past: str = ""
    present: str = ""


class Port(_Line):
    """A tensor of a piece by its name there, and the value of the phase that it is."""

    name: str
    value: str


class Step(_Line):
    """A run of a piece in each call of a phase. Steps stand in an order in which they can run one after the other."""

    name: str
    piece: str
    unit: str
    rank: Whole = 0
    role: Literal["compute", "combine", "ends"] = "compute"
    """combine: a collective among ranks. ends: cuts what a request brings, or joins what it gets."""
    collective: str = ""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    tasks: tuple[str, ...] = ()
    """The plan's tasks."""
    types: tuple[str, ...] = ()
    """Number types in which the plan has the unit compute; pieces keep those of the file."""
    start_s: Seconds = 0.0
    end_s: Seconds = 0.0
    """When the plan has its first task start and its last end in one call."""

    _in_order = model_validator(mode="after")(_ends_after_its_start)


class Move(_Line):
    """A value on its way from memory to memory, or cast on a unit, or exchanged by the ranks of a team, as planned."""

    name: str
    value: str
    kind: str
    source: str
    sink: str
    links: tuple[str, ...]
    """Directions of links that it holds, as `name:from>to`."""
    bytes: Whole
    start_s: Seconds
    end_s: Seconds

    _in_order = model_validator(mode="after")(_ends_after_its_start)


class BufferLine(_Line):
    """Where the plan keeps a value of a call: bytes [offset, offset + size) of a memory."""

    value: str
    maker: str
    """The task or move that leaves it there; several may, one after another in different places."""
    memory: str
    offset: Whole
    size: Whole
    start_s: Seconds
    end_s: Seconds

    _in_order = model_validator(mode="after")(_ends_after_its_start)


class DimLine(_Line):
    """An open dim: its size in the first and in the last call, and evenly between."""

    name: str
    first: Whole
    last: Whole


class PhasePart(_Line):
    """One phase: its calls, values and steps."""

    name: str
    file: str = ""
    """What results and inputs of `handed` begin with, where there are several files."""
    calls: int = Field(ge=1, le=MOST_CALLS)
    dims: tuple[DimLine, ...]
    """Open dims of the values; also `past`, `seq` and `total` where the file has tokens."""
    inputs: tuple[InputLine, ...]
    outputs: tuple[str, ...]
    states: tuple[StateLine, ...]
    values: tuple[Tensor, ...]
    steps: tuple[Step, ...]
    moves: tuple[Move, ...] = ()
    buffers: tuple[BufferLine, ...] = ()
    latency_s: Seconds = 0.0
    """Planned time of one call."""


class SpeedLine(_Line):
    """What the plan takes when the cores run at another speed than while the target was measured."""

    speed: Annotated[float, Field(ge=1e-3, le=1e3)]
    latencies_s: tuple[Seconds, ...]
    """Of one call, by phase."""
    interval_s: Seconds
    """Between requests in steady state."""


class Moved(_Line):
    """A node that does not run where or how the plan has it, and why."""

    phase: str
    node: str
    planned: str
    runs: str
    why: str


class Manifest(_Line):
    """An emitted plan."""

    version: Literal[1] = Field(default=SCHEMA, alias="schema")
    model: str
    """Names of the model files, with spaces between."""
    sha256: str
    """Digest of the model as plan.json has it."""
    target: str
    about: str = ""
    """What the target says of itself; one that `mapper calibrate` measured begins with its processor's name."""
    tool: str
    units: tuple[UnitLine, ...]
    phases: tuple[PhasePart, ...] = Field(min_length=1)
    handed: tuple[tuple[str, str], ...] = ()
    """Results of one file that another has as an input, both as `file/name`."""
    inflight: Count = 1
    interval_s: Seconds = 0.0
    probe_s: Seconds = 0.0
    """What the speed probe took while the target was measured on its machine; 0 where none was."""
    speeds: tuple[SpeedLine, ...] = ()
    """Rising speeds, none of them 1; none at all where there was no probe."""
    moved: tuple[Moved, ...] = ()
    whole: tuple[str, ...] = ()
    """Whole models on the same weights, where these were made up: one for each file, in the order of their phases."""
    files: tuple[FileLine, ...] = ()
    seal: str = ""
    """sha256 of this manifest as canonical JSON with an empty seal."""

    @model_validator(mode="after")
    def _speeds_can_be_told(self) -> Self:
        """Times at a speed are found between those of its neighbours; a speed by the probe."""
        if bool(self.probe_s) != bool(self.speeds) or self.probe_s > 10:
            raise ValueError(f"a probe of {self.probe_s:g} s with {len(self.speeds)} speeds")
        if not all(a.speed < b.speed for a, b in pairwise(self.speeds)) or any(s.speed == 1 for s in self.speeds):
            raise ValueError("speeds do not rise, or are 1")
        if any(len(line.latencies_s) != len(self.phases) for line in self.speeds):
            raise ValueError(f"speeds without a time for each of {len(self.phases)} phases")
        return self


def sealed(manifest: Manifest) -> Manifest:
    """The manifest with its seal."""
    return manifest.model_copy(update={"seal": _seal(manifest)})


def _seal(manifest: Manifest) -> str:
    data = manifest.model_dump(mode="json", by_alias=True) | {"seal": ""}
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def to_json(manifest: Manifest) -> str:
    """The manifest as text, a step, value, move or buffer to the line: equal manifests give equal bytes."""
    data = manifest.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return _spread({"schema": SCHEMA, **data}, depth=4) + "\n"


def _spread(value: object, depth: int, margin: str = "") -> str:
    """JSON with the outer lists and objects spread over lines. That of json.dumps with an indent takes ten times as
    long, and half of it is white space."""
    inner = margin + " "
    if depth and value and isinstance(value, dict):
        items = [f"{json.dumps(key)}: {_spread(item, depth - 1, inner)}" for key, item in value.items()]
        return f"{{\n{inner}" + f",\n{inner}".join(items) + f"\n{margin}}}"
    if depth and value and isinstance(value, list):
        items = [_spread(item, depth - 1, inner) for item in value]
        return f"[\n{inner}" + f",\n{inner}".join(items) + f"\n{margin}]"
    return json.dumps(value)


def load(folder: Path) -> Manifest:
    """The manifest of an emitted folder, after a check that it is as it was written: its seal, its paths, the sizes of
    all files and the digests of the pieces. Raises MapperError that says what is wrong."""
    path = folder / NAME
    found = read(path)
    if not found.seal:
        raise MapperError(f"{path}: the emission into this folder was stopped before its end", hint=_AGAIN)
    if found.seal != _seal(found):
        raise MapperError(f"{path} was changed after it was written: its seal does not fit", hint=_AGAIN)
    _check_paths(path, found)
    _check_files(folder, found)
    return found


def read(path: Path) -> Manifest:
    """A manifest as it stands in a file. Raises MapperError for a file that holds none."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise MapperError(f"{path} has {size:,} bytes; manifests have {MOST_BYTES:,} at most", hint=_AGAIN)
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MapperError(f"{path}: not UTF-8 text (byte {error.start})", hint=_AGAIN) from None
    except OSError as error:
        hint = "give the folder that `mapper emit --out` wrote"
        raise MapperError(f"{path}: cannot be read: {error.strerror or error}", hint=hint) from None
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise MapperError(f"{path}: {where}: {first['msg']}", hint=_AGAIN) from None


_AGAIN = "emit the plan again"
_RESERVED = frozenset('\\:*?"<>|')


def is_path(text: str) -> bool:
    """Whether a text is a path as it stands in manifests and pieces: it leads nowhere else, on no system, and its
    characters steer no terminal."""
    parts_lead_down = not {"", ".", ".."} & set(text.split("/"))
    return parts_lead_down and text.isprintable() and not _RESERVED & set(text)


def _check_paths(path: Path, manifest: Manifest) -> None:
    """Files are named as they are written; pieces and whole models are among them, and files of ONNX by their names:
    by these onnxruntime decides how to read one."""
    listed = set()
    for line in manifest.files:
        if not is_path(line.path):
            raise MapperError(f"{path}: '{line.path}' is no path that emit writes; it is not opened", hint=_AGAIN)
        listed.add(line.path)
    for what, name in _models(manifest):
        if name not in listed:
            raise MapperError(f"{path}: {what} '{name}' is not among its files", hint=_AGAIN)
        if not name.endswith(".onnx"):
            raise MapperError(f"{path}: {what} '{name}' is no .onnx file", hint=_AGAIN)


def _models(manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield from (("piece", step.piece) for part in manifest.phases for step in part.steps)
    yield from (("whole model", name) for name in manifest.whole)


def _check_files(folder: Path, manifest: Manifest) -> None:
    root = folder.resolve()
    for line in manifest.files:
        path = folder / line.path
        if not path.resolve().is_relative_to(root):
            raise MapperError(f"{folder / NAME}: '{line.path}' leads out of the folder; it is not opened", hint=_AGAIN)
        if not path.is_file():
            raise MapperError(f"{path} is missing", hint=_AGAIN)
        size = path.stat().st_size
        if size != line.bytes:
            raise MapperError(f"{path} has {size:,} bytes, not {line.bytes:,} as it was written", hint=_AGAIN)
        if line.sha256 and digest_of(path) != line.sha256:
            raise MapperError(f"{path} was changed after it was written: its digest does not fit", hint=_AGAIN)


def digest_of(path: Path) -> str:
    """sha256 of a file. Raises MapperError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MapperError(f"cannot read {path}: {error.strerror or error}", hint="check the file") from error
