"""How many requests of a batch the memories of a target have room for."""

from __future__ import annotations

from math import prod

from mapper.errors import Infeasible
from mapper.hw.work import Role
from mapper.ir.graph import bind, static_elements
from mapper.ir.plan import Plan
from mapper.ir.request import batch_of

LEAST_WEIGHT_BITS = 4
"""What an element of a weight takes at least."""


def check_batch(plan: Plan) -> None:
    """Raise Infeasible for a batch whose states alone do not fit all memories beside the weights in their narrowest
    form: how many requests would."""
    batch, states = batch_of(plan), _state_bytes(plan)
    room = sum(m.capacity_bytes for m in plan.target.memories if {"state", "weights"} & set(m.holds))
    room -= sum(static_elements(v) for v in plan.graph.values if v.role is Role.WEIGHT) * LEAST_WEIGHT_BITS // 8
    if batch == 1 or states <= max(0, room):
        return
    fit = max(0, room * batch // states)
    raise Infeasible(
        f"{plan.graph.name} does not fit {plan.target.name}: a batch of {batch} requests keeps {states / 1e9:.4g} GB "
        f"of states (KV), {states / batch / 1e6:.3g} MB each",
        details=[f"memories have {room / 1e9:.4g} GB for them at most: at most {fit} requests fit"],
        hint=f"a batch of {fit} or less | a shorter cache | a larger target (mapper targets)",
    )


def _state_bytes(plan: Plan) -> int:
    """Bytes of the states of one run at its largest, each in the narrowest type that a unit leaves results in."""
    types = [unit.model.activation_dtype() for unit in plan.target.units]
    total = 0
    for state in plan.graph.states:
        value = plan.graph.value[state.left]
        stored = min(types, key=lambda t: t.bytes_for(8)) if value.dtype.is_float and types else value.dtype
        bindings = [b for p in plan.phases for b in p.bindings()]
        known = [b for b in bindings if all(isinstance(d, int) or d in b for d in value.shape)]
        total += max((stored.bytes_for(prod(bind(value.shape, b))) for b in known), default=0)
    return total
