"""Accelerators that so many users keep busy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, answerable, rests
from mapper.claims.checks.generation import Generation
from mapper.claims.claim import Assumption, Positive
from mapper.claims.found import Figure, Found, Table
from mapper.report.units import si

HOURS, SECONDS = 24.0, 3600.0


class Fleet(Check):
    """users x questions a day x words x seconds of a unit a word, in unit-hours a day, and the units that takes.

    duty: the part of the day in which a unit serves. tokens_per_word: 1 where words are counted as tokens. compiled:
    questions of the file whose own time a token stands in for the published one.
    """

    kind: ClassVar[str] = "fleet"
    units: ClassVar[dict[str, str]] = {
        "unit_hours_per_day": "h",
        "units": "",
        "units_compiled_most": "",
        "units_compiled_least": "",
    }
    users: Positive
    questions_per_day: Positive
    words: Positive
    seconds_per_word: Positive
    duty: Assumption
    tokens_per_word: Assumption
    compiled: tuple[str, ...] = ()

    def questions_asked(self) -> Iterator[str]:
        return iter(self.compiled)

    def run(self, bench: Bench, published: Publisheds) -> Found:
        words = self.users * self.questions_per_day * self.words
        hours = words * self.seconds_per_word / SECONDS
        rows = [self._row("as published, a word one token", self.seconds_per_word, words)]
        units = hours / HOURS / self.duty.value
        figures = {
            "unit_hours_per_day": Figure(hours),
            "units": Figure(units, hours / HOURS / self.duty.high, hours / HOURS / self.duty.low),
        }
        because = {
            "units": f"at a duty of {self.duty.value:g}; {self.duty.low:g} needs {si(hours / HOURS / self.duty.low)}"
        }
        own: dict[str, tuple[Figure, str]] = {}
        known, no_plan = answerable(bench, self.compiled)
        for name in known:
            found = Generation(questions=[name]).run(bench, {}).figures["unit_seconds_per_token"]
            rows.append(self._row(name, found.value, words * self.tokens_per_word.value))
            own[name] = self._fleet(found, words), f"{name}: {si(found.value, 's')} a token"
        for which, pick in (("most", max), ("least", min)):
            if own and not no_plan:
                figure, told = pick(own.values(), key=lambda o: o[0].value)
                figures[f"units_compiled_{which}"] = figure
                because[f"units_compiled_{which}"] = f"{told}, {self.tokens_per_word.value:g} tokens a word"
        return Found(
            figures,
            because,
            (
                f"{si(self.users)} users x {self.questions_per_day:g} questions x {self.words:g} words = "
                f"{si(words)} words a day",
                f"x {si(self.seconds_per_word, 's')} = {si(hours, digits=4)} unit-hours a day, / 24 h = "
                f"{si(hours / HOURS, digits=4)} units",
            ),
            (Table("the same with what the compiler finds", ("time a token", "s", "unit-h/day", "units"), tuple(rows)),)
            if known
            else (),
            (*self.assumed(), *rests(bench, *known)),
            dict.fromkeys(("units_compiled_most", "units_compiled_least"), no_plan) if no_plan else {},
        )

    def _fleet(self, token_s: Figure, words: float) -> Figure:
        """Units at the compiled time a token; its band and the range of tokens a word leave it open, the duty does not
        move."""
        t, each = self.tokens_per_word, words / SECONDS / HOURS / self.duty.value
        low, high = (end if end is not None else token_s.value for end in (token_s.low, token_s.high))
        return Figure(each * t.value * token_s.value, each * t.low * low, each * t.high * high)

    def _row(self, name: str, seconds: float, tokens: float) -> tuple[str, ...]:
        hours = tokens * seconds / SECONDS
        return name, si(seconds, "s"), si(hours), si(hours / HOURS / self.duty.value)
