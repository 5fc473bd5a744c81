"""Records: what a case came to, as the history keeps it and a baseline accepts it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from mapper.errors import MapperError

SCHEMA = 1


class Ended(StrEnum):
    """How a case ended: with a plan, or a score's numbers; with a proof or a finding that there is none; with an input
    that is wrong; by a fault of the program; by its guard of time or memory; before it was whole, as somebody stopped
    the run; or not begun, as its data are not on this machine."""

    FOUND = "found"
    INFEASIBLE = "infeasible"
    REFUSED = "refused"
    BROKEN = "broken"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    STOPPED = "stopped"
    SKIPPED = "skipped"


LASTING = (Ended.FOUND, Ended.INFEASIBLE)
"""Asking again would give the same."""

UNANSWERED = (Ended.REFUSED, Ended.BROKEN, Ended.TIMEOUT, Ended.MEMORY)
"""Somebody must look at it."""


@dataclass(frozen=True)
class Record:
    """What a case came to.

    key: content address of all that it depends on. metrics: by name, the same whenever the same is asked. timings: by
    name, seconds by the wall clock and bytes of memory, of this once. plan: sha256 of plan.json; placed: of its
    placement alone. about: model, target and options in words, for people. reason: why there is no plan. machine: what
    the timings were measured on.
    """

    case: str
    key: str
    ended: Ended
    metrics: Mapping[str, float] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    plan: str = ""
    placed: str = ""
    reason: str = ""
    machine: str = ""

    @property
    def lasting(self) -> bool:
        """Whether it need not be asked again."""
        return self.ended in LASTING

    @property
    def text(self) -> str:
        """One line of JSON, keys sorted."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, sort_keys=True, separators=(",", ":"), allow_nan=False)


def record_of(text: str, where: str) -> Record:
    """The record in a line of JSON. Raises MapperError for one of another schema, or that is none."""
    try:
        data: dict[str, Any] = json.loads(text)
        schema = data.pop("schema")
        if schema != SCHEMA:
            raise MapperError(
                f"{where}: a record of schema {schema}, this version reads {SCHEMA}",
                hint="run the version that wrote it, or start a new history",
            )
        return Record(**{**data, "ended": Ended(data["ended"])})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MapperError(f"{where}: not a record: {error}") from None
