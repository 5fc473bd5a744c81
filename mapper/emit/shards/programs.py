"""The programs of all phases that have teams: what a state is from call to call, it is in every phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapper.emit.owned import OwnedPhase
from mapper.emit.planned import Planned
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
    """What is the same in every attempt at a phase."""

    owned: OwnedPhase
    ways: PlannedWays

    def attempt(self, plan: Plan, states: Mapping[str, Form]) -> tuple[Program, dict[str, Form]]:
        """The program where these pasts are divided, and pasts that nodes would have liked divided."""
        owned = self.owned
        mine = {s.past: states[s.name] for s in owned.states if s.past and s.name in states}
        presents = {s.present for s in owned.states if s.name in states}
        pasts = [s.past for s in owned.states if s.past]
        builder = Builder(owned.anatomy, self.ways, owned.owner, lambda unit: plan.target.unit[unit].ranks, mine, pasts)
        ends = [name for name in owned.anatomy.outputs if name not in presents]
        program = builder.build(owned.nodes, owned.groups, ends)
        return program, {s.name: builder.asked[s.past] for s in owned.states if s.past in builder.asked}

    def holds(self, program: Program) -> dict[str, Form]:
        """How the program makes each state."""
        return {s.name: program.forms[s.present][0] for s in self.owned.states if s.present in program.forms}

    def can_divide(self, past: str) -> bool:
        """Whether copied nodes read no more of it than its sizes."""
        copied = (n for n in self.owned.nodes if n.name not in self.owned.owner)
        return all(n.proto.op_type == "Shape" for n in copied if past in n.reads)


def phase_programs(plan: Plan, phases: Sequence[OwnedPhase]) -> dict[str, PhaseProgram]:
    """The program of each phase. A state stays divided from call to call where all phases make it in one layout, and
    read it in that."""
    found = [_Phase(p, PlannedWays(p.planned, p.anatomy, p.phase, PhaseFacts(p.anatomy, p.phase))) for p in phases]
    refused: set[str] = set()
    states: dict[str, Form] = {}
    while True:
        attempts = [phase.attempt(plan, states) for phase in found]
        wanted = _agreed(found, attempts, states, refused)
        if wanted == states:
            break
        refused |= states.keys() - wanted.keys()
        states = wanted
    return {p.phase: _made(p, program, states) for p, (program, _) in zip(phases, attempts, strict=True)}


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
        for state in phase.owned.states:
            form = wanted.get(state.name)
            if form is None:
                continue
            kept_whole = bool(state.past) and not phase.can_divide(state.past)
            if kept_whole or _differs(made.get(state.name), form, state.present):
                del wanted[state.name]
    return {name: form for name, form in wanted.items() if name not in refused}


def _differs(made: Form | None, form: Form, present: str) -> bool:
    """Whether a phase makes the state in another way, or in parts that are no single stretches."""
    single = isinstance(form[1], Split) and all(len(row) == 1 for row in form[1].ranges)
    return not single or (bool(present) and made != form)


def _made(phase: OwnedPhase, program: Program, states: Mapping[str, Form]) -> PhaseProgram:
    divided = [s for s in phase.states if s.name in states]
    forms = {n: states[s.name] for s in divided for n in (s.past, s.present) if n}
    kept = frozenset(s.present for s in divided if s.present)
    copied = {out: n for n in phase.nodes if n.name not in phase.owner for out in n.outputs if out}
    return PhaseProgram(phase.anatomy, phase.planned, phase.phase, program, copied, kept, forms)
