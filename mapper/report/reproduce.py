"""The command line that makes a plan again, from what the plan says of its making."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from mapper.hw import plugins
from mapper.hw.target import Target
from mapper.ir.goal import Limit, Quantity
from mapper.ir.graph import Phase
from mapper.ir.plan import Plan

_SET = re.compile(r"\+(?P<key>[A-Za-z_]\w*)=")
"""How the name of a unit's kind tells a figure that `--set` changed (mapper.hw.what_if)."""


def command(plan: Plan) -> str:
    """The command as a shell takes it. Files stand as their names, without their folders; a target is its name."""
    source = dict(plan.source)
    words = ["mapper", "compile", *_models(plan), "--target", plan.target.name]
    words += _repeated("--set", _settings(plan.target))
    words += _repeated("--phase", _phases(plan, source))
    mix = source.get("mix", "").split()
    words += ["--mix", ",".join(mix)] if mix else []
    words += _repeated("--expect", source.get("expect", "").split())
    words += _repeated("--connect", source.get("connect", "").split())
    words += _goal(plan)
    words += ["--batch", str(plan.batch)] if plan.batch else []
    words += ["--precision", plan.precision.value] if plan.precision else []
    return shlex.join([*words, *_search(source)])


def _repeated(flag: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _models(plan: Plan) -> list[str]:
    """The files: where phases name them, none has to stand alone."""
    text = dict(plan.source).get("model", f"{plan.graph.name}.onnx")
    return re.split(r"(?<=\.onnx) ", text)


def _settings(target: Target) -> list[str]:
    """Figures of units that are not those of the shipped files; each unit is named."""
    teams = any(unit.team for unit in target.units)
    own = target.group if teams and target.group else target
    return [
        f"{unit.name}.{key}={getattr(unit.model, key)!r}"
        for unit in own.units
        for key in _SET.findall(unit.kind)
        if hasattr(unit.model, key)
    ]


def _phases(plan: Plan, source: Mapping[str, str]) -> list[str]:
    files = dict(pair.split("@", 1) for pair in source.get("phase_files", "").split(" ") if "@" in pair)
    times = {name: int(number) for name, _, number in (p.rpartition("=") for p in source.get("mix", "").split())}
    return [_phase(plan, phase, files.get(phase.name, ""), times.get(phase.name, 1)) for phase in plan.phases]


def _phase(plan: Plan, phase: Phase, file: str, times: int) -> str:
    """A phase as the user writes it; `times` is how often the mix runs its model, `--batch` says the batch."""
    dims = [(dim, size) for dim, size in phase.given if not (plan.batch and dim == "batch")]
    calls = phase.calls // times
    told = [f"{dim}={size}" for dim, size in dims] + ([f"calls={calls}"] if calls != _length(phase) else [])
    name = f"{phase.name}@{file}" if file else phase.name
    return f"{name}: {' '.join(told)}".rstrip()


def _length(phase: Phase) -> int:
    """How many sizes its ranges step through: what the number of its calls is where nothing else is said."""
    ranges = [size.split("..") for _, size in phase.given if ".." in size]
    return max((int(high) - int(low) + 1 for low, high in ranges), default=1)


def _goal(plan: Plan) -> list[str]:
    if plan.objective.value == "throughput" and not plan.limits:
        return []
    limits = " ".join(map(_limit, plan.limits))
    return ["--objective", plan.objective.value + (f" subject to {limits}" if limits else "")]


def _limit(limit: Limit) -> str:
    """A limit with all of its digits."""
    sign = ">=" if limit.quantity is Quantity.THROUGHPUT else "<="
    number = str(int(limit.value)) if limit.value == int(limit.value) else repr(limit.value)
    return f"{limit.quantity.value}{sign}{number}"


def _search(source: Mapping[str, str]) -> list[str]:
    """How it was searched, as far as that is not what happens anyway."""
    words = []
    pipeline = source.get("pipeline", "")
    named = {str(plugins.load("pipelines", name)): name for name in plugins.names("pipelines")}
    if pipeline and (name := named.get(pipeline, pipeline)) != "default":
        words += ["--pipeline", name]
    for flag, key, usual in (("--effort", "effort", "default"), ("--seed", "seed", "0")):
        if source.get(key, usual) != usual:
            words += [flag, source[key]]
    return words + (["--time-limit", source["time_limit_s"]] if "time_limit_s" in source else [])
