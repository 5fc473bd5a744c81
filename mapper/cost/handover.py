"""States that a request takes from one phase to the next: sent on where the phases keep them in different places.

Each call of the earlier phase sends on its part of what the later one starts from, as disaggregated serving does layer
by layer (Patel et al.: Splitwise, ISCA 2024; Zhong et al.: DistServe, OSDI 2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from mapper.ir.graph import Phase, bind
from mapper.ir.plan import Plan


@dataclass(frozen=True, slots=True)
class HandOver:
    """A state on its way from a phase to the next that has it.

    value: the state as the earlier phase holds it. source: the cluster that leaves it there. readers: the clusters of
    the later phase that touch it; they share one place. elements: what one call of the earlier phase sends.
    """

    state: str
    value: str
    phase: str
    source: str
    to: str
    readers: tuple[str, ...]
    elements: int


def hand_overs(plan: Plan) -> tuple[HandOver, ...]:
    """What each phase hands to the next one in the order of the request, state by state."""
    owner = {op: cluster.name for cluster in plan.clusters or () for op in cluster.ops}
    order = {cluster.name: i for i, cluster in enumerate(plan.clusters or ())}
    found = []
    for name in dict.fromkeys(state.name for state in plan.graph.states):
        before: tuple[Phase, str, str] | None = None
        for phase in plan.phases:
            here = _here(plan, name, phase)
            touching = {owner[op] for n in here for op in _touching(plan, n) if op in plan.ops_of[phase.name]}
            if not touching:
                continue
            clusters = tuple(sorted(touching, key=order.__getitem__))
            if before is not None:
                first, value, source = before
                size = min(_most(plan, value, first), _least(plan, name, phase))
                if size:
                    found.append(
                        HandOver(name, value, first.name, source, phase.name, clusters, -(-size // first.calls))
                    )
            maker = plan.graph.producer.get(here[-1])
            before = (phase, here[-1], owner[maker.name] if maker else clusters[-1])
    return tuple(found)


def _here(plan: Plan, name: str, phase: Phase) -> list[str]:
    """The values of a state in a phase, what is left last."""
    met = plan.values_of[phase.name]
    states = [plan.graph.states[k] for k in plan.graph.states_named[name]]
    return [n for s in states for n in (s.past, s.present) if n and n in met]


def _touching(plan: Plan, value: str) -> list[str]:
    maker = plan.graph.producer.get(value)
    return [op.name for op in (*plan.graph.users.get(value, ()), *([maker] if maker else []))]


def _most(plan: Plan, value: str, phase: Phase) -> int:
    """Elements that a phase leaves, at its largest sample."""
    return max(_elements(plan, value, binding) for binding in phase.bindings())


def _least(plan: Plan, name: str, phase: Phase) -> int:
    """Elements of a state that a phase starts from: its past at the smallest sample; none where it has no past."""
    met = plan.values_of[phase.name]
    states = [plan.graph.states[k] for k in plan.graph.states_named[name]]
    pasts = [s.past for s in states if s.past in met]
    return min((_elements(plan, past, binding) for past in pasts for binding in phase.bindings()), default=0)


def _elements(plan: Plan, value: str, binding: Mapping[str, int]) -> int:
    return prod(bind(plan.graph.value[value].shape, binding))
