"""Rules of the machine: what stands in a plan's target is complete and hangs together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from mapper.errors import UsageError, did_you_mean
from mapper.hw.target import Target, Unit
from mapper.hw.teams import arranged, arrangement_of
from mapper.hw.topology import unreachable
from mapper.ir.plan import Plan
from mapper.ir.rule import amount, doubles, misnamed, rules


def target_names(plan: Plan) -> Iterator[str]:
    """Units, memories, links and routers have names of their own: schedules and figures call them by name only."""
    target = plan.target
    names = [*(u.name for u in target.units), *(m.name for m in target.memories), *(k.name for k in target.links)]
    yield from misnamed("unit, memory, link or router", [*names, *target.routers])


def target_memories(plan: Plan) -> Iterator[str]:
    """A memory has a bandwidth, no negative figure, an alignment, and serves units that exist."""
    units = plan.target.unit
    for memory in plan.target.memories:
        figures = (memory.capacity_bytes, memory.energy_pj_per_bit, memory.latency_s, memory.idle_power_w)
        if not all(map(amount, figures)):
            yield f"memory '{memory.name}' has a negative figure: capacity, energy, latency, idle power are {figures}"
        if not amount(memory.bandwidth_bytes_per_s) or memory.bandwidth_bytes_per_s == 0:
            yield f"memory '{memory.name}' has a bandwidth of {memory.bandwidth_bytes_per_s} bytes per second"
        if memory.alignment_bytes < 1:
            yield f"memory '{memory.name}' aligns to {memory.alignment_bytes} bytes"
        for name in (*memory.serves, *([memory.unit] if memory.unit else [])):
            if name not in units:
                yield f"memory '{memory.name}' serves unit '{name}'; {did_you_mean(name, units)}"
        if not memory.serves:
            yield f"memory '{memory.name}' serves no unit"
        if memory.unit and memory.unit not in memory.serves:
            yield f"memory '{memory.name}' sits inside '{memory.unit}', but does not serve it"


def target_units(plan: Plan) -> Iterator[str]:
    """There is a unit, and each has a data memory for its activations and weights memories, all of which serve it."""
    target = plan.target
    if not target.units:
        yield f"target '{target.name}' has no unit"
    for unit in target.units:
        if not amount(unit.model.idle_power_w):
            yield f"unit '{unit.name}' idles at {unit.model.idle_power_w} W"
        yield from _access(target, unit, unit.data, "activations")
        for memory in unit.weights:
            yield from _access(target, unit, memory, "weights")
        for memory in doubles(unit.weights):
            yield f"unit '{unit.name}' names '{memory}' twice among its weights memories"


def _access(target: Target, unit: Unit, memory: str, what: str) -> Iterator[str]:
    if memory not in target.memory:
        yield f"unit '{unit.name}' keeps {what} in '{memory}'; {did_you_mean(memory, target.memory)}"
    elif unit.name not in target.memory[memory].serves:
        yield f"unit '{unit.name}' keeps {what} in '{memory}', which serves {', '.join(target.memory[memory].serves)}"
    elif what not in target.memory[memory].holds:
        yield f"unit '{unit.name}' keeps {what} in '{memory}', which holds {', '.join(target.memory[memory].holds)}"


def target_kinds(plan: Plan) -> Iterator[str]:
    """Units of one kind are equal: a kind that refuses an op refuses it everywhere."""
    first: dict[str, Unit] = {}
    for unit in plan.target.units:
        like = first.setdefault(unit.kind, unit)
        if (like.model_name, like.model) != (unit.model_name, unit.model):
            yield f"units '{like.name}' and '{unit.name}' are both of kind '{unit.kind}', but differ in their figures"


def target_links(plan: Plan) -> Iterator[str]:
    """A link joins two places that exist, with a bandwidth and no negative figure."""
    places = {*plan.target.unit, *plan.target.routers}
    for link in plan.target.links:
        for end in (link.a, link.b):
            if end not in places:
                yield f"link '{link.name}' ends at '{end}'; {did_you_mean(end, places)}"
        if link.a == link.b:
            yield f"link '{link.name}' leads from '{link.a}' to itself"
        if not amount(link.bandwidth_bytes_per_s) or link.bandwidth_bytes_per_s == 0:
            yield f"link '{link.name}' has a bandwidth of {link.bandwidth_bytes_per_s} bytes per second"
        figures = (link.latency_s, link.energy_pj_per_bit, link.idle_power_w)
        if not all(map(amount, figures)):
            yield f"link '{link.name}' has a negative figure: latency, energy and idle power are {figures}"


def target_io(plan: Plan) -> Iterator[str]:
    """Graph inputs appear and outputs end in a memory that exists and holds activations."""
    target = plan.target
    if target.io not in target.memory:
        yield f"inputs and outputs lie in '{target.io}'; {did_you_mean(target.io, target.memory)}"
    elif "activations" not in target.memory[target.io].holds:
        yield f"inputs and outputs lie in '{target.io}', which holds {', '.join(target.memory[target.io].holds)}"


def target_reach(plan: Plan) -> Iterator[str]:
    """Data can get from every memory to every other."""
    missing = unreachable(plan.target)
    if missing:
        yield f"no route between '{missing[0]}' and '{missing[1]}' in {plan.target.name}"


def target_teams(plan: Plan) -> Iterator[str]:
    """A target with teams is what folding its group gives: nothing of the machine is there twice or better."""
    target = plan.target
    teams = [unit.name for unit in target.units if unit.team]
    if not teams:
        return
    if target.group is None:
        yield f"unit '{teams[0]}' is a team, but the target names no machine (`group`) that its members are of"
        return
    way = arrangement_of(target)
    try:
        folds = [arranged(target.group, way, pooled) for pooled in (False, True)]
    except UsageError as wrong:
        yield wrong.message
        return
    if target not in folds:
        pooled = any(unit.team and unit.team.pool > 1 for unit in target.units)
        parts = (f.name for f in fields(target) if getattr(target, f.name) != getattr(folds[pooled], f.name))
        yield (
            f"{target.name} in {way.ranks} ranks x {way.copies} copies is not what its group folds to: "
            f"{', '.join(parts)} differ"
        )


RULES = rules(
    target_names, target_memories, target_units, target_kinds, target_links, target_io, target_reach, target_teams
)
