"""A rule of the law book: a name, one sentence, and the function that finds what breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from mapper.errors import InvalidPlan
from mapper.ir.plan import Plan

Finder = Callable[[Plan], Iterator[str]]
"""Yields a complaint for each breach: where, what, and the numbers."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that holds of every plan in which the decisions `needs` are taken."""

    name: str
    sentence: str
    needs: tuple[str, ...]
    breaches: Finder

    def check(self, plan: Plan) -> None:
        """Raise InvalidPlan with the first breach. Rules that stand before this one must hold."""
        complaint = next(self.breaches(plan), None)
        if complaint is not None:
            raise InvalidPlan(complaint, rule=self.name, details=[f"the rule: {self.sentence}"])


def rules(*finders: Finder, needs: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """Rules out of functions: the function's name names the rule, its docstring is the sentence."""
    return tuple(Rule(f.__name__.replace("_", "-"), " ".join((f.__doc__ or "").split()), needs, f) for f in finders)


def doubles(names: Iterable[str]) -> list[str]:
    """Names that occur more than once, in order of their second occurrence."""
    seen: set[str] = set()
    found: dict[str, None] = {}
    for name in names:
        if name in seen:
            found.setdefault(name)
        seen.add(name)
    return list(found)


def misnamed(what: str, names: Sequence[str]) -> Iterator[str]:
    """Complaints about empty and repeated names."""
    if "" in names:
        yield f"{what} {names.index('')} has no name"
    for name in doubles(names):
        yield f"{what} '{name}' stands {names.count(name)} times"


def amount(number: float) -> bool:
    """Whether a number is finite and not negative."""
    return isfinite(number) and number >= 0
