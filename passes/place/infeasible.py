"""What to tell somebody whose model does not fit: the demand, what the target offers, and the levers."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.cost.residency import states_of
from mapper.errors import Infeasible
from mapper.ir.plan import Option, Plan
from mapper.ir.request import batch_of


def finds_none(plan: Plan, method: str, why: str, hint: str, details: Sequence[str] = ()) -> Infeasible:
    """A placement pass has found nothing, which need not mean that there is nothing: why, and what finds more."""
    message = f"{method} finds no placement of {plan.graph.name} on {plan.target.name}: {why}"
    return Infeasible(message, details=details, hint=hint)


def does_not_fit(plan: Plan, found: Infeasible) -> Infeasible:
    """The search's finding in words about the model and the target, with numbers."""
    arrays, outside = _capacities(plan)
    needs, types = _weights(plan, arrays)
    states = _states(plan)
    short = needs + states - sum(outside.values())
    offered = ", ".join(f"{name} {_size(size)}" for name, size in outside.items()) or "none"
    details = [
        f"needs {_size(needs)} for weights ({', '.join(types)}) beside what arrays can hold, and "
        f"{_size(states)} for the states of one request",
        f"memories that hold weights: {offered}" + (f"; arrays of units {_size(arrays)}" if arrays else ""),
    ]
    batch, room = batch_of(plan), sum(outside.values()) - needs
    if batch > 1 and states > max(0, room):
        fit = max(0, room * batch // states)
        details.append(f"states (KV): {fit} requests of {_size(states // batch)} each fit, the batch is {batch}")
    if short <= 0:
        details.append(f"that would fit in sum, but no placement does: {found.message}")
    details.append("levers: " + " | ".join(_levers(plan, needs, states, outside, short)))
    phases = ", ".join(p.name for p in plan.phases)
    return Infeasible(f"{plan.graph.name} does not fit {plan.target.name} in {phases}", details=details)


def _capacities(plan: Plan) -> tuple[int, dict[str, int]]:
    """Bytes of arrays inside units that compute in memory, and of each other memory that holds weights."""
    arrays, outside = 0, {}
    for memory in plan.target.memories:
        if "weights" not in memory.holds:
            continue
        unit = plan.target.unit.get(memory.unit)
        if unit is not None and unit.model.engine == "spatial":
            arrays += memory.capacity_bytes
        else:
            outside[memory.name] = memory.capacity_bytes
    return arrays, outside


def _weights(plan: Plan, arrays: int) -> tuple[int, list[str]]:
    """Bytes of weights that must lie outside arrays, each in its smallest form there, and the types of these forms."""
    total, types, seen = 0, dict[str, int](), set()
    for cluster in plan.clusters or ():
        options = [o for o in plan.options_of[cluster.repeat] if o.source >= 0 and o.replicas == 1]
        outer = [o for o in options if not _in_arrays(plan, o)]
        if not options or cluster.name in seen:
            continue
        seen.add(cluster.name)
        best = min(outer or options, key=lambda o: o.footprint_bytes)
        total += best.footprint_bytes
        types[best.types[0].value] = types.get(best.types[0].value, 0) + best.footprint_bytes
    return max(0, total - arrays), sorted(t for t, size in types.items() if 50 * size > total)


def _in_arrays(plan: Plan, option: Option) -> bool:
    unit = plan.target.unit[option.units[0]]
    return unit.model.engine == "spatial" and plan.target.memory[unit.weights[option.source]].unit == unit.name


def _states(plan: Plan) -> int:
    """Bytes of one request's states, each in the smallest type that a unit would keep it in."""
    sizes: dict[str, int] = {}
    for cluster in plan.clusters or ():
        for option in plan.options_of[cluster.repeat]:
            for name, _, size in states_of(plan, cluster, plan.target.unit[option.units[0]], option):
                sizes[name] = min(size, sizes.get(name, size))
    return sum(sizes.values())


def _levers(plan: Plan, needs: int, states: int, outside: dict[str, int], short: int) -> list[str]:
    room = sum(outside.values()) - states
    found = []
    for name, bits in (("int8", 8), ("int4", 4)):
        size = plan.graph.parameters * bits // 8
        if size < needs:
            fits = "fits" if size <= room else "does not fit either"
            found.append(f"weights in {name}: {_size(size)} {fits}")
    if outside and short > 0:
        largest = max(outside, key=lambda m: outside[m])
        found.append(f"{_size(short)} more {largest} ({_size(outside[largest] + short)})")
    if states > needs // 20:
        found.append("a smaller batch or cache")
    return [*found, "a larger target (mapper targets)"]


def _size(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
