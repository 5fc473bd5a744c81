"""A model's blocks dealt to the accelerators of a system, and what the compiler makes of the same system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from mapper.claims.answers import Answer
from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, rests
from mapper.claims.found import Figure, Found, Table
from mapper.report.units import si


class Stages(Check):
    """Blocks of a model on the accelerators of a target: the kind of unit that holds most weights.

    questions: mappings of the model onto it; the first one gives the figures. per_board: accelerators of one board.
    """

    kind: ClassVar[str] = "stages"
    units: ClassVar[dict[str, str]] = {"blocks": "", "units": "", "boards": "", "blocks_per_unit": ""}
    questions: Annotated[list[str], Field(min_length=1)]
    per_board: Annotated[int, Field(ge=1)]

    def questions_asked(self) -> Iterator[str]:
        return iter(self.questions)

    def run(self, bench: Bench, published: Publisheds) -> Found:
        first = self.questions[0]
        answer, target = bench.answer(first), bench.target(bench.questions[first].target)
        number = sum(unit.kind == _accelerator(answer) for unit in target.units)
        blocks = answer.row["blocks"]
        rows = tuple(_row(bench, name) for name in self.questions)
        columns = ("question", "objective", "sets", "units a set", "blocks a unit", "tokens/s", "s/token")
        return Found(
            {
                "blocks": Figure(blocks),
                "units": Figure(number),
                "boards": Figure(number / self.per_board),
                "blocks_per_unit": Figure(blocks / number),
            },
            {"blocks_per_unit": self._because(answer, number)},
            (f"{blocks} equal blocks in the model's graph, {number} accelerators in {target.name}",),
            (Table("what the compiler makes of it", columns, rows),),
            tuple(rests(bench, *self.questions)),
        )

    def _because(self, answer: Answer, number: int) -> str:
        sets = max(t["copies"] for t in _teams(answer))
        if sets == 1:
            return "the compiler uses all units for one pipeline, too"
        return f"it fits; for throughput the compiler prefers {sets} sets of {number // sets} units"


def _accelerator(answer: Answer) -> str:
    """The kind of unit that holds most weights."""
    held: dict[str, float] = {}
    for unit in answer.row["units"].values():
        held[unit["kind"]] = held.get(unit["kind"], 0.0) + unit["weight_bytes"]
    return max(held, key=lambda kind: (held[kind], kind))


def _teams(answer: Answer) -> list[dict[str, int]]:
    """The units of that kind in the plan, each with the number that it stands for."""
    kind = _accelerator(answer)
    return [answer.row["teams"][name] for name, unit in answer.row["units"].items() if unit["kind"] == kind]


def _row(bench: Bench, name: str) -> tuple[str, ...]:
    answer = bench.answer(name)
    teams = _teams(answer)
    sets = max(t["copies"] for t in teams)
    stages, ranks = len(teams), max(t["ranks"] for t in teams)
    row = answer.row
    each = row["tpot_s"] if row["tpot_s"] is not None else row["latency_s"]
    split = f"{stages} stage{'s' * (stages > 1)}" + (f" x {ranks} ranks" if ranks > 1 else "")
    blocks = f"{row['blocks'] / stages:.3g}" + (f" (1/{ranks} of each)" if ranks > 1 else "")
    return name, row["objective"], str(sets), split, blocks, si(row["tokens_per_s"]), si(each, "s")
