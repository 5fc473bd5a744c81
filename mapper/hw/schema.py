"""The formats of target files, as pydantic models: parts (units, memories, links) and chips or systems made of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from mapper.hw.work import DType

NAME = r"[A-Za-z0-9][A-Za-z0-9_\-]*"


def _number(value: Any) -> Any:
    """A number as YAML gives it; text and booleans are left for pydantic to refuse."""
    return str(value) if isinstance(value, bool) else value


Whole = Annotated[int, BeforeValidator(_number)]
Bytes = Annotated[Whole, Field(gt=0)]
Count = Annotated[Whole, Field(ge=1)]
Rate = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
Figure = Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Kept = Literal["weights", "state", "activations"]
ALL_KEPT: tuple[Kept, ...] = ("weights", "state", "activations")


def _in_order(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"a range is [low, high]; {ends[0]:g} is above {ends[1]:g}")
    return ends


Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Range = Annotated[tuple[Number, Number], AfterValidator(_in_order)]


class _Format(BaseModel):
    """A mapping of a target file: immutable, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Header(_Format):
    """What every file begins with."""

    version: Literal[1] = Field(alias="schema")
    """Version of the format."""
    name: Name
    """The file's own name, without `.yaml`."""
    about: str = ""
    """One sentence for people."""
    source: Text
    """Where the figures come from: a citation, "measured" or "assumed"."""
    source_of: dict[str, Text] = {}
    """Sources of single keys, dotted where they lie deeper, where they differ from `source`."""
    range_of: dict[str, Range] = {}
    """Least and greatest value of figures that are assumed or disputed, in the unit of their key."""


class Published(_Format):
    """What the maker says of the whole, against which `mapper targets check` holds what the parts give."""

    ops_per_s: dict[DType, Rate] = {}
    """Peak arithmetic rate by number type, dense; a multiply-accumulate counts two."""
    ops_per_j: dict[DType, Rate] = {}
    """The same by joule."""
    power_w: Rate | None = None
    area_mm2: Rate | None = None
    """Silicon of all units."""
    capacity_bytes: Rate | None = None
    """Of the memories of the units that are no host."""
    bandwidth_bytes_per_s: Rate | None = None
    """Of the same memories."""
    weights: Rate | None = None
    """Numbers that the units hold inside, in compute-in-memory arrays."""
    within: Rate = 0.02
    """Relative difference that is none."""
    source: Text


UnitClass = Literal[
    "cpu", "gpu", "dsa", "cim-rram", "cim-pcm", "cim-flash", "cim-sram-analog", "cim-sram-digital"
]  # fmt: skip


class UnitFile(Header):
    """The head of a unit file; all other keys are the fields of its `model`."""

    model_config = ConfigDict(extra="allow")

    model: str
    """Name of a unit model (entry point group mapper.unit_models)."""
    class_: UnitClass | None = Field(default=None, alias="class")
    """What sort of unit it is; compute-in-memory units say it, of others the model tells."""
    area_mm2: Rate | None = None
    """Silicon of one unit."""
    published: Published | None = None


class MemoryFigures(_Format):
    """What a memory is."""

    capacity_bytes: Bytes
    bandwidth_bytes_per_s: Rate
    """Peak of the data sheet, shared by everything the memory serves."""
    energy_pj_per_bit: Figure
    latency_s: Figure = 0.0
    idle_power_w: Figure = 0.0
    alignment_bytes: Bytes = 64


class MemoryFile(Header, MemoryFigures):
    """A memory under memories/."""


class LinkFigures(_Format):
    """What a link is: full duplex, figures are for one direction."""

    bandwidth_bytes_per_s: Rate
    latency_s: Figure
    energy_pj_per_bit: Figure
    idle_power_w: Figure = 0.0
    overhead_s: Figure = 0.0
    """Time for which a transfer takes both units at its ends, which run what sends and receives: `o` of LogP (Culler et
    al., PPoPP 1993). 0 where engines of their own do that."""


class LinkFile(Header, LinkFigures):
    """A link under links/."""


class _Entry(_Format):
    """A part of a chip, by reference or written out."""

    use: str = ""
    """The file of the part, e.g. units/systolic-128x128; without it the entry itself holds the figures."""
    count: Count | None = None
    """n > 1 makes name0 .. name(n-1)."""
    about: str = ""
    source: str = ""
    """Where the figures written here come from, if not from the file's own `source`."""
    source_of: dict[str, Text] = {}
    range_of: dict[str, Range] = {}


def _check_count_or_grid(count: int | None, grid: tuple[int, int] | None) -> None:
    if count is not None and grid is not None:
        raise ValueError("`count` and `grid` exclude each other")


class UnitEntry(_Entry):
    """Units of a chip. Keys beside `use` replace figures of the unit file."""

    model_config = ConfigDict(extra="allow")

    grid: tuple[Count, Count] | None = None
    """[rows, columns] makes name_0_0 .. ."""
    class_: UnitClass | None = Field(default=None, alias="class")
    area_mm2: Rate | None = None

    @model_validator(mode="after")
    def _one_way_to_count(self) -> UnitEntry:
        _check_count_or_grid(self.count, self.grid)
        return self


class MemoryEntry(_Entry):
    """Memories of a chip. Figures beside `use` replace those of the memory file."""

    capacity_bytes: Bytes | None = None
    bandwidth_bytes_per_s: Rate | None = None
    energy_pj_per_bit: Figure | None = None
    latency_s: Figure | None = None
    idle_power_w: Figure | None = None
    alignment_bytes: Bytes | None = None
    channels: Count = 1
    """Equal devices behind one address space: capacity, bandwidth and idle power times this."""
    serves: Annotated[list[str], Field(min_length=1)]
    """Units with direct access; `*` stands for any characters."""
    holds: Annotated[list[Kept], Field(min_length=1)] = list(ALL_KEPT)


class Grid(_Format):
    """All units or chips of a `grid:` entry, in their rows and columns."""

    grid: str
    part: str = ""
    """Of chips: the unit or router of each that the links end at."""


class Star(_Format):
    """Every leaf is linked to the hub."""

    hub: str
    leaves: Annotated[list[str], Field(min_length=1)]


Line = Annotated[list[str], Field(min_length=1)]
Rows = Annotated[list[Line], Field(min_length=1)]


class Topology(_Format):
    """A regular set of links; exactly one of its keys."""

    chain: Line | None = None
    ring: Line | None = None
    mesh: Rows | Grid | None = None
    """Rows of places, each linked to its right and its lower neighbour."""
    torus: Rows | Grid | None = None
    """A mesh whose rows and columns are closed."""
    all_to_all: Line | None = None
    star: Star | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> Topology:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"a topology has exactly one of: {', '.join(type(self).model_fields)}")
        return self


class LinkEntry(_Entry):
    """Links of a chip. Figures beside `use` replace those of the link file."""

    bandwidth_bytes_per_s: Rate | None = None
    latency_s: Figure | None = None
    energy_pj_per_bit: Figure | None = None
    idle_power_w: Figure | None = None
    overhead_s: Figure | None = None
    between: tuple[str, str] | None = None
    """The two ends of a single link."""
    topology: Topology | None = None
    """A regular set of links."""

    @model_validator(mode="after")
    def _one_shape(self) -> LinkEntry:
        if self.count is not None:
            raise ValueError("a link has no `count`; name it twice or raise its bandwidth")
        if (self.between is None) == (self.topology is None):
            raise ValueError("a link has either `between: [a, b]` or `topology: {...}`")
        return self


class ChipEntry(_Format):
    """Chips of a system; their parts are named `<chip>.<part>`."""

    use: str
    """A chip or system file, e.g. chips/a100-sxm-80 or systems/dgx-a100."""
    count: Count | None = None
    grid: tuple[Count, Count] | None = None
    """[rows, columns] makes name_0_0 .. ."""

    @model_validator(mode="after")
    def _one_way_to_count(self) -> ChipEntry:
        _check_count_or_grid(self.count, self.grid)
        return self


class Power(_Format):
    """Power of the whole target."""

    limit_w: Rate | None = None
    rest_w: Figure = 0.0
    """What no part of the file takes: fans, network cards, switches, losses of supplies."""


class CurveEntry(_Format):
    """Times of a collective at some sizes; between two sizes the time is a start cost plus bytes at a rate."""

    kind: str
    """all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, send_recv or custom_all_reduce."""
    ranks: Annotated[int, Field(ge=2)]
    bytes: Annotated[list[Rate], Field(min_length=1)]
    """Sizes of the whole tensor, ascending."""
    seconds: Annotated[list[Rate], Field(min_length=1)]
    """The time of each size."""
    until_bytes: Rate | None = None
    """Beyond this size a custom all-reduce hands over to the library's."""

    @model_validator(mode="after")
    def _a_time_for_each_size(self) -> CurveEntry:
        if len(self.bytes) != len(self.seconds):
            raise ValueError(f"{len(self.bytes)} sizes and {len(self.seconds)} times")
        if any(b <= a for a, b in pairwise(self.bytes)):
            raise ValueError("`bytes` must ascend")
        if len(self.seconds) > 1 and self.seconds[-1] < self.seconds[-2]:
            raise ValueError("the last of `seconds` is below the one before: beyond it the rate of these two goes on")
        return self


class ProbeEntry(_Format):
    """Two times of a collective, of a small and a large tensor (about 1 KB and 32 MB): all that is known of it."""

    kind: str
    ranks: Annotated[int, Field(ge=2)]
    bytes: tuple[Rate, Rate]
    seconds: tuple[Rate, Rate]

    @model_validator(mode="after")
    def _the_smaller_first(self) -> ProbeEntry:
        if self.bytes[1] <= self.bytes[0] or self.seconds[1] < self.seconds[0]:
            raise ValueError("the smaller and quicker probe comes first")
        return self


class Collectives(_Format):
    """Measured collectives; those without a curve follow from the links."""

    among: Annotated[list[str], Field(min_length=1)]
    """Units among which they were measured; `*` stands for any characters."""
    error_band: Rate
    """Relative error of the curves on sizes that they were not fitted on."""
    curves: list[CurveEntry] = []
    probes: list[ProbeEntry] = []
    """Collectives of which two times are known; the curve through them is that of other fabrics."""
    groups: list[Annotated[list[str], Field(min_length=1)]] = []
    """Units by node, where the curves are of as many units of each node."""
    like: str = ""
    """A target whose curves stand in for those that are missing here."""
    speed: Rate = 1.0
    """How many times faster the links are than those of `like`."""
    reduces_in_switch: bool = False
    """The switch adds what passes through it (NVLink 4 and later)."""

    @model_validator(mode="after")
    def _something_known(self) -> Collectives:
        if not (self.curves or self.probes or self.like):
            raise ValueError("`collectives` needs `curves`, `probes`, or a target that it is `like`")
        return self


class TargetFile(Header):
    """A chip, package or system."""

    units: dict[Name, UnitEntry] = {}
    memories: dict[Name, MemoryEntry] = {}
    links: dict[Name, LinkEntry] = {}
    chips: dict[Name, ChipEntry] = {}
    routers: list[Name] = []
    """Places without a memory that links may end at: switches, bridges, buses."""
    io: str = ""
    """Memory where graph inputs appear and outputs must end; else the data memory of the first CPU."""
    power: Power = Power()
    system: str = ""
    """A target that several of this one form: collectives of more units than there are here are priced there."""
    collectives: Collectives | None = None
    published: Published | None = None
