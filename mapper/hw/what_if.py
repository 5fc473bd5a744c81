"""A target with some of its figures changed, as options of the command line say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mapper.errors import UsageError, did_you_mean
from mapper.hw.alike import named, outside
from mapper.hw.figures import Figure, figures, matching, with_figure
from mapper.hw.parameters import LINK_KEYS, MEMORY_KEYS, TARGET_KEYS, machine
from mapper.hw.schema import LinkFigures, MemoryFigures, Power
from mapper.hw.target import Link, Memory, Target, Unit
from mapper.hw.teams import arranged, arrangement_of

EXAMPLE = "--set gpu0.launch_gap_s=8e-6 or --set cim*.arrays*=2"

FARTHEST = 1e6
"""The largest factor: beyond it times leave the range of ticks."""

_SETTING = re.compile(r"(?P<name>[^=]*?)\s*(?P<how>\*=|/=|=)(?P<number>.*)", re.DOTALL)
_Kept = TypeVar("_Kept", Memory, Link, Target)


class Refused(UsageError):
    """A change that a figure does not take: what it is, what it would be, and why not."""


@dataclass(frozen=True, slots=True)
class Change:
    """A figure that is to be another: times a factor, or a value. `name` is as in `Parameter.name`."""

    name: str
    factor: float | None = None
    value: float | None = None

    def __str__(self) -> str:
        if self.factor is None:
            return f"{self.name}={self.value:.12g}"
        return f"{self.name}*={self.factor:.12g}" if self.factor >= 1 else f"{self.name}/={1 / self.factor:.12g}"

    def of(self, before: float, whole: bool) -> float:
        """The figure after the change; one that must be whole is rounded. Raises Refused where that leaves nothing of
        it, or no change."""
        after = before * self.factor if self.factor is not None else self.value
        assert after is not None
        if not whole or after == int(after):
            return after
        if self.factor is None:
            raise Refused(f"--set {self}: '{self.name}' is a whole number")
        near = float(int(after + 0.5))
        if near in (0.0, before):
            raise Refused(f"--set {self}: '{self.name}' is a whole number: {before:g} cannot become {after:g}")
        return near


def parse_change(text: str) -> Change:
    """The change that NAME=NUMBER, NAME*=NUMBER or NAME/=NUMBER stands for."""
    found = _SETTING.fullmatch(text.strip())
    try:
        number = float(found["number"]) if found else nan
    except ValueError:
        number = nan
    if not found or not found["name"].strip() or not isfinite(number):
        raise _unreadable(text)
    name = found["name"].strip()
    if found["how"] == "=":
        return Change(name, value=number)
    if not 1 / FARTHEST <= number <= FARTHEST:
        raise UsageError(f"--set {text}: a factor lies between {1 / FARTHEST:g} and {FARTHEST:g}; {number:g} does not")
    return Change(name, factor=number if found["how"] == "*=" else 1 / number)


def _unreadable(text: str) -> UsageError:
    return UsageError(f"--set {text}: write a unit, a key of its file and a number, as in {EXAMPLE}")


def changed(target: Target, changes: Sequence[str | Change]) -> Target:
    """The target after the changes, one after the other.

    A name is UNIT.KEY, MEMORY.KEY, link.LINK.KEY or a key of the whole target; parts are meant by name, kind or
    pattern, keys may be shortened as long as they are told apart. Units that change are a kind of their own, so that no
    price of the shipped kind is taken for theirs, and the memories inside them follow from their new figures. A folded
    target is folded anew from the changed machine. Raises UsageError, Refused where the figure takes no such value.
    """
    whole = machine(target)
    if whole is not target:
        return arranged(changed(whole, changes), arrangement_of(target))
    for change in changes:
        target = _changed(target, parse_change(change) if isinstance(change, str) else change)
    return target


def _changed(target: Target, change: Change) -> Target:
    if "." not in change.name:
        return _of_target(target, change)
    word = change.name
    for prefix in ("unit.", "memory.", "link."):
        if word.startswith(prefix) and word.count(".") > 1 and not named(target.units, prefix[:-1]):
            return _of_parts(target, change, prefix[:-1], word.removeprefix(prefix))
    return _of_parts(target, change, "", word)


def _of_target(target: Target, change: Change) -> Target:
    keys = matching(TARGET_KEYS, change.name)
    if len(keys) != 1:
        raise UsageError(
            f"--set {change}: write a unit, a key of its file and a number, as in {EXAMPLE}; figures of the whole "
            f"target are {', '.join(TARGET_KEYS)}"
        )
    before = getattr(target, keys[0])
    if before is None and change.factor is not None:
        raise Refused(f"--set {change}: {target.name} has no power limit to multiply; give one with =NUMBER")
    after = change.of(before or 0.0, whole=False)
    _valid(Power, {{"power_limit_w": "limit_w", "rest_power_w": "rest_w"}[keys[0]]: after}, change)
    return _with(target, keys[0], after)


def _of_parts(target: Target, change: Change, sort: str, word: str) -> Target:
    """The target with a figure of units, memories or links changed, whichever the longest pattern in `word` means."""
    for pattern, key in _splits(word):
        if sort in ("", "unit") and (units := named(target.units, pattern)):
            return _of_units(target, units, change, key)
        if sort in ("", "memory") and (memories := named(outside(target), pattern)):
            return _of_memories(target, memories, change, key)
        if sort in ("", "link") and (links := named(target.links, pattern)):
            after = {k.name: _of_link(k, change, key) for k in links}
            return replace(target, links=tuple(after.get(k.name, k) for k in target.links))
    pattern = _splits(word)[-1][0]
    what, names = {
        "unit": ("unit", [*target.unit]),
        "memory": ("memory", [m.name for m in outside(target)]),
        "link": ("link", [*target.link]),
        "": ("unit", [*target.unit, *target.memory]),
    }[sort]
    raise UsageError(f"--set {change}: no {what} '{pattern}'; {did_you_mean(pattern, names)}")


def _splits(word: str) -> list[tuple[str, str]]:
    """The ways to read a pattern and a key, the longest pattern first: both may hold dots."""
    dots = [i for i, c in enumerate(word) if c == "." and 0 < i < len(word) - 1]
    if not dots:
        raise _unreadable(word)
    return [(word[:i], word[i + 1 :]) for i in reversed(dots)]


def _of_units(target: Target, units: Sequence[Unit], change: Change, key: str) -> Target:
    news = {unit.name: _of_unit(unit, change, key) for unit in units}
    memories = tuple(_inside(m, news[m.unit]) if m.unit in news else m for m in target.memories)
    return replace(target, units=tuple(news.get(u.name, u) for u in target.units), memories=memories)


def _of_unit(unit: Unit, change: Change, key: str) -> Unit:
    known = {figure.key: figure for figure in figures(unit.model)}
    name = _key(known, key, f"{unit.model_name} units", change)
    figure = known[name]
    after = _table(figure, change) if figure.table else change.of(figure.value, figure.whole)
    try:
        model = with_figure(unit.model, figure.path, after, change.factor if figure.table else None)
    except ValidationError as error:
        raise _refused(change, error) from None
    if model == unit.model:
        return unit
    told = f"x{change.factor!r}" if figure.table else f"={after!r}".removesuffix(".0")
    return replace(unit, kind=f"{unit.kind}+{name}{told}", model=model)


def _table(figure: Figure, change: Change) -> float:
    if change.factor is None:
        raise UsageError(
            f"--set {change}: '{figure.key}' is a table by number type: change it all with {change.name}*=NUMBER, or "
            f"one entry, as in {change.name}.f16=NUMBER"
        )
    return change.factor * figure.value


def _inside(memory: Memory, unit: Unit) -> Memory:
    """A memory inside a unit as the unit's figures now make it."""
    suffix = memory.name.removeprefix(f"{unit.name}.")
    storage = next(s for s in unit.model.storages() if s.suffix == suffix)
    return replace(
        memory,
        kind=f"{unit.kind}.{suffix}",
        capacity_bytes=storage.capacity_bytes,
        bandwidth_bytes_per_s=storage.bandwidth_bytes_per_s,
        energy_pj_per_bit=storage.energy_pj_per_bit,
    )


def _of_memories(target: Target, memories: Sequence[Memory], change: Change, key: str) -> Target:
    news = {m.name: _of_memory(m, change, key) for m in memories}
    return replace(target, memories=tuple(news.get(m.name, m) for m in target.memories))


def _of_memory(memory: Memory, change: Change, key: str) -> Memory:
    name = _key(MEMORY_KEYS, key, "memories", change)
    after = change.of(getattr(memory, name), name == "capacity_bytes")
    checked = _valid(MemoryFigures, {k: getattr(memory, k) for k in MEMORY_KEYS} | {name: after}, change)
    return _with(memory, name, getattr(checked, name))


def _of_link(link: Link, change: Change, key: str) -> Link:
    name = _key(LINK_KEYS, key, "links", change)
    after = change.of(getattr(link, name), whole=False)
    checked = _valid(LinkFigures, {k: getattr(link, k) for k in LINK_KEYS} | {name: after}, change)
    return _with(link, name, getattr(checked, name))


def _with(part: _Kept, key: str, value: float) -> _Kept:
    # mypy cannot see that a key of MEMORY_KEYS, LINK_KEYS or TARGET_KEYS is a field of the part
    edit: Callable[..., _Kept] = replace
    return edit(part, **{key: value})


def _valid(format_: type[BaseModel], data: dict[str, float], change: Change) -> BaseModel:
    try:
        return format_.model_validate(data)
    except ValidationError as error:
        raise _refused(change, error) from None


def _refused(change: Change, error: ValidationError) -> Refused:
    """What a schema says of the new value, as 'it must be greater than 0'."""
    return Refused(f"--set {change}: {error.errors()[0]['msg'].lower().replace('input should be', 'it must be')}")


def _key(known: Iterable[str], wanted: str, whose: str, change: Change) -> str:
    """The key that a word stands for; none and several are errors."""
    keys = list(known)
    found = matching(keys, wanted)
    if not found:
        raise UsageError(f"--set {change}: {whose} have no '{wanted}'; {did_you_mean(wanted, keys)}")
    if len(found) > 1:
        raise UsageError(f"--set {change}: '{wanted}' may be {' or '.join(found)}; write more of it")
    return found[0]
