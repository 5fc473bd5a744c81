"""What the compiler answers to a question of a file of claims: figures as data, kept in a folder."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mapper.comparison.machines import Machine, key_of, program
from mapper.compiled import Compiled
from mapper.emit.files import write_folder_atomically
from mapper.ir.plan import Plan
from mapper.ir.runs import Run, runs
from mapper.ir.serial import to_json
from mapper.report.summary import tokens
from mapper.report.workload import amount_of, works_of

SCHEMA = 2
NAME = "answer.json"
FIGURES = ("model", "target", "objective", "throughput_per_s", "tokens_per_s", "ttft_s", "tpot_s", "latency_s",
           "interval_s", "energy_per_token_j", "energy_j", "average_power_w", "gap", "bands", "units",
           "energy_by_cause_j")  # fmt: skip
"""Fields of summary.json that an answer has."""


@dataclass(frozen=True)
class Answer:
    """Figures of a plan, or why there is none. row: of a plan `FIGURES`, and what `figures_of` adds."""

    question: str
    row: Mapping[str, Any] = field(default_factory=dict)
    why_not: str = ""
    hint: str = ""

    @property
    def band(self) -> float:
        """The relative error band of its throughput."""
        return float(self.row["bands"]["throughput_per_s"]["relative"])

    def ends(self, total: str, value: float) -> tuple[float, float]:
        """The ends of the band of a value that is proportional to one of the totals that have bands."""
        band = self.row["bands"][total]
        middle = float(self.row[total])
        return value * band["low"] / middle, value * band["high"] / middle

    @property
    def limit(self) -> str:
        """The largest cause of its value, in words."""
        causes = self.row["limited_by"]
        return f"{causes[0]['what']} {100 * causes[0]['part']:.0f} %" if causes else "nothing"


def figures_of(done: Compiled) -> dict[str, Any]:
    """The figures of a plan: those of its summary; operations of a request; bytes of weights as units
    of one set hold them; how often its most frequent block stands in it; what limits it; how many units a unit is."""
    plan, summary = done.plan, done.summary
    row = {name: summary[name] for name in FIGURES if name in summary}
    amounts = [
        (p.calls, amount_of(works_of(plan.graph, p.bindings()[len(p.shares) // 2]).values())) for p in plan.phases
    ]
    return {
        **row,
        "flops": sum(calls * amount.flops for calls, amount in amounts) / plan.requests_per_run,
        "weight_bytes": sum(unit["weight_bytes"] for unit in row["units"].values()),
        "parameters": plan.graph.parameters,
        "requests_per_run": plan.requests_per_run,
        "tokens": tokens(plan),
        "calls": sum(phase.calls for phase in plan.phases),
        **_blocks(plan),
        "teams": {u.name: {"ranks": u.ranks, "copies": u.copies} for u in plan.target.units},
        "limited_by": [{"what": share.what, "part": share.part} for share in done.limits],
    }


def _blocks(plan: Plan) -> dict[str, Any]:
    """How often the most frequent block stands in the plan, how many of these blocks lie on each unit by their weights,
    and how many blocks' weights lie outside of them."""
    clusters = plan.clusters or ()
    run = max(runs([c.repeat for c in clusters]), key=lambda run: run.times, default=Run(0, len(clusters), 1))
    inside = {c.name for c in clusters[run.start : run.end]}
    taken = {
        (task.cluster, plan.place[task.name].unit): plan.chosen(task.name).footprint_bytes for task in plan.tasks or ()
    }
    block = sum(size for (cluster, _), size in taken.items() if cluster in inside) / run.times or 1.0
    held: Counter[str] = Counter()
    for (cluster, unit), size in taken.items():
        held[unit] += size if cluster in inside else 0
    outside = sum(size for (cluster, _), size in taken.items() if cluster not in inside)
    return {
        "blocks": run.times,
        "blocks_on": {unit: size / block for unit, size in sorted(held.items()) if size},
        "blocks_outside": outside / block,
    }


def key_of_question(machine: Machine, model: Path, asked: Mapping[str, Any]) -> str:
    """The content address of an answer: equal for equal targets, models, questions and programs. Raises OSError where
    the model cannot be read."""
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    return key_of(machine, {"model": digest, "asked": asked, **program()})


def keep(answer: Answer, key: str, done: Compiled | None, out: Path) -> None:
    """Write an answer into its folder, with the plan that it is of."""
    data = {"schema": SCHEMA, "key": key, "question": answer.question, "row": dict(answer.row),
            "why_not": answer.why_not, "hint": answer.hint}  # fmt: skip
    plan = {"plan.json": to_json(done.plan)} if done is not None else {}
    write_folder_atomically(out, {**plan, NAME: json.dumps(data, indent=1) + "\n"})


def kept(question: str, key: str, out: Path) -> Answer | None:
    """The answer to this very question that a folder holds; None where it holds none, or another."""
    try:
        data = json.loads((out / NAME).read_text(encoding="utf-8"))
        if (data["schema"], data["key"]) != (SCHEMA, key):
            return None
        return Answer(question, dict(data["row"]), str(data["why_not"]), str(data["hint"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # none is there, or one that another version wrote: it is made again
