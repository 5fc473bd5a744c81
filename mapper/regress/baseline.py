"""Baselines: what of a suite was accepted, by whom, when and why; a file for git, small, sorted, to be reviewed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from mapper.emit.files import write_atomically
from mapper.errors import MapperError
from mapper.regress.record import LASTING, Ended, Record

SCHEMA = 1
DIGITS = 9
"""Significant digits of a metric: more than any tolerance sees, few enough to read."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That some cases were accepted. when: UTC, ISO 8601."""

    when: str
    who: str
    why: str
    cases: int
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Baseline:
    """What is accepted of a suite, by case, and how it came to be. source: in words, where it is no acceptance."""

    suite: str
    records: Mapping[str, Record] = field(default_factory=dict)
    accepted: tuple[Acceptance, ...] = ()
    source: str = ""

    def accept(self, some: Sequence[Record], who: str, why: str, now: datetime | None = None) -> Baseline:
        """The baseline with these records in it. Raises MapperError where there is none that lasts, or no reason."""
        if not why.strip():
            raise MapperError("an acceptance needs a reason", hint='as in -m "the new scheduler trades latency"')
        lasting = {record.case: record for record in some if record.lasting}
        if not lasting:
            raise MapperError(f"none of {len(some)} records can be accepted: no case has ended with an answer")
        when = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
        versions = next(iter(lasting.values())).versions
        made = Acceptance(when, who, " ".join(why.split()), len(lasting), versions)
        return replace(self, records={**self.records, **lasting}, accepted=(*self.accepted, made))

    @property
    def text(self) -> str:
        """The content of the file: one line for each metric, so that a review shows what moved."""
        cases = {name: _case(record) for name, record in sorted(self.records.items())}
        told = [
            {"when": a.when, "who": a.who, "why": a.why, "cases": a.cases, "versions": dict(sorted(a.versions.items()))}
            for a in self.accepted
        ]
        data = {"schema": SCHEMA, "suite": self.suite, "accepted": told, "cases": cases}
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"

    def save(self, path: Path) -> None:
        """Write the file: all or nothing."""
        write_atomically(path, self.text)


def of_run(suite: str, run: str, records: Sequence[Record]) -> Baseline:
    """What a run found, as something to hold another one against; nobody accepted it."""
    return Baseline(suite, {record.case: record for record in records if record.lasting}, (), f"run {run}")


def _case(record: Record) -> dict[str, Any]:
    metrics = {name: float(f"{value:.{DIGITS}g}") for name, value in sorted(record.metrics.items())}
    reason = {"reason": record.reason} if record.reason else {}
    return {"ended": record.ended.value, "about": dict(sorted(record.about.items())), "key": record.key,
            "plan": record.plan, "placed": record.placed, **reason, "metrics": metrics}  # fmt: skip


def load_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises MapperError for one of another schema, or that is none."""
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MapperError(f"{path}: {error.strerror}", hint="accept a run first: mapper regress accept") from None
    except ValueError as error:
        raise MapperError(f"{path} is no baseline: {error}", hint="take it from git again") from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA and isinstance(schema, int):
        raise MapperError(
            f"{path}: a baseline of schema {schema}, this version reads {SCHEMA}",
            hint="use the version that wrote it, or run the cases and accept them anew: mapper regress accept",
        )
    try:
        records = {name: _record(name, row) for name, row in data["cases"].items()}
        accepted = tuple(_acceptance(row) for row in data["accepted"])
        return Baseline(data["suite"], records, accepted)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MapperError(f"{path} is no baseline: {type(error).__name__}: {error}", hint="accept anew") from None


def _acceptance(row: Mapping[str, Any]) -> Acceptance:
    made = Acceptance(**row)
    _texts(made.when, made.who, made.why)
    if type(made.cases) is not int or not isinstance(made.versions, dict):
        raise TypeError("'cases' is a number, and 'versions' is an object")
    return made


def _texts(*words: Any) -> None:
    strange = next((word for word in words if not isinstance(word, str)), None)
    if strange is not None:
        raise TypeError(f"{json.dumps(strange)[:40]} stands where a text is due")


def _record(name: str, row: Mapping[str, Any]) -> Record:
    ended = Ended(row["ended"])
    if ended not in LASTING:
        raise ValueError(f"'{name}' is {ended}")
    metrics = {str(k): float(x) for k, x in row["metrics"].items()}
    strange = next((k for k, x in metrics.items() if not isfinite(x)), None)
    if strange is not None:
        raise ValueError(f"'{strange}' of '{name}' is no finite number")
    kept = {word: row[word] for word in ("about", "plan", "placed")}
    _texts(row["key"], row["plan"], row["placed"], row.get("reason", ""), *row["about"].values())
    return Record(name, row["key"], ended, metrics, **kept, reason=row.get("reason", ""))
