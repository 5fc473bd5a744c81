"""The manifest of an emitted plan: which piece runs where and when, on which values, for a runtime to follow."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA = 1
Dim = int | str


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class FileLine(_Line):
    """A file of the folder."""

    path: str
    """Relative to the manifest, with forward slashes."""
    bytes: int
    sha256: str = ""
    """Empty for weights that are linked, not copied: these may be of hundreds of gigabytes."""


class UnitLine(_Line):
    """A unit of the target that runs something."""

    name: str
    kind: str
    family: str
    """Name of its unit model: cpu, gpu, systolic, ..."""
    ranks: int = 1
    """How many work on one task together, each with pieces of its own."""
    members: tuple[str, ...] = ()
    """The units of the system that it stands for; with copies the first `ranks` of them run these pieces, and each
    further set of ranks the same again for other requests."""


class Part(_Line):
    """Which part of a whole value a rank has."""

    rank: int
    ranks: int
    layout: str
    """features, tokens or experts (a stretch along `axis`), sum (a summand), copy."""
    axis: int = -1
    start: int = 0
    stop: int = 0


class Tensor(_Line):
    """A value that steps read or make. An open dim has a name, whose sizes stand with the phase."""

    name: str
    """Unique in the phase: the file's own name, with ` [2/8]` behind it for the part of the third of eight ranks."""
    dtype: str
    """As onnx.TensorProto spells it in lower case: float, float16, int64, ..."""
    shape: tuple[Dim, ...]
    of: str = ""
    """The whole value that this is a part of."""
    part: Part | None = None


class InputLine(_Line):
    """What a request brings in each call, and how one is made up where none is given."""

    value: str
    fill: Literal["ids", "ones", "zeros", "positions", "total", "normal"] = "normal"
    """ids: any below `below`. positions: those of the new tokens, behind `past`. total: past + seq + `add`."""
    below: int = 0
    add: int = 0


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
    rank: int = 0
    role: Literal["compute", "combine", "ends"] = "compute"
    """combine: a collective among ranks. ends: cuts what a request brings, or joins what it gets."""
    collective: str = ""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    tasks: tuple[str, ...] = ()
    """The plan's tasks."""
    types: tuple[str, ...] = ()
    """Number types in which the plan has the unit compute; pieces keep those of the file."""
    start_s: float = 0.0
    end_s: float = 0.0
    """When the plan has its first task start and its last end in one call."""


class Move(_Line):
    """A value on its way from memory to memory, as planned."""

    value: str
    source: str
    sink: str
    links: tuple[str, ...]
    bytes: int
    start_s: float
    end_s: float


class BufferLine(_Line):
    """Where the plan keeps a value of a call: bytes [offset, offset + size) of a memory."""

    value: str
    memory: str
    offset: int
    size: int
    start_s: float
    end_s: float


class DimLine(_Line):
    """An open dim: its size in the first and in the last call, and evenly between."""

    name: str
    first: int
    last: int


class PhasePart(_Line):
    """One phase: its calls, values and steps."""

    name: str
    file: str = ""
    """What results and inputs of `handed` begin with, where there are several files."""
    calls: int
    dims: tuple[DimLine, ...]
    """Open dims of the values; also `past`, `seq` and `total` where the file has tokens."""
    inputs: tuple[InputLine, ...]
    outputs: tuple[str, ...]
    states: tuple[StateLine, ...]
    values: tuple[Tensor, ...]
    steps: tuple[Step, ...]
    moves: tuple[Move, ...] = ()
    buffers: tuple[BufferLine, ...] = ()
    latency_s: float = 0.0
    """Planned time of one call."""


class Moved(_Line):
    """A node that does not run where or how the plan has it, and why."""

    phase: str
    node: str
    planned: str
    runs: str
    why: str


class Manifest(_Line):
    """An emitted plan."""

    version: Literal[1] = SCHEMA
    model: str
    """Names of the model files, with spaces between."""
    sha256: str
    """Digest of the model as plan.json has it."""
    target: str
    tool: str
    units: tuple[UnitLine, ...]
    phases: tuple[PhasePart, ...]
    handed: tuple[tuple[str, str], ...] = ()
    """Results of one file that another has as an input, both as `file/name`."""
    inflight: int = 1
    interval_s: float = 0.0
    moved: tuple[Moved, ...] = ()
    files: tuple[FileLine, ...] = ()
    seal: str = ""
    """sha256 of this manifest as canonical JSON with an empty seal."""
