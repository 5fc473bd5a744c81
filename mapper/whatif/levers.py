"""Levers: the figures of a target that may change to reach a goal, which way is the better one, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isfinite, log2

from mapper.errors import UsageError, did_you_mean
from mapper.hw.parameters import Parameter, parameters
from mapper.hw.target import Target
from mapper.hw.what_if import Change, Refused, changed

STEPS = 8
"""Steps of an octave that factors are tried in: a step is a factor of 2^(1/8), 9 %."""

OCTAVES = 4
"""How far a figure may be moved: by a factor of 16."""

_MORE = ("Hz", "B/s", "op/s", "B")
_LESS = ("s", "pJ", "pJ/bit", "W")
_MORE_OF = ("cores", "sms", "lanes", "speed", "rate", "arrays", "adcs_per_array", "power_limit_w", "cells_at_once",
            "efficiency", "per_cycle", "endurance")  # fmt: skip
"""Ends of the names of figures of which more is better, whatever they are measured in."""


@dataclass(frozen=True, slots=True)
class Lever:
    """A figure that may be moved one way, so far as it goes: `most` steps. price: what an octave of it costs. known:
    whether that way is the better one whatever else changes; a number of rows, say, is not."""

    parameter: Parameter
    larger: bool
    most: int
    price: float = 1.0
    known: bool = True

    def change(self, steps: int) -> Change:
        """The figure so many steps off."""
        factor = 2 ** (steps / STEPS)
        return Change(self.parameter.name, factor=factor if self.larger else 1 / factor)

    def octaves(self, steps: int) -> float:
        """How far so many steps move it; a whole number goes to the nearest one."""
        after = self.change(steps).of(self.parameter.value, self.parameter.whole)
        return abs(log2(after / self.parameter.value))

    def cost(self, steps: int) -> float:
        """What so many steps cost."""
        return self.price * self.octaves(steps)

    def steps(self, first: int, last: int) -> list[int]:
        """The numbers of steps in a range that make figures of their own."""
        seen, found = set[float](), []
        for k in range(first, last + 1):
            try:
                after = self.change(k).of(self.parameter.value, self.parameter.whole)
            except Refused:
                continue
            if after not in seen:
                seen.add(after)
                found.append(k)
        return found


def parse_prices(texts: Sequence[str], target: Target) -> dict[str, float]:
    """The prices per octave by the name of the parameter, of texts like "cim*.arrays=3"; `*` stands for any characters,
    and inf for what is not to be had. Raises UsageError."""
    names = [p.name for p in parameters(target)]
    found: dict[str, float] = {}
    for text in texts:
        pattern, equals, number = text.rpartition("=")
        try:
            price = float(number)
        except ValueError:
            price = -1.0
        if not equals or not price > 0:
            raise UsageError(
                f"--price {text}: write a figure of the target and a number above 0", hint="as in cim*.arrays=3"
            )
        meant = [name for name in names if name == pattern.strip() or fnmatchcase(name, pattern.strip())]
        if not meant:
            raise UsageError(f"--price {text}: no figure '{pattern.strip()}'; {did_you_mean(pattern.strip(), names)}")
        found.update(dict.fromkeys(meant, price))
    return found


def levers(target: Target, prices: dict[str, float]) -> tuple[Lever, ...]:
    """Every figure that a builder may move, the better way, or both ways where it depends which is better. How far each
    goes is what its own unit, memory or link allows."""
    found = []
    for parameter in parameters(target):
        price = prices.get(parameter.name, 1.0)
        if parameter.name.endswith("endurance") or not isfinite(price):
            continue
        ways = better(parameter)
        for larger in ways:
            most = _most(target, parameter, larger)
            if most:
                found.append(Lever(parameter, larger, most, price, len(ways) == 1))
    return tuple(found)


def better(parameter: Parameter) -> tuple[bool, ...]:
    """Whether more of a figure is better (True), less (False), or now one, now the other."""
    name = parameter.name
    if name.endswith(_MORE_OF):
        return (True,)
    if "energy" in name or parameter.unit_of_measure in _LESS:
        return (False,)
    if parameter.unit_of_measure in _MORE:
        return (True,)
    return (True, False)


def _most(target: Target, parameter: Parameter, larger: bool) -> int:
    """The most steps that the target takes."""
    for steps in range(OCTAVES * STEPS, 0, -1):
        lever = Lever(parameter, larger, steps)
        if larger and parameter.name.endswith("efficiency") and parameter.value * 2 ** (steps / STEPS) > 1:
            continue  # a part of what is there at best
        try:
            changed(target, [lever.change(steps)])
        except Refused:
            continue
        return steps
    return 0
