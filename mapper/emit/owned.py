"""What pieces of a phase are made of, found once: nodes with their units, the stretches of each, and states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapper.emit.grouping import pieces
from mapper.emit.manifest import StateLine
from mapper.emit.owners import Owners
from mapper.emit.planned import Planned, starts
from mapper.frontend.anatomy import Anatomy, FileNode
from mapper.ir.plan import Plan


@dataclass(frozen=True)
class OwnedPhase:
    """A phase of a file. nodes: the live ones, producers before users. owner: unit by node; those without one are
    copied to where they are read. moved: nodes that run elsewhere than planned, with the units that the plan has them
    on. groups: nodes of one unit each, in an order in which they can run. states: by their names in the file."""

    anatomy: Anatomy
    planned: Planned
    phase: str
    nodes: Sequence[FileNode]
    owner: Mapping[str, str]
    moved: Mapping[str, tuple[str, ...]]
    groups: Sequence[Sequence[FileNode]]
    states: Sequence[StateLine]

    @property
    def has_teams(self) -> bool:
        """Whether a unit of several ranks runs any of it."""
        unit = self.planned.plan.target.unit
        return any(unit[name].ranks > 1 for name in self.owner.values())


def owned(plan: Plan, anatomy: Anatomy, phase: str) -> OwnedPhase:
    """The nodes of a phase with their owners."""
    planned = Planned(plan, anatomy.label)
    owners = Owners(anatomy, planned, phase)
    nodes = owners.find(anatomy.outputs)
    groups = pieces(nodes, owners.owner, starts(nodes, planned, phase))
    states = _states(plan, anatomy, phase)
    return OwnedPhase(anatomy, planned, phase, nodes, owners.owner, owners.moved, groups, states)


def _states(plan: Plan, anatomy: Anatomy, phase: str) -> list[StateLine]:
    """The states that a phase of the file reads or makes."""
    start = f"{anatomy.label}/" if anatomy.label else ""
    own = {n.removeprefix(start) for n in plan.values_of[phase]} | {*anatomy.inputs, *anatomy.outputs}
    return [
        StateLine(name=s.name, past=s.past.removeprefix(start), present=s.present.removeprefix(start))
        for s in plan.graph.states
        if (s.past or s.present).startswith(start) and (s.past or s.present).removeprefix(start) in own
    ]
