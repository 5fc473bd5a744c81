"""The command line that makes a plan again, from what the plan says of its making."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from mapper.hw import plugins
from mapper.ir.goal import Limit, Quantity
from mapper.ir.graph import Phase
from mapper.ir.plan import Plan


def command(plan: Plan) -> str:
    """The command as a shell takes it. Files stand as their names, without their folders; a target is its name."""
    source = dict(plan.source)
    files = _files(plan)
    words = ["mapper", "compile", *files, "--target", plan.target.name]
    words += _repeated("--set", source.get("set", "").split())
    words += _asked(plan, source, files)
    words += _repeated("--expect", source.get("expect", "").split())
    words += _repeated("--connect", source.get("connect", "").split())
    words += _goal(plan)
    words += ["--batch", str(plan.batch)] if plan.batch else []
    words += ["--precision", plan.precision.value] if plan.precision else []
    return shlex.join([*words, *_search(source)])


def _repeated(flag: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _files(plan: Plan) -> list[str]:
    """The models, without what a phase calls one of them by."""
    text = dict(plan.source).get("model", f"{plan.graph.name}.onnx")
    found = re.split(r"(?<=\.onnx) ", text)
    return [name for name in found if f"{name}.onnx" not in found]


def _asked(plan: Plan, source: Mapping[str, str], files: list[str]) -> list[str]:
    """What is run how often: phases, or models of their own side by side, which need none."""
    stems = [name.removesuffix(".onnx") for name in files]
    mix = source.get("mix", "").split()
    times = {name: int(number) for name, _, number in (pair.rpartition("=") for pair in mix)}
    of = dict(pair.split("@", 1) for pair in source.get("phase_files", "").split(" ") if "@" in pair)
    alike = len({p.given for p in plan.phases}) == 1 and [p.name for p in plan.phases] == stems
    if len(files) > 1 and alike and not of and all(p.calls == times.get(p.name, 1) for p in plan.phases):
        words = _repeated("--dim", _dims(plan, plan.phases[0]))
    else:
        words = _repeated("--phase", [_phase(plan, p, of.get(p.name, ""), times.get(p.name, 1)) for p in plan.phases])
    return words + (["--mix", ",".join(mix)] if mix else [])


def _dims(plan: Plan, phase: Phase) -> list[str]:
    """Sizes as the user writes them; `--batch` says the batch."""
    return [f"{dim}={size}" for dim, size in phase.given if not (plan.batch and dim == "batch")]


def _phase(plan: Plan, phase: Phase, file: str, times: int) -> str:
    """A phase as the user writes it; `times` is how often the mix runs its model."""
    calls = phase.calls // times
    told = _dims(plan, phase) + ([f"calls={calls}"] if calls != _length(phase) else [])
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
