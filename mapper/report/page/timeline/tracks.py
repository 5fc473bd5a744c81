"""Rows of the timeline and what can stand in them: each activity of a call once, however often it is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mapper.cost.activity import Activity
from mapper.cost.judge import Verdict
from mapper.report.holdings import kind_of


@dataclass(slots=True)
class Table:
    """Words that are named by their number."""

    words: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, word: str) -> int:
        return self.words.setdefault(word, len(self.words))


class Tracks:
    """The rows: units that run something, directions of links that carry something, memory channels that somebody uses;
    each in the target's order. activities: of all phases, one after the other, as columns of numbers."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        target = verdict.plan.target
        held = {name for program in verdict.programs for a in program.activities for name in _places(a, target.unit)}
        channels = {m for program in verdict.programs for a in program.activities for m, _ in a.channels}
        links = [w for k in target.links for w in (f"{k.name}:{k.a}>{k.b}", f"{k.name}:{k.b}>{k.a}") if w in held]
        other = sorted(held - target.unit.keys() - set(links))
        self.units = [u for u in target.unit if u in held]
        self.links = links + other
        self.memories = [m for m in target.memory if m in channels]
        self.row = {name: k for k, name in enumerate((*self.units, *self.links))}
        self.first = [0]
        for program in verdict.programs:
            self.first.append(self.first[-1] + len(program.activities))

    @property
    def left_out(self) -> dict[str, int]:
        """How many units, link directions and memories have no row, as nothing happens there."""
        target = self._verdict.plan.target
        return {
            "units": len(target.units) - len(self.units),
            "links": 2 * len(target.links) - sum(":" in name for name in self.links),
            "memories": len(target.memories) - len(self.memories),
        }

    def rows(self) -> list[list[str]]:
        """Group, name and label of each row: units, links, memories."""
        named = [("unit", n, n) for n in self.units] + [("link", n, _way(n)) for n in self.links]
        shared = _prefix([*self._verdict.plan.target.unit])
        return [
            [*row, label.replace(shared, "") if shared else label]
            for *row, label in (*named, *(("memory", n, n) for n in self.memories))
        ]

    def activities(self) -> dict[str, Any]:
        """Columns: name, kind, limited_by (numbers of words), phase, bytes, and the rows that it is drawn in."""
        verdict = self._verdict
        names, kinds, limits, places = Table(), Table(), Table(), Table()
        columns: dict[str, list[int]] = {c: [] for c in ("name", "kind", "limit", "phase", "bytes", "rows")}
        rows: list[list[int]] = []
        for p, (phase, program) in enumerate(zip(verdict.plan.phases, verdict.programs, strict=True)):
            for a in program.activities:
                held = [self.row[name] for name in _places(a, verdict.plan.target.unit)]
                if (number := places[repr(held)]) == len(rows):
                    rows.append(held)
                kind = kind_of(verdict, a.task) if a.task else a.kind
                found = (names[a.name.removeprefix(f"{phase.name}/")], kinds[kind], limits[a.limited_by])
                for column, value in zip(columns.values(), (*found, p, a.bytes, number), strict=True):
                    column.append(value)
        tables: Mapping[str, Iterable[str]] = {"names": names.words, "kinds": kinds.words, "limits": limits.words}
        return {**columns, **{name: list(words) for name, words in tables.items()}, "places": rows}


def _places(activity: Activity, units: Mapping[str, object]) -> list[str]:
    """What an activity takes: the unit that it runs on, or the directions of links and the units at their ends."""
    if activity.where in units:
        return [activity.where]
    return [name for name, _ in activity.exclusive] or [activity.where]


def _way(name: str) -> str:
    """The direction of a link in a row's words."""
    link, _, ends = name.rpartition(":")
    return f"{ends.replace('>', ' → ')} ({link.partition('.')[0]})" if link else name


def _prefix(names: Sequence[str]) -> str:
    """The words and dots with which all names begin."""
    first, last = min(names).split("."), max(names).split(".")
    same = next((i for i, (a, b) in enumerate(zip(first[:-1], last[:-1], strict=False)) if a != b), None)
    words = first[: min(len(first), len(last)) - 1 if same is None else same]
    return "".join(f"{word}." for word in words)
