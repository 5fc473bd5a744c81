"""The answers of the study of super-heterogeneous packages, as data: all machines, then what changes would bring."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.superhet_cases import PRECISION, RIVAL_WISHES, VARIANTS, Case, Wishes, wishes_of
from benchmarks.superhet_rivals import AREA, NAMED, POWER, Machine, machines
from benchmarks.superhet_rows import best_rival, package_of
from benchmarks.superhet_running import Answers, Say, Wished, run
from mapper.comparison.answers import Answer
from mapper.comparison.compare import asked_data
from mapper.comparison.machines import Machine as Target
from mapper.comparison.solving import reading_of
from mapper.cost.judge import Verdict
from mapper.cost.recorded import recorded
from mapper.execution.jobs import Job
from mapper.frontend import parse_phase
from mapper.hw.load import load_target
from mapper.ir.serial import load
from mapper.question import Question, effort_of, goal_of, precision_of, steps_of
from mapper.report.limits import waiting
from mapper.report.roofline import rooflines
from samples.models.build import main as build

CLASSES = {"cpu": "CPU", "gpu": "GPU", "systolic": "DSA", "vector": "vector", "cim-analog": "CIM"}

TURNS = (*NAMED.values(), *(name for names in VARIANTS.values() for name in names))
"""The ends of names of machines in the order in which they are asked, after the packages themselves."""

CIM_LAST = len(TURNS) + 1
"""The turn of CIM alone."""


@dataclass(frozen=True)
class Asking:
    """A case with its machines: those of the class that are asked, and their question."""

    case: Case
    machines: Sequence[Machine]
    folder: Path
    answers: Answers


def study(
    cases: Sequence[Case], out: Path, stop: threading.Event, say: Say, effort: str = "default", jobs: int = 1
) -> dict[str, Any]:
    """The answers to all cases, those on disk that the same code gave taken as they are; ends early, with what there
    is, when `stop` is set. jobs: processes; they change nothing but the time."""
    classes = {p.name: machines(p, out / "targets" / p.name) for p in dict.fromkeys(case.package for case in cases)}
    asked = [_asking(case, classes[case.package.name], out, effort) for case in cases]
    given = run(_in_order(asked), jobs, stop, say)
    rows = [_case(asking, asking.answers.found(given)) for asking in asked]
    wished = [wish for asking, made in zip(asked, rows, strict=True) for wish in _wished(asking, made)]
    brought = run([wish.job() for wish in reversed(wished) if wish.missing], jobs, stop, say)
    for wish in wished:
        wish.row["asked"] = brought.get(wish.name) or wish.known
    return {
        "precision": PRECISION,
        "packages": [
            {"name": p.name, "count": p.count, "load": p.load, "machines": [asdict(m) for m in classes[p.name]]}
            for p in dict.fromkeys(case.package for case in cases)
        ],
        "cases": rows,
    }


def _in_order(asked: Sequence[Asking]) -> list[Job]:
    """The packages first, then their rivals by the way that they are counted, variants, and CIM alone, which is seldom
    near and takes longest: whoever ends early misses least. Of each, the largest models, which come last, first: at the
    end all processes should have something to do; but of CIM alone the smallest."""
    large = [task for asking in reversed(asked) for task in asking.answers.tasks()]
    small = [task for asking in asked for task in asking.answers.tasks() if _turn(task) == CIM_LAST]
    return [*sorted((task for task in large if _turn(task) < CIM_LAST), key=_turn), *small]


def _turn(task: Job) -> int:
    """When a machine is asked, by the end of its name: packages first."""
    name = task.name.rpartition("/")[2]
    if name.startswith("cim-"):
        return CIM_LAST
    return next((1 + k for k, end in enumerate(TURNS) if name.endswith(end)), 0)


def _asking(case: Case, some: Sequence[Machine], out: Path, effort: str) -> Asking:
    model = out / "models" / f"{case.model}.onnx"
    if not model.is_file():
        model.parent.mkdir(parents=True, exist_ok=True)
        build([case.model, "--out", str(model)])
    question = Question(
        (model,), tuple(parse_phase(p) for p in case.phases), goal_of(case.objective), steps_of("default"),
        effort_of(effort), precision=precision_of(PRECISION), batch=case.batch,
    )  # fmt: skip
    question.check()
    wanted = [m for m in some if case.objective == "throughput" or m.equal != (AREA,)]
    asked = [Target(m.name, load_target(m.file)) for m in wanted]
    if case.objective == "throughput" and case.batch > 1:
        asked += [Target(name, load_target(name)) for name in VARIANTS.get(case.model, ())]
    reading = reading_of(question)
    folder = out / case.name
    return Asking(
        case, some, folder, Answers(case.name, question, reading, asked, asked_data(question, reading), folder)
    )


def _case(asking: Asking, found: Sequence[Answer]) -> dict[str, Any]:
    case, about = asking.case, {m.name: m for m in asking.machines}
    return {
        "name": case.name,
        "model": case.model,
        "package": case.package.name,
        "batch": case.batch,
        "objective": case.objective,
        "phases": list(case.phases),
        "parameters": asking.answers.reading.found.graph.parameters,
        "rows": [_row(a, asking.folder / a.target, about.get(a.target)) for a in found],
    }


def _wished(asking: Asking, made: Mapping[str, Any]) -> list[Wished]:
    """What the package and its best rival of equal power are asked."""
    case, found = asking.case, list[Wished]()
    own, other = package_of(made), best_rival(made, POWER)
    if own is not None:
        prefix = "package*." if case.package.count > 1 else ""
        found.append(Wished(case.name, own, asking.folder, wishes_of(case), prefix))
    if other is not None:
        wishes: Wishes = {wish: (wish,) for wish in RIVAL_WISHES[other["machine"]["kind"]]}
        found.append(Wished(case.name, other, asking.folder, wishes, "brick*."))
    return found


def _row(answer: Answer, folder: Path, machine: Machine | None) -> dict[str, Any]:
    row: dict[str, Any] = {"target": answer.target, "outcome": answer.outcome, "whole": answer.whole, **answer.row}
    row |= {"machine": asdict(machine)} if machine else {}
    if answer.found:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        row["fallbacks"] = sorted({f["reason"] for f in summary["fallbacks"]})
        row["fullest"] = fullest(summary["memories"])
        verdict = recorded(load(folder / "plan.json"))
        row["shares"] = shares(verdict)
        row["waits"] = " ".join(waiting(verdict))
    return row


def fullest(memories: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """The memory of which the largest part is filled at some time, weights that sit in arrays apart."""
    parts = {n: m["peak_bytes"] / m["capacity_bytes"] for n, m in memories.items() if not n.endswith(".arrays")}
    name = max(parts, key=lambda n: (parts[n], n))
    return {"name": name, "part": parts[name]}


def shares(verdict: Verdict) -> dict[str, dict[str, float]]:
    """Parts of the arithmetic operations, of the units' time and of their energy by class of unit, of one request."""
    plan = verdict.plan
    ops: defaultdict[str, float] = defaultdict(float)
    time: defaultdict[str, float] = defaultdict(float)
    for roof in rooflines(verdict):
        which = CLASSES[plan.target.unit[roof.unit].model_name]
        for point in roof.points:
            ops[which] += point.runs * point.ops
            time[which] += point.runs * point.seconds
    return {"ops": _parts(ops), "time": _parts(time)}


def _parts(found: dict[str, float]) -> dict[str, float]:
    total = sum(found.values()) or 1.0
    return {name: amount / total for name, amount in sorted(found.items())}
