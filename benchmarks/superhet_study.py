"""What is asked in the study of super-heterogeneous packages, and the answers as data."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.superhet_rivals import BOTH, DIE_ARRAYS, Machine, Package, machines
from mapper.comparison.answers import FOUND
from mapper.comparison.answers import Answer as Asked
from mapper.comparison.compare import Nobody, compare
from mapper.comparison.machines import Machine as Target
from mapper.cost.recorded import recorded
from mapper.emit.files import write_atomically
from mapper.errors import MapperError
from mapper.frontend import parse_phase
from mapper.hw.load import load_target
from mapper.hw.what_if import parse_change
from mapper.ir.plan import Plan
from mapper.ir.serial import load
from mapper.question import Question, effort_of, goal_of, precision_of, steps_of
from mapper.report.roofline import rooflines
from mapper.whatif.answers import Asker
from samples.models.build import main as build

Say = Callable[[str], None]
Wishes = Mapping[str, tuple[str, ...]]
"""Changes of figures that are asked together, by name."""

PRECISION = "int8"
"""Of all machines: CIM has no other, and the others are as quick as they get."""

CHAT = ("prefill: seq=512 past=0", "decode: seq=1 past=512..639")
CLASSES = {"cpu": "CPU", "gpu": "GPU", "systolic": "DSA", "vector": "vector", "cim-analog": "CIM"}

RANGES: Wishes = {
    "good": ("cim*.idle_power_w=0.3", "cim*.buffer_per_bit=0.05", "cim*.buffer.bandwidth=1024e9",
             "cim*.buffer.energy_pj_per_bit=0.5", "cim*.vector.lanes=512"),
    "bad": ("cim*.idle_power_w=3", "cim*.buffer_per_bit=0.2", "cim*.buffer.bandwidth=256e9",
            "cim*.buffer.energy_pj_per_bit=2", "cim*.vector.lanes=128"),
}  # fmt: skip
"""The ends of the ranges of units/rram-cim-128: figures that only the package has, of which the ratio to a rival
without CIM hangs alone."""

WISHES = (
    "cim*.arrays*=8", "cim*.buffer.capacity*=64", "cim*.read_time_s/=4", "hbm.bandwidth*=4", "gpu0.clock_hz*=4",
    "dsa*.clock_hz*=4", "host.clock_hz*=4", "power_limit_w*=4",
)  # fmt: skip
"""Figures of the package, each moved by more than anybody promises, to see which of them would turn the result."""

RIVAL_WISHES = {
    "gpu": ("gpu0.clock_hz*=4", "hbm.bandwidth*=4", "power_limit_w*=4"),
    "dsa": ("dsa*.clock_hz*=4", "hbm.bandwidth*=4", "power_limit_w*=4"),
    "cim": ("vec.lanes*=4", "cim*.buffer.capacity*=64", "hbm.bandwidth*=4"),
}
"""The same of a rival's parts."""

PATIENCE = 0.05
"""A gap of this size is near enough for a what-if."""


@dataclass(frozen=True)
class Case:
    """A model on a class of machines, with a batch and an objective."""

    model: str
    package: Package
    phases: tuple[str, ...]
    batch: int
    objective: str = "throughput"

    @property
    def name(self) -> str:
        """The case as a folder's name."""
        return f"{self.model}-b{self.batch}-{self.objective}"


CARD, SERVER = Package("superhet"), Package("superhet-server", 2)
CASES = (
    *(
        Case(model, CARD, phases, batch, objective)
        for model, phases, many in (("gpt2", CHAT, 32), ("bert-large", ("run: seq=384",), 32), ("llama2-7b", CHAT, 8))
        for batch, objective in ((1, "throughput"), (many, "throughput"), (1, "latency"))
    ),
    Case("gpt3-175b", SERVER, CHAT, 16),
)
QUICK = (
    Case("bert-tiny", CARD, ("run: seq=16",), 1),
    Case("gpt2-tiny", CARD, ("prefill: seq=16 past=0", "decode: seq=1 past=16..31"), 4, "latency"),
)
"""A subset that takes seconds: what the test runs."""

VARIANTS = {
    "gpt2": ("superhet-card-3d",),
    "bert-large": ("superhet-card-3d",),
    "llama2-7b": ("superhet-card-hbm", "superhet-card-cxl"),
    "gpt3-175b": ("superhet-server-cxl",),
}
"""Stacked packages and packages with memory expanders that are asked beside the flat one where the rate of batches is
wanted, by model. Rivals of equal area are asked for rates only."""


class Teller(Nobody):
    """Prints a line for each machine that has answered."""

    def __init__(self, say: Say) -> None:
        self.say = say

    def ended(self, answer: Asked) -> None:
        """One line."""
        found = f"{answer.row['throughput_per_s']:.4g} requests/s" if answer.found else answer.row.get("reason", "")
        self.say(f"  {answer.target}: {found}{' (known)' if answer.reused else f' ({answer.seconds:.0f} s)'}")


def study(
    cases: Sequence[Case], out: Path, stop: threading.Event, say: Say, effort: str = "default", *, known: bool = False
) -> dict[str, Any]:
    """The answers to all cases, those on disk taken as they are; ends early, with what there is, when `stop` is set.
    known: nothing is searched; what lies on disk is all."""
    if known:
        stop.set()
    rows, packages = [], dict[str, list[Machine]]()
    for package in dict.fromkeys(case.package for case in cases):
        packages[package.name] = machines(package, out / "targets" / package.name)
    for case in cases:
        if stop.is_set() and not known:
            break
        say(case.name)
        rows.append(_case(case, packages[case.package.name], out, stop, say, effort))
    return {
        "precision": PRECISION,
        "packages": [
            {"name": p.name, "count": p.count, "load": p.load, "machines": [asdict(m) for m in packages[p.name]]}
            for p in dict.fromkeys(case.package for case in cases)
        ],
        "cases": rows,
    }


def _case(
    case: Case, some: Sequence[Machine], out: Path, stop: threading.Event, say: Say, effort: str
) -> dict[str, Any]:
    model = out / "models" / f"{case.model}.onnx"
    if not model.is_file():
        model.parent.mkdir(parents=True, exist_ok=True)
        build([case.model, "--out", str(model)])
    question = Question(
        (model,), tuple(parse_phase(p) for p in case.phases), goal_of(case.objective), steps_of("default"),
        effort_of(effort), precision=precision_of(PRECISION), batch=case.batch,
    )  # fmt: skip
    wanted = [m for m in some if case.objective == "throughput" or m.equal != "area"]
    asked = [Target(m.name, load_target(m.file)) for m in wanted]
    if case.objective == "throughput" and case.batch > 1:
        asked += [Target(name, load_target(name)) for name in VARIANTS.get(case.model, ())]
    folder = out / case.name
    found = compare(question, asked, folder, jobs=1, stop=stop, watch=Teller(say))
    about = {m.name: m for m in some}
    rows = [_row(a, folder / a.target, about.get(a.target)) for a in found.answers]
    made = {
        "name": case.name,
        "model": case.model,
        "package": case.package.name,
        "batch": case.batch,
        "objective": case.objective,
        "phases": list(case.phases),
        "rows": rows,
    }
    own, other = package_of(made), best_rival(made, "power")
    if own is not None:
        _ask(own, _own_wishes(case.package), "package*." if case.package.count > 1 else "", folder, say, stop)
    if other is not None:
        wishes = {wish: (wish,) for wish in RIVAL_WISHES[other["machine"]["kind"]]}
        _ask(other, wishes, "brick*.", folder, say, stop)
    return made


def _row(answer: Asked, folder: Path, machine: Machine | None) -> dict[str, Any]:
    row: dict[str, Any] = {"target": answer.target, "outcome": answer.outcome, **answer.row}
    row |= {"machine": asdict(machine)} if machine else {}
    if answer.found:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        row["fallbacks"] = sorted({f["reason"] for f in summary["fallbacks"]})
        row["shares"] = shares(load(folder / "plan.json"))
    return row


def shares(plan: Plan) -> dict[str, dict[str, float]]:
    """Parts of the arithmetic operations, of the units' time and of their energy by class of unit, of one request."""
    verdict = recorded(plan)
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


def worth(objective: str) -> Callable[[Mapping[str, Any]], float]:
    """More is better: the rate, or one over the time."""
    if objective == "throughput":
        return lambda row: float(row["throughput_per_s"])
    return lambda row: 1.0 / float(row["latency_s"])


def machine_of(row: Mapping[str, Any], what: str) -> str:
    """The kind of a row's machine, or what it equals the package in; '' of variants and of rows without a plan."""
    return str((row.get("machine") or {}).get(what, "")) if row["outcome"] == FOUND else ""


def best_rival(case: Mapping[str, Any], equal: str) -> dict[str, Any] | None:
    """The rival of equal power (or area) that is best by the case's objective; None where none has a plan, or where
    such rivals were not asked."""
    if equal != "power" and case["objective"] != "throughput":
        return None
    some = [r for r in case["rows"] if machine_of(r, "equal") in (equal, BOTH)]
    return max(some, key=worth(case["objective"]), default=None)


def package_of(case: Mapping[str, Any]) -> dict[str, Any] | None:
    """The package's own row; None where it has no plan."""
    return next((r for r in case["rows"] if machine_of(r, "kind") == "superhet"), None)


def _ask(row: dict[str, Any], wishes: Wishes, prefix: str, folder: Path, say: Say, stop: threading.Event) -> None:
    """Adds to a row by how many times each wish makes its objective better, from the file beside its plan as far as
    that answers for this plan."""
    here = folder / row["target"]
    file, plan = here / "asked.json", (here / "answer.json").read_text(encoding="utf-8")
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if known.get("of") != plan:
        known = {"of": plan, "answers": {}}
    missing = {} if stop.is_set() else {n: c for n, c in wishes.items() if n not in known["answers"]}
    asker = Asker(load(here / "plan.json"), stop=stop, patience=PATIENCE) if missing else None
    for name, changes in missing.items():
        if asker and not stop.is_set():
            known["answers"][name] = _answered(asker, changes, prefix)
            say(f"    {row['target']}, {name}: {known['answers'][name]}")
            write_atomically(file, json.dumps(known, indent=1) + "\n")
    row["asked"] = {name: known["answers"][name] for name in wishes if name in known["answers"]}


def _answered(asker: Asker, changes: Sequence[str], prefix: str) -> float | None:
    """By how many times the objective becomes better; None where there is no plan, or no such figure."""
    parsed = [parse_change(text) for text in changes]
    try:
        found = asker.answer([replace(c, name=_inside(c.name, prefix)) for c in parsed])
    except MapperError:
        return None
    return 1.0 + found.gain if found.after is not None else None


def _inside(name: str, prefix: str) -> str:
    """The name of a figure of a part that lies in a chip of a system."""
    if "." not in name or not prefix:
        return name
    return name.replace("link.", f"link.{prefix}") if name.startswith("link.") else prefix + name


def _own_wishes(package: Package) -> Wishes:
    """What a package is asked; absolute figures of a CIM die count for as many dies as one unit has."""
    dies = package.document["units"]["cim"].get("arrays", DIE_ARRAYS) / DIE_ARRAYS
    ends = {name: tuple(_of_dies(text, dies) for text in texts) for name, texts in RANGES.items()}
    return {**ends, **{wish: (wish,) for wish in WISHES}}


def _of_dies(text: str, dies: float) -> str:
    name, _, number = text.partition("=")
    return text if dies == 1 or "per_bit" in name else f"{name}={float(number) * dies:g}"
