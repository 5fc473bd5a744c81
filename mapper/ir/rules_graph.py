"""Rules of the workload: the graph is whole and in order, and the phases bind all of its sizes."""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum, isfinite

from mapper.errors import did_you_mean
from mapper.hw.work import Role
from mapper.ir.exchange_kinds import EXCHANGE_KINDS
from mapper.ir.graph import Attr
from mapper.ir.kinds import find_kind, unknown
from mapper.ir.plan import Plan
from mapper.ir.rule import amount, doubles, misnamed, rules

_GIVEN = (Role.INPUT, Role.WEIGHT)
"""Roles of values that no op makes."""

SIZES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "attention": (("batch", "heads", "kv_heads", "q", "kv", "head_dim"), ("v_dim", "window", "causal")),
    "rnn": (("steps", "batch", "hidden", "gates", "width"), ("directions",)),
    "conv": ((), ("groups", "transposed")),
    "matmul": ((), ("trans_a", "trans_b", "experts", "picked", "active")),
    "norm": ((), ("width",)),
    "softmax": ((), ("width",)),
    "pool": ((), ("window",)),
    **dict.fromkeys(EXCHANGE_KINDS, (("ranks",), ())),
}
"""For each kind, its attributes that are sizes: those it must have and those it may have."""


def phases_batch(plan: Plan) -> Iterator[str]:
    """Requests that a run serves together are the batch that the phases were given."""
    if plan.batch < 0:
        yield f"a run serves {plan.batch} requests together"
    given = {p.name: size for p in plan.phases for name, size in p.given if name == "batch"}
    if plan.batch > 0 and not given:
        yield f"a run serves {plan.batch} requests together, but no phase was given a batch"
    for name, size in given.items():
        if plan.batch > 0 and size != str(plan.batch):
            yield f"a run serves {plan.batch} requests together, but phase '{name}' has a batch of {size}"


def graph_names(plan: Plan) -> Iterator[str]:
    """Ops have names of their own, and so have values."""
    yield from misnamed("op", [o.name for o in plan.graph.ops])
    yield from misnamed("value", [v.name for v in plan.graph.values])


def graph_values(plan: Plan) -> Iterator[str]:
    """Every name that an op or a state mentions is a value of the graph."""
    known = plan.graph.value
    for op in plan.graph.ops:
        for name in (*op.inputs, *op.outputs):
            if name and name not in known:
                yield f"op '{op.name}' mentions '{name}', which is no value; {did_you_mean(name, known)}"
    for state in plan.graph.states:
        for name in (state.past, state.present):
            if name and name not in known:
                yield f"a state mentions '{name}', which is no value; {did_you_mean(name, known)}"


def graph_makers(plan: Plan) -> Iterator[str]:
    """What is neither input, weight nor past state is made by one op, and those by none."""
    made = [n for op in plan.graph.ops for n in op.outputs if n]
    for name in doubles(made):
        makers = [op.name for op in plan.graph.ops if name in op.outputs]
        yield f"value '{name}' is made {made.count(name)} times, by {', '.join(makers)}"
    pasts = {s.past for s in plan.graph.states}
    for value in plan.graph.values:
        given = value.role in _GIVEN or value.name in pasts
        if given and value.name in plan.graph.producer:
            yield f"value '{value.name}' is given, but op '{plan.graph.producer[value.name].name}' makes it"
        if not given and value.name not in plan.graph.producer:
            yield f"value '{value.name}' ({value.role}) is made by no op"


def graph_acyclic(plan: Plan) -> Iterator[str]:
    """Ops come in topological order: each reads only what is given or what an op before it made."""
    made: set[str] = set()
    for op in plan.graph.ops:
        for name in op.inputs:
            if name in plan.graph.producer and name not in made:
                yield f"op '{op.name}' reads '{name}', which '{plan.graph.producer[name].name}' makes later"
        made.update(op.outputs)


def graph_kinds(plan: Plan) -> Iterator[str]:
    """Every op is of a kind of the vocabulary, built in or of an installed package."""
    for op in plan.graph.ops:
        if find_kind(op.kind) is None:
            yield f"op '{op.name}' has {unknown(op.kind)}"


def graph_attributes(plan: Plan) -> Iterator[str]:
    """An op has each attribute once, those that its kind is priced by, and finite numbers in them."""
    for op in plan.graph.ops:
        for name in doubles(name for name, _ in op.attrs):
            yield f"op '{op.name}' has attribute '{name}' twice"
        needed, allowed = SIZES.get(op.kind, ((), ()))
        for name in needed:
            if op.attr(name) is None:
                yield f"op '{op.name}' ({op.kind}) lacks attribute '{name}'"
        for name, value in op.attrs:
            if not _finite(value):
                yield f"op '{op.name}': attribute '{name}' is {value}"
            if name in (*needed, *allowed) and not (isinstance(value, str) or (isinstance(value, int) and value >= 0)):
                yield f"op '{op.name}': attribute '{name}' is {value!r}, not a size or the name of a symbolic dim"


def _finite(value: Attr) -> bool:
    parts = value if isinstance(value, tuple) else (value,)
    return all(isfinite(p) for p in parts if isinstance(p, int | float))


def graph_states(plan: Plan) -> Iterator[str]:
    """A state has a past or a present that an op makes; where it has both they are of one rank and number type."""
    graph = plan.graph
    names = [n for s in graph.states for n in (s.past, s.present) if n]
    for name in doubles(names):
        yield f"value '{name}' belongs to two states"
    for state in graph.states:
        if state.present not in graph.producer and (state.present or not state.past):
            yield f"state '{state.past or state.present}' has no present that an op makes"
        elif state.past and state.present:
            past, present = graph.value[state.past], graph.value[state.present]
            if (len(past.shape), past.dtype) != (len(present.shape), present.dtype):
                yield (
                    f"state '{past.name}' of {past.dtype} and rank {len(past.shape)} is left as '{present.name}' "
                    f"of {present.dtype} and rank {len(present.shape)}"
                )


def graph_roles(plan: Plan) -> Iterator[str]:
    """Roles say what values are: past states are states, and no other value is one unless it is a present."""
    pasts = {s.past for s in plan.graph.states}
    presents = {s.present for s in plan.graph.states}
    for value in plan.graph.values:
        if value.name in pasts and value.role is not Role.STATE:
            yield f"value '{value.name}' is the past of a state, but its role is {value.role}"
        if value.role is Role.STATE and value.name not in pasts | presents:
            yield f"value '{value.name}' has role state, but belongs to no state"


def graph_dims(plan: Plan) -> Iterator[str]:
    """Dims are not negative, weights have no symbolic ones, and every phase binds all others that it meets."""
    graph = plan.graph
    bound = [{name for name, _ in phase.dims} for phase in plan.phases]
    met = [{n for o in plan.ops_of[p.name] for n in (*graph.op[o].inputs, *graph.op[o].outputs)} for p in plan.phases]
    for value in plan.graph.values:
        for dim in value.shape:
            if isinstance(dim, int) and dim < 0:
                yield f"value '{value.name}' has shape {value.shape}"
            if isinstance(dim, str) and value.role is Role.WEIGHT:
                yield f"weight '{value.name}' has the symbolic dim '{dim}'"
            if isinstance(dim, str):
                free = not plan.graph.users.get(value.name) and value.name not in plan.graph.producer
                seen = [
                    value.name in names or (free and not p.results) for p, names in zip(plan.phases, met, strict=True)
                ]
                yield from _unbound(plan, bound, seen, dim, f"value '{value.name}'")
    for op in plan.graph.ops:
        for name in (n for names in SIZES.get(op.kind, ()) for n in names):
            size = op.attr(name)
            if isinstance(size, str):
                seen = [op.name in plan.ops_of[p.name] for p in plan.phases]
                yield from _unbound(plan, bound, seen, size, f"op '{op.name}', attribute '{name}'")


def _unbound(plan: Plan, bound: list[set[str]], seen: list[bool], dim: str, where: str) -> Iterator[str]:
    for phase, names, meets in zip(plan.phases, bound, seen, strict=True):
        if meets and dim not in names:
            yield f"{where}: phase '{phase.name}' gives dim '{dim}' no size; {did_you_mean(dim, names)}"


def phases_names(plan: Plan) -> Iterator[str]:
    """There is a phase, and phases have names of their own."""
    if not plan.phases:
        yield "the plan has no phase"
    yield from misnamed("phase", [p.name for p in plan.phases])


def phases_calls(plan: Plan) -> Iterator[str]:
    """A phase runs at least once per request."""
    for phase in plan.phases:
        if phase.calls < 1:
            yield f"phase '{phase.name}' has {phase.calls} calls"


def phases_shares(plan: Plan) -> Iterator[str]:
    """The samples of a phase stand for all of its calls: their shares add up to 1."""
    for phase in plan.phases:
        if not all(map(amount, phase.shares)) or abs(fsum(phase.shares) - 1) > 1e-9:
            yield f"phase '{phase.name}': its samples have shares {phase.shares}, which add up to {sum(phase.shares)}"


def phases_dims(plan: Plan) -> Iterator[str]:
    """Each dim of a phase has one size, not negative, for each sample."""
    for phase in plan.phases:
        for name in doubles(name for name, _ in phase.dims):
            yield f"phase '{phase.name}' binds dim '{name}' twice"
        for name, sizes in phase.dims:
            if len(sizes) != len(phase.shares):
                yield f"phase '{phase.name}': dim '{name}' has {len(sizes)} sizes for {len(phase.shares)} samples"
            if any(size < 0 for size in sizes):
                yield f"phase '{phase.name}': dim '{name}' has sizes {sizes}"


RULES = rules(
    phases_names,
    phases_calls,
    phases_shares,
    phases_dims,
    phases_batch,
    graph_names,
    graph_values,
    graph_makers,
    graph_acyclic,
    graph_kinds,
    graph_attributes,
    graph_states,
    graph_roles,
    graph_dims,
)
