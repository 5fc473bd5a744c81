"""What two plans were made from, where that differs: model, target, phases, objective, options, versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

from mapper.hw.figures import unit_of_measure
from mapper.hw.target import Target
from mapper.ir.plan import Plan
from mapper.report.arrangement import arrangement_words
from mapper.report.units import figure

_TABLE = 12
"""A list of more elements is a table: told as one figure."""


@dataclass(frozen=True, slots=True)
class Input:
    """A figure that differs. where: the parts of a target that share the difference; before, after: as text, '' where
    it is not there."""

    name: str
    before: str
    after: str
    where: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What differs, and of which parts."""
        return f"{self.name} of {', '.join(self.where)}" if self.where else self.name

    @property
    def told(self) -> tuple[str, str]:
        """Both values as people read them: with the unit of measure that the name tells, where they still differ."""
        unit = unit_of_measure(self.name.rpartition(" ")[2].split("."))
        before, after = (_measured(text, unit) for text in (self.before, self.after))
        return (before, after) if before != after else (self.before or "none", self.after or "none")

    def __str__(self) -> str:
        return f"{self.title}: {' -> '.join(self.told)}"


def _measured(text: str, unit: str) -> str:
    """A number with its unit of measure; other text as it is."""
    try:
        return figure(float(text), unit) if unit else text or "none"
    except ValueError:
        return text or "none"


def inputs(before: Plan, after: Plan, recorded: tuple[Mapping[str, Any], Mapping[str, Any]]) -> tuple[Input, ...]:
    """The inputs that differ; recorded: the summaries that were written beside the plans (versions), or nothing."""
    found = [_shortened(x) for x in _differing(_source(before), _source(after))]
    found += _differing(*(_settings(plan) for plan in (before, after)))
    found += _differing(*({f"phase {p.name}": _phase(p) for p in plan.phases} for plan in (before, after)))
    found += _target(*(plan.target.group or plan.target for plan in (before, after)))
    found += _differing(*({"arranged as": arrangement_words(plan.target)} for plan in (before, after)))
    made_by = [{f"version of {k}": str(v) for k, v in s.get("versions", {}).items()} for s in recorded]
    if all(made_by):
        found += _differing(*made_by)
    return tuple(found)


def _source(plan: Plan) -> dict[str, str]:
    """What the compilation was told, with the graph that came of it."""
    graph = plan.graph
    return {
        "model": graph.name,
        **{("digest of the model" if k == "sha256" else k): v for k, v in plan.source if k != "model"},
        "ops after import and fusion": str(len(graph.ops)),
        "clusters": str(len(plan.clusters or ())),
    }


def _shortened(row: Input) -> Input:
    """Of two pipelines only the passes that differ."""
    if row.name != "pipeline" or not (row.before and row.after):
        return row
    was, now = row.before.split(","), row.after.split(",")
    start = next((i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    most = min(len(was), len(now)) - start
    end = next((i for i in range(most) if was[-1 - i] != now[-1 - i]), most)
    return replace(row, before=",".join(was[start : len(was) - end]), after=",".join(now[start : len(now) - end]))


def _settings(plan: Plan) -> dict[str, str]:
    return {
        "objective": plan.objective.value,
        "limits": " ".join(map(str, plan.limits)),
        "batch": str(plan.batch) if plan.batch else "",
        "precision": plan.precision.value if plan.precision else "",
    }


def _phase(phase: Any) -> str:
    given = " ".join(f"{name}={size}" for name, size in phase.given)
    return f"{given} calls={phase.calls}".strip()


def _differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[Input]:
    names = dict.fromkeys((*before, *after))
    return [Input(n, before.get(n, ""), after.get(n, "")) for n in names if before.get(n, "") != after.get(n, "")]


def _target(before: Target, after: Target) -> list[Input]:
    """Figures of the target that differ; those of several parts that differ alike are one."""
    if before == after:
        return []
    own = [_figures(t, without=("units", "memories", "links", "about", "source", "group")) for t in (before, after)]
    found = [Input("target" if x.name == "name" else f"target {x.name}", x.before, x.after) for x in _differing(*own)]
    for word, part in (("unit", "units"), ("memory", "memories"), ("link", "links")):
        mine, theirs = ({x.name: x for x in getattr(t, part)} for t in (before, after))
        gone, new = ([n for n in some if n not in other] for some, other in ((mine, theirs), (theirs, mine)))
        if gone or new:
            found.append(Input(part, ", ".join(gone), ", ".join(new)))
        for name in [n for n in mine if n in theirs and mine[n] != theirs[n]]:
            rows = _differing(_figures(mine[name]), _figures(theirs[name]))
            found += [Input(f"{word} {x.name}", x.before, x.after, (name,)) for x in rows if not _renamed(x)]
    return _merged(found)


def _renamed(row: Input) -> bool:
    """Whether only --set gave the kind a name of its own: the figures that it changed are told."""
    before, after = (re.sub(r"\+.*?(?=(\.[A-Za-z]\w*)?$)", "", kind) for kind in (row.before, row.after))
    return row.name == "kind" and before == after


def _figures(part: Any, without: Iterable[str] = ()) -> dict[str, str]:
    """Every figure of a part of a target by the way to it."""
    found: dict[str, str] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name == "model":
            _flatten("", value.model_dump(mode="json"), found)
        elif field.name not in without:
            _flatten(field.name, value, found)
    return found


def _flatten(path: str, value: Any, found: dict[str, str]) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _flatten(f"{path}.{key}" if path else str(key), inner, found)
    elif isinstance(value, list | tuple) and len(value) > _TABLE:
        found[path] = f"a table of {len(value)} rows ({hash_of(value)})"
    elif isinstance(value, list | tuple):
        found[path] = ", ".join(map(str, value))
    elif isinstance(value, float):
        short = f"{value:g}"
        found[path] = short if float(short) == value else repr(value)
    elif value is not None:
        found[path] = str(value.value if isinstance(value, Enum) else value)


def hash_of(value: Any) -> str:
    """Eight digits that tell tables apart."""
    from hashlib import sha256

    return sha256(repr(value).encode()).hexdigest()[:8]


def _merged(rows: Iterable[Input]) -> list[Input]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        found.setdefault((row.name, row.before, row.after), []).extend(row.where)
    return [Input(name, was, now, tuple(where)) for (name, was, now), where in found.items()]
