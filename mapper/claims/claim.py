"""The formats of a file of claims: models, what is asked of the compiler, and claims with what was published."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mapper.hw.basis import MARKED, bases_in

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]


class Format(BaseModel):
    """A mapping of a file of claims: immutable, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _marked(text: str) -> str:
    if not bases_in(text):
        raise ValueError(f"a source says how the figure is known, by one of: {', '.join(MARKED)}")
    return text


class Sourced(Format):
    """Something with a source, which carries a mark as those of targets do."""

    source: Annotated[str, AfterValidator(_marked)]


class Assumption(Sourced):
    """A figure that a check rests on. range: from its low to its high end, of a figure that is assumed or disputed."""

    value: Finite
    range: tuple[Finite, Finite] | None = None

    @model_validator(mode="after")
    def _inside(self) -> Assumption:
        if self.range is not None and not self.range[0] <= self.value <= self.range[1]:
            raise ValueError(f"the range {self.range[0]:g}..{self.range[1]:g} does not hold {self.value:g}")
        return self

    @property
    def low(self) -> float:
        """The low end of the range; the value itself without one."""
        return self.range[0] if self.range else self.value

    @property
    def high(self) -> float:
        """The high end of the range; the value itself without one."""
        return self.range[1] if self.range else self.value


class Published(Format):
    """What is said of one figure of a check: a value, from low to high, or a bound on one side.

    within: the part of what is said by which the computed figure may be beyond it and still be the same.
    """

    value: Finite | None = None
    low: Finite | None = None
    high: Finite | None = None
    unit: str = ""
    within: Annotated[float, Field(ge=0, lt=10)] = 0.1

    @model_validator(mode="after")
    def _says_something(self) -> Published:
        if (self.value is None) == (self.low is None and self.high is None):
            raise ValueError("give `value`, or `low`, `high` or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"`low` {self.low:g} is above `high` {self.high:g}")
        return self

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """The lowest and the highest value that is said; None where that side is open."""
        return (self.value, self.value) if self.value is not None else (self.low, self.high)


class Asked(Format):
    """A mapping that the compiler is asked for; all as the options of `mapper compile`."""

    model: str
    target: str
    phases: list[str] = []
    dims: dict[str, Annotated[int, Field(ge=1)]] = {}
    objective: str = "throughput"
    pipeline: str = "default"
    precision: str | None = None
    batch: Annotated[int, Field(ge=1)] | None = None
    effort: Literal["quick", "default", "max"] = "default"
    settings: list[str] = Field(default=[], alias="set")


class Claim(Sourced):
    """A claim. check: the kind of check and its arguments. published: what is said, by the check's figures; without any
    the claim is a question. beyond: what no program can compute of it."""

    id: Identifier
    claim: str
    quote: str = ""
    check: dict[str, dict[str, Any]]
    published: dict[str, Published] = {}
    beyond: str = ""

    @model_validator(mode="after")
    def _one_check(self) -> Claim:
        if len(self.check) != 1:
            raise ValueError("`check` names exactly one kind of check")
        return self

    @property
    def kind(self) -> str:
        """The name of its check."""
        return next(iter(self.check))


class ClaimsFile(Format):
    """The whole file. questions: mappings by name, which several claims may rest on."""

    schema_: Literal[1] = Field(alias="schema")
    name: Identifier
    about: str = ""
    questions: dict[Identifier, Asked] = {}
    claims: Annotated[list[Claim], Field(min_length=1)]
