"""Which models a target runs at all, and why not the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from mapper.claims.answers import Answer
from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, target_words
from mapper.claims.found import Figure, Found, Table
from mapper.report.units import shorten, si

SHOWN = 4
"""Units whose weights are told."""


class Support(Check):
    """The questions that have a plan, among all that are asked of a target."""

    kind: ClassVar[str] = "support"
    units: ClassVar[dict[str, str]] = {"runs": "", "asked": ""}
    questions: Annotated[list[str], Field(min_length=1)]

    def questions_asked(self) -> Iterator[str]:
        return iter(self.questions)

    def run(self, bench: Bench, published: Publisheds) -> Found:
        answers = [bench.asked(name) for name in self.questions]
        rows = []
        for name, answer in zip(self.questions, answers, strict=True):
            row = answer.row
            if answer.why_not:
                why = shorten(answer.why_not, 200, end=True)
                rows.append((bench.questions[name].model, "no", "-", "-", "-", why))
            else:
                latency, energy = si(row["latency_s"], "s"), si(row["energy_j"], "J")
                why = f"limited by {answer.limit}"
                rows.append((bench.questions[name].model, "yes", latency, energy, _held(answer), why))
        runs = [bench.questions[a.question].model for a in answers if not a.why_not]
        columns = ("model", "runs", "latency", "energy", "weights on", "why")
        targets = list(dict.fromkeys(bench.questions[name].target for name in self.questions))
        return Found(
            {"runs": Figure(len(runs)), "asked": Figure(len(answers))},
            {"runs": ", ".join(runs) or "none of them"},
            (),
            (Table(f"on {', '.join(targets)}", columns, tuple(rows)),),
            tuple(target_words(bench, name) for name in targets),
        )


def _held(answer: Answer) -> str:
    """Units and the weights that they hold, most first."""
    held = ((unit["weight_bytes"], name) for name, unit in answer.row["units"].items() if unit["weight_bytes"])
    return ", ".join(f"{name} {si(size, 'B')}" for size, name in sorted(held, key=lambda h: (-h[0], h[1]))[:SHOWN])
