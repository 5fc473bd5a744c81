"""Which models a target runs at all, and why not the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, target_words
from mapper.claims.found import Figure, Found, Table
from mapper.report.units import shorten, si


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
                rows.append((bench.questions[name].model, "no", "-", "-", shorten(answer.why_not, 200, end=True)))
            else:
                latency, energy = si(row["latency_s"], "s"), si(row["energy_j"], "J")
                rows.append((bench.questions[name].model, "yes", latency, energy, f"limited by {answer.limit}"))
        runs = [bench.questions[a.question].model for a in answers if not a.why_not]
        targets = list(dict.fromkeys(bench.questions[name].target for name in self.questions))
        return Found(
            {"runs": Figure(len(runs)), "asked": Figure(len(answers))},
            {"runs": ", ".join(runs) or "none of them"},
            (),
            (Table(f"on {', '.join(targets)}", ("model", "runs", "latency", "energy", "why"), tuple(rows)),),
            tuple(target_words(bench, name) for name in targets),
        )
