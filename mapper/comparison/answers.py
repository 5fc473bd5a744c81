"""What a target answers: its figures as a row, or why it has none; kept in a folder, and found there again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mapper.compiled import Compiled
from mapper.emit.files import write_folder_atomically
from mapper.errors import InvalidPlan, MapperError

SCHEMA = 1
NAME = "answer.json"
"""The file in each target's folder that says what the plan beside it answers."""
PLAN = "plan.json"
BESIDE = (PLAN, "summary.json", "trace.json", "report.html")
"""The files of a plan that lie beside its answer."""

FOUND, REFUSED, FAILED, MISSING = "found", "refused", "failed", "not run"
"""How a target ended: a plan; no plan, with the reason and levers; a process or a plan that broke; never begun."""

FIGURES = ("throughput_per_s", "tokens_per_s", "ttft_s", "tpot_s", "latency_s", "energy_per_token_j", "energy_j",
           "average_power_w", "value", "bound", "bound_name", "gap", "status", "batch", "limits", "bands",
           "deploy_s", "deploy_j", "ranks")  # fmt: skip
"""Fields of summary.json that a row has."""


class Broken(MapperError):
    """A target could not be asked to the end: the machine, not the target, had no more to give."""


@dataclass(frozen=True)
class Answer:
    """How a target ended. row: data that is the same whenever the same is asked. seconds: what finding it took.

    whole: whether asking again would give the same: nobody cut the search short. reused: whether it was found in the
    folder. key: the content address of the question.
    """

    target: str
    outcome: str
    row: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    whole: bool = True
    reused: bool = False
    key: str = ""

    @property
    def found(self) -> bool:
        """Whether there is a plan."""
        return self.outcome == FOUND


def answered(target: str, done: Compiled) -> Answer:
    """The answer that a finished plan gives."""
    summary, machine = done.summary, done.plan.target
    row = {name: summary[name] for name in FIGURES if name in summary}
    limits = [{"what": share.what, "part": share.part} for share in done.limits]
    row |= {"power_limit_w": machine.power_limit_w, "units": len(summary["units"]), "limited_by": limits}
    row["inflight"] = done.plan.inflight
    return Answer(target, FOUND, row, summary["seconds"].get("total", 0.0))


def declined(target: str, error: BaseException, seconds: float) -> Answer:
    """The answer of a target that gives none: reason, details and levers as far as the error knows them."""
    row: dict[str, Any] = {"reason": f"internal error: {type(error).__name__}: {error}", "details": [], "levers": ""}
    if isinstance(error, MapperError):
        row = {"reason": error.message, "details": list(error.details), "levers": error.hint}
    known = isinstance(error, MapperError) and not isinstance(error, InvalidPlan | Broken)
    return Answer(target, REFUSED if known else FAILED, row, seconds)


def keep(answer: Answer, done: Compiled | None, out: Path) -> None:
    """Write the answer, and the plan if there is one, into the target's folder: all files or none. The plan of an
    earlier answer to another question does not stay beside this one."""
    known = (out / NAME).is_file()
    files = done.files() if done is not None else {}
    data = {
        "schema": SCHEMA,
        "key": answer.key,
        "target": answer.target,
        "outcome": answer.outcome,
        "whole": answer.whole,
        "seconds": answer.seconds,
        "plan_sha256": _sha256(files[PLAN]) if PLAN in files else None,
        "row": dict(answer.row),
    }
    write_folder_atomically(out, {**files, NAME: json.dumps(data, indent=1) + "\n"})
    for name in BESIDE if known else ():
        if name not in files:
            (out / name).unlink(missing_ok=True)


def kept(target: str, key: str, out: Path) -> Answer | None:
    """The whole answer to this very question that a folder holds; None where it holds another one, or a part."""
    try:
        data = json.loads((out / NAME).read_text(encoding="utf-8"))
        if (data["schema"], data["key"], data["target"], data["whole"]) != (SCHEMA, key, target, True):
            return None
        if data["plan_sha256"] and data["plan_sha256"] != _sha256((out / PLAN).read_text(encoding="utf-8")):
            return None
        return Answer(target, data["outcome"], data["row"], float(data["seconds"]), reused=True, key=key)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no answer is there, or none that this version wrote: it is made again


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
