"""A model's blocks dealt to the accelerators of a system one by one, and what the compiler makes of the same system."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Annotated, ClassVar

from pydantic import Field

from mapper.claims.answers import Answer
from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, answerable, rests
from mapper.claims.found import Figure, Found, Table
from mapper.report.units import si


class Stages(Check):
    """Blocks of a model on the accelerators of a target: the kind of unit that holds most weights.

    deal: a mapping of the model in as many stages as there are units (pipeline `stages`); all figures but the last are
    those of its plan. questions: mappings of the same model that are free to do better. per_board: accelerators of one
    board.
    """

    kind: ClassVar[str] = "stages"
    units: ClassVar[dict[str, str]] = {
        "blocks": "",
        "units": "",
        "boards": "",
        "blocks_per_unit": "",
        "part_of_best": "",
    }
    deal: str
    questions: tuple[str, ...] = ()
    per_board: Annotated[int, Field(ge=1)]

    def questions_asked(self) -> Iterator[str]:
        yield self.deal
        yield from self.questions

    def run(self, bench: Bench, published: Publisheds) -> Found:
        answer, target = bench.answer(self.deal), bench.target(bench.questions[self.deal].target)
        number = sum(unit.kind == _accelerator(answer) for unit in target.units)
        held = _held(answer)
        free, no_plan = answerable(bench, self.questions)
        rows = tuple(_row(bench, name) for name in (self.deal, *free))
        columns = ("question", "objective", "sets", "units a set", "blocks a unit", "tokens/s", "s/token")
        steps = (f"{answer.row['blocks']} equal blocks in the model's graph, {number} accelerators in {target.name}",)
        figures = {
            "blocks": Figure(answer.row["blocks"]),
            "units": Figure(len(held)),
            "boards": Figure(ceil(len(held) / self.per_board)),
            "blocks_per_unit": Figure(max(held)),
        }
        outside = f"weights outside of blocks are as many as those of {answer.row['blocks_outside']:.2g} more"
        because = {
            "blocks_per_unit": f"the most that one of {len(held)} holds, the least is {min(held):.3g}; {outside}"
        }
        if free and not no_plan:
            best = max(free, key=lambda name: float(bench.answer(name).row["tokens_per_s"]))
            figures["part_of_best"] = _part(answer, bench.answer(best))
            because["part_of_best"] = f"of the tokens a second of {best}, {_split(bench.answer(best))}"
        return Found(
            figures,
            because,
            steps,
            (Table("the deal, and what the compiler makes of it", columns, rows),),
            tuple(rests(bench, self.deal, *free)),
            {"part_of_best": no_plan} if no_plan else {},
        )


def _part(mine: Answer, best: Answer) -> Figure:
    """Tokens a second of one over those of the other; both have the same errors, so the bands of neither are in it."""
    return Figure(mine.row["tokens_per_s"] / best.row["tokens_per_s"])


def _accelerator(answer: Answer) -> str:
    """The kind of unit that holds most weights."""
    held: dict[str, float] = {}
    for unit in answer.row["units"].values():
        held[unit["kind"]] = held.get(unit["kind"], 0.0) + unit["weight_bytes"]
    return max(held, key=lambda kind: (held[kind], kind))


def _held(answer: Answer) -> list[float]:
    """Blocks on each unit of that kind that holds a part of one; a unit that stands for ranks has its part of each."""
    kind, row = _accelerator(answer), answer.row
    return [
        blocks / row["teams"][name]["ranks"]
        for name, blocks in row["blocks_on"].items()
        if row["units"][name]["kind"] == kind
        for _ in range(row["teams"][name]["ranks"] * row["teams"][name]["copies"])
    ]


def _teams(answer: Answer) -> list[dict[str, int]]:
    """The units of that kind in the plan, each with the number that it stands for."""
    kind = _accelerator(answer)
    return [answer.row["teams"][name] for name, unit in answer.row["units"].items() if unit["kind"] == kind]


def _split(answer: Answer) -> str:
    """How many sets there are of how many stages and ranks."""
    teams = _teams(answer)
    sets, ranks = max(t["copies"] for t in teams), max(t["ranks"] for t in teams)
    stages = f"{len(teams)} stage{'s' * (len(teams) > 1)}" + (f" x {ranks} ranks" if ranks > 1 else "")
    return f"{sets} sets of {stages}" if sets > 1 else stages


def _row(bench: Bench, name: str) -> tuple[str, ...]:
    answer = bench.answer(name)
    teams = _teams(answer)
    sets, ranks = max(t["copies"] for t in teams), max(t["ranks"] for t in teams)
    row = answer.row
    each = row["tpot_s"] if row["tpot_s"] is not None else row["latency_s"]
    most = max(_held(answer), default=0.0) * ranks
    blocks = f"{most:.3g}" + (f" (1/{ranks} of each)" if ranks > 1 else "")
    split = _split(answer).removeprefix(f"{sets} sets of ")
    return name, row["objective"], str(sets), split, blocks, si(row["tokens_per_s"]), si(each, "s")
