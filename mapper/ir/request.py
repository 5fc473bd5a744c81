"""The parts of a request: which phases lead to its first token, and which make the others."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from mapper.errors import MapperError
from mapper.hw.work import Role
from mapper.ir.goal import Objective
from mapper.ir.graph import Phase, bind
from mapper.ir.plan import Plan


@dataclass(frozen=True, slots=True)
class Runs:
    """How often each phase runs in a stretch of a request, and into how many equal parts (tokens) that is divided."""

    counts: tuple[int, ...]
    parts: int = 1


def runs(plan: Plan, objective: Objective) -> Runs:
    """What the time of an objective counts; all calls of all phases unless it is of the first or of later tokens.

    ttft: all calls of the phases before the first one that makes later tokens (one call of that one if it is the
    first, all calls of all where none does). tpot: the phases that make later tokens, by token. Raises MapperError for
    tpot without such a phase.
    """
    phases, calls = plan.phases, tuple(p.calls for p in plan.phases)
    if objective not in (Objective.TTFT, Objective.TPOT):
        return Runs(calls)
    later = decoding(plan)
    if objective is Objective.TPOT:
        if not any(later):
            raise MapperError(
                f"tpot: no phase of {plan.graph.name} reads a cache, so none makes tokens after the first",
                details=[f"phases: {', '.join(p.name for p in phases)}"],
                hint='add one, as --phase "decode: seq=1 past=512..639"',
            )
        chosen = [p for p, is_later in zip(phases, later, strict=True) if is_later]
        counts = tuple(c if is_later else 0 for c, is_later in zip(calls, later, strict=True))
        return Runs(counts, sum(p.calls * new_tokens(plan, p) for p in chosen))
    first = next((k for k, is_later in enumerate(later) if is_later), len(phases))
    if first == 0:
        return Runs((1, *(0 for _ in phases[1:])))
    return Runs(tuple(c if k < first else 0 for k, c in enumerate(calls)))


def decoding(plan: Plan) -> tuple[bool, ...]:
    """For each phase, whether it makes tokens after the first: it reads a cache, and no phase that does takes fewer
    new tokens a call (a chunk of a long prompt reads a cache too)."""
    cached = [reads_cache(plan, p) for p in plan.phases]
    fewest = min((new_tokens(plan, p) for p, c in zip(plan.phases, cached, strict=True) if c), default=0)
    return tuple(c and new_tokens(plan, p) == fewest for p, c in zip(plan.phases, cached, strict=True))


def reads_cache(plan: Plan, phase: Phase) -> bool:
    """Whether a state that the phase meets has elements when a call of it begins."""
    met = plan.values_of[phase.name] if phase.results else frozenset[str]()
    pasts = [plan.graph.value[s.past] for s in plan.graph.states if s.past and (not phase.results or s.past in met)]
    return any(prod(bind(v.shape, b)) > 0 for v in pasts for b in phase.bindings())


def new_tokens(plan: Plan, phase: Phase) -> int:
    """New tokens of one sequence in one call: the second dim of the token ids, or of embeddings; 1 without either."""
    binding = phase.bindings()[0]
    inputs = [v for v in plan.graph.values if v.role is Role.INPUT]
    if phase.results:
        inputs = [v for v in inputs if v.name in plan.values_of[phase.name]]
    ids = [v for v in inputs if not v.dtype.is_float and len(v.shape) == 2]
    embeddings = [v for v in inputs if v.dtype.is_float and len(v.shape) == 3]
    for value in (*ids, *embeddings):
        return max(1, bind(value.shape, binding)[1])
    return 1


def batch_of(plan: Plan) -> int:
    """Sequences that one run of the phases serves: the largest batch that any of them was asked for, else 1."""
    asked = [size.rpartition(".")[2] for p in plan.phases for name, size in p.given if name == "batch"]
    return max([1, plan.batch, *(int(size) for size in asked if size.isdecimal())])
