"""The programs of all phases that have teams: what a state is from call to call, it is in every phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapper.emit.grouping import pieces
from mapper.emit.owners import Owners
from mapper.emit.planned import Planned, starts
from mapper.emit.shards.layouts import Split
from mapper.emit.shards.planned_ways import PlannedWays
from mapper.emit.shards.program import Builder, Form, Program
from mapper.emit.shards.sizes import PhaseFacts
from mapper.frontend.anatomy import Anatomy, FileNode
from mapper.ir.plan import Plan


@dataclass(frozen=True)
class PhaseProgram:
    """A phase's program. copied: nodes by the values that every piece makes for itself. kept: presents that stay
    divided; forms: how states that do are held, by the names of past and present."""

    anatomy: Anatomy
    planned: Planned
    phase: str
    program: Program
    copied: Mapping[str, FileNode]
    kept: frozenset[str]
    forms: Mapping[str, Form]


@dataclass(frozen=True)
class _Phase:
    """What is the same in every attempt at a phase. states: past and present, '' where there is none."""

    anatomy: Anatomy
    planned: Planned
    phase: str
    owners: Owners
    nodes: Sequence[FileNode]
    groups: Sequence[Sequence[FileNode]]
    ways: PlannedWays
    states: Sequence[tuple[str, str, str]]

    def attempt(self, plan: Plan, states: Mapping[str, Form]) -> tuple[Program, dict[str, Form]]:
        """The program where these pasts are divided, and pasts that nodes would have liked divided."""
        mine = {past: states[name] for name, past, _ in self.states if past and name in states}
        presents = {present for name, _, present in self.states if name in states}
        pasts = [past for _, past, _ in self.states if past]
        builder = Builder(
            self.anatomy, self.ways, self.owners.owner, lambda unit: plan.target.unit[unit].ranks, mine, pasts
        )
        ends = [name for name in self.anatomy.outputs if name not in presents]
        program = builder.build(self.nodes, self.groups, ends)
        return program, {name: builder.asked[past] for name, past, _ in self.states if past in builder.asked}

    def holds(self, program: Program) -> dict[str, Form]:
        """How the program makes each state."""
        return {name: program.forms[p][0] for name, _, p in self.states if p in program.forms}

    def can_divide(self, past: str) -> bool:
        """Whether copied nodes read no more of it than its sizes."""
        copied = (n for n in self.nodes if n.name not in self.owners.owner)
        return all(n.proto.op_type == "Shape" for n in copied if past in n.reads)


def phase_programs(plan: Plan, phases: Sequence[tuple[str, Anatomy]]) -> dict[str, PhaseProgram]:
    """The program of each phase. A state stays divided from call to call where all phases make it in one layout, and
    read it in that."""
    found = [_phase(plan, name, anatomy) for name, anatomy in phases]
    refused: set[str] = set()
    states: dict[str, Form] = {}
    while True:
        attempts = [phase.attempt(plan, states) for phase in found]
        wanted = _agreed(found, attempts, states, refused)
        if wanted == states:
            break
        refused |= states.keys() - wanted.keys()
        states = wanted
    return {phase.phase: _made(phase, program, states) for phase, (program, _) in zip(found, attempts, strict=True)}


def _agreed(
    found: Sequence[_Phase],
    attempts: Sequence[tuple[Program, Mapping[str, Form]]],
    states: Mapping[str, Form],
    refused: set[str],
) -> dict[str, Form]:
    wanted: dict[str, Form] = dict(states)
    for _, asked in attempts:
        wanted.update({name: form for name, form in asked.items() if name not in wanted})
    for phase, (program, _) in zip(found, attempts, strict=True):
        made = phase.holds(program)
        for name, past, present in phase.states:
            form = wanted.get(name)
            if form is not None and (_differs(made.get(name), form, present) or (past and not phase.can_divide(past))):
                del wanted[name]
    return {name: form for name, form in wanted.items() if name not in refused}


def _differs(made: Form | None, form: Form, present: str) -> bool:
    """Whether a phase makes the state in another way, or in parts that are no single stretches."""
    single = isinstance(form[1], Split) and all(len(row) == 1 for row in form[1].ranges)
    return not single or (bool(present) and made != form)


def _phase(plan: Plan, name: str, anatomy: Anatomy) -> _Phase:
    planned = Planned(plan, anatomy.label)
    owners = Owners(anatomy, planned, name)
    nodes = owners.find(anatomy.outputs)
    groups = pieces(nodes, owners.owner, starts([n.name for n in nodes], planned, name))
    ways = PlannedWays(planned, anatomy, name, PhaseFacts(anatomy, name))
    prefix = f"{anatomy.label}/" if anatomy.label else ""
    own = {*anatomy.inputs, *anatomy.outputs}
    states = [
        (s.name, s.past.removeprefix(prefix), s.present.removeprefix(prefix))
        for s in plan.graph.states
        if (s.past or s.present).startswith(prefix)
        and {s.past.removeprefix(prefix), s.present.removeprefix(prefix)} & own
    ]
    return _Phase(anatomy, planned, name, owners, nodes, groups, ways, states)


def _made(phase: _Phase, program: Program, states: Mapping[str, Form]) -> PhaseProgram:
    forms = {n: states[name] for name, *ends in phase.states if name in states for n in ends if n}
    kept = frozenset(present for name, _, present in phase.states if name in states and present)
    copied = {out: n for n in phase.nodes if n.name not in phase.owners.owner for out in n.outputs if out}
    return PhaseProgram(phase.anatomy, phase.planned, phase.phase, program, copied, kept, forms)
