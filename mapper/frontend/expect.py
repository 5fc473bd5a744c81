"""Expected values of quantities that depend on data: assumed with a warning, or set by the user."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mapper.errors import UsageError, did_you_mean

_PLACE = re.compile(r"\[\d+\]$")
"""The place of a number in its value."""
_SHOWN = 4
"""Warnings about one kind of quantity beyond which the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A quantity that depends on data. values: what was taken for it, one per sample, equal ones merged.

    name: what `--expect` calls it, the name of a value of the file. about: what it is. default: what is taken when the
    user says nothing (None: then the model is refused). given: whether the user set it.
    """

    name: str
    about: str
    values: tuple[int, ...]
    default: str
    given: bool

    @property
    def value(self) -> str:
        """The values in words."""
        return ".. ".join(map(str, self.values)) if len(self.values) <= 3 else f"{min(self.values)}..{max(self.values)}"


@dataclass(slots=True)
class Expectations:
    """What the user expects, what was asked for, and what was assumed for the rest."""

    given: Mapping[str, int]
    _found: dict[str, Expectation] = field(default_factory=dict)
    _needed: dict[str, None] = field(default_factory=dict)

    def take(self, name: str, about: str, assumed: int, default: str) -> int:
        """The value for a quantity: the user's, else the one assumed, of which a warning will tell."""
        value = self.given.get(name, assumed)
        before = self._found.get(name)
        values = (*before.values, value) if before else (value,)
        self._found[name] = Expectation(name, about, tuple(dict.fromkeys(values)), default, name in self.given)
        return value

    def of(self, name: str) -> int | None:
        """The user's value, if there is one; it counts as used once it is taken."""
        return self.given.get(name)

    def need(self, *names: str) -> None:
        """Notes names that would have been right, for messages."""
        self._needed.update(dict.fromkeys(names))

    def snapshot(self) -> dict[str, Expectation]:
        """What was met so far, to be restored after a trial."""
        return dict(self._found)

    def restore(self, found: dict[str, Expectation]) -> None:
        """Forgets what was met since the snapshot."""
        self._found = dict(found)

    def found(self) -> tuple[Expectation, ...]:
        """All quantities met so far, in the order in which the model computes them."""
        return tuple(self._found.values())

    def warnings(self) -> list[str]:
        """One warning per quantity that was assumed; many of one kind are told by a few."""
        kinds: dict[str, dict[str, list[Expectation]]] = {}
        for e in self._found.values():
            if not e.given:
                kinds.setdefault(e.about, {}).setdefault(_PLACE.sub("", e.name), []).append(e)
        told: list[str] = []
        for alike in kinds.values():
            shown = list(alike) if len(alike) <= _SHOWN else list(alike)[:1]
            told += [_warning(name, alike[name]) for name in shown]
            if len(alike) > len(shown):
                told.append(f"{len(alike) - 1} more like '{shown[0]}' are assumed so; `mapper inspect` lists them all")
        return told

    def check_used(self) -> None:
        """Refuses a name that stands for nothing in this model."""
        unused = sorted(set(self.given) - set(self._found))
        if unused:
            known = {*self._found, *self._needed}
            hint = did_you_mean(unused[0], known, otherwise="what depends on data here")
            raise UsageError(f"--expect {unused[0]}: nothing in this model that depends on data has this name; {hint}")


def _warning(name: str, parts: Sequence[Expectation]) -> str:
    """What was assumed of a value: one number, or several in their places."""
    one, alone = parts[0], len(parts) == 1
    name, value = (one.name, one.value) if alone else (name, f"[{', '.join(e.value for e in parts)}]")
    flag = one.name if alone else f"{name}[i]"
    return f"'{name}' depends on data ({one.about}): assumed {value}, {one.default}; set it with --expect {flag}=N"
