"""From a finished plan and its files to pieces and the lines of their manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import onnx

from mapper.cost.program import Program, Spelling
from mapper.emit.counting import Counted, uncounted
from mapper.emit.cut import Cut, Stored, cuts, model_of, store_all
from mapper.emit.filling import operand_roles
from mapper.emit.fills import fill_of
from mapper.emit.layout import clean
from mapper.emit.manifest import DimLine, Moved, PhasePart, Port, Step, Tensor
from mapper.emit.owned import OwnedPhase, owned
from mapper.emit.shards.programs import PhaseProgram, phase_programs
from mapper.emit.shards.sharded import ShardedPhase, rank_states
from mapper.emit.traffic import buffers, length_s, moves
from mapper.emit.weights import Weights
from mapper.errors import ModelError
from mapper.frontend.anatomy import Anatomy, by_phase
from mapper.ir.graph import Phase
from mapper.ir.plan import Plan


@dataclass
class Emission:
    """Writes the pieces of a plan below `out`, each once, phase by phase."""

    plan: Plan
    anatomies: Sequence[Anatomy]
    out: Path
    weights: Weights
    written: dict[tuple[object, ...], str] = field(default_factory=dict)
    roles: dict[Path, Mapping[str, str]] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)
    count: Counted = uncounted

    @cached_property
    def programs(self) -> tuple[Program, ...]:
        """The plan spelled out, a program a phase."""
        return Spelling(self.plan).programs()

    @cached_property
    def _files(self) -> dict[str, Anatomy]:
        return by_phase(self.anatomies)

    @cached_property
    def teams(self) -> Mapping[str, PhaseProgram]:
        """What the ranks of teams do in each phase, made together: phases hold states alike."""
        return phase_programs(self.plan, list(self._owned.values()))

    @cached_property
    def _owned(self) -> Mapping[str, OwnedPhase]:
        for phase in self.plan.phases:
            _check_results(self._files[phase.name])
        return {p.name: owned(self.plan, self._files[p.name], p.name) for p in self.plan.phases}

    def phase(self, phase: Phase) -> PhasePart:
        """The pieces of a phase, written, and its lines of the manifest."""
        self.count(f"pieces of {phase.name}", 0, 0)
        mine = self._owned[phase.name]
        self._tell(mine)
        if mine.has_teams:
            return self._sharded(mine, phase)
        anatomy, groups = mine.anatomy, mine.groups
        found = zip(groups, cuts(anatomy, mine.nodes, groups, anatomy.outputs), strict=True)
        steps: list[Step] = []
        for group, cut in found:
            self.count(f"pieces of {phase.name}", len(steps), len(groups))
            steps.append(self._step(mine, mine.owner[group[0].name], cut))
        return self._part(mine, phase, tuple(steps), anatomy.outputs)

    def _sharded(self, mine: OwnedPhase, phase: Phase) -> PhasePart:
        anatomy, found = mine.anatomy, self.teams[phase.name]
        sharded = ShardedPhase(found, self.weights, self._roles(anatomy), self._team_piece)
        ends = tuple(name for name in anatomy.outputs if name not in found.kept)
        steps = sharded.steps(ends)
        self.moved += sharded.moved()
        part = self._part(mine, phase, steps, ends, sharded.values)
        return part.model_copy(update={"states": tuple(rank_states(part.states, found.forms))})

    def _team_piece(self, unit: str, data: bytes) -> str:
        """The file of a model; equal ones are stored once."""
        return self._file((unit, hashlib.sha256(data).digest()), unit, lambda _: data)

    def _tell(self, mine: OwnedPhase) -> None:
        for node, units in mine.moved.items():
            why = _APART if len(units) > 1 else _NO_TENSOR
            self.moved.append(
                Moved(phase=mine.phase, node=node, planned=", ".join(units), runs=mine.owner[node], why=why)
            )

    def _step(self, mine: OwnedPhase, unit: str, cut: Cut) -> Step:
        piece, planned = self._piece(mine.anatomy, unit, cut), mine.planned
        tasks = {t.name: t for node in cut.nodes for t, _ in planned.tasks_of(node, mine.phase)}
        times = [planned.seconds(name) for name in tasks]
        return Step(
            name=piece.removesuffix(".onnx"),
            piece=piece,
            unit=unit,
            inputs=tuple(Port(name=n, value=n) for n in cut.inputs),
            outputs=tuple(Port(name=n, value=n) for n in cut.outputs),
            tasks=tuple(tasks),
            types=tuple(dict.fromkeys(x for t in tasks.values() for x in planned.types(t))),
            start_s=min((a for a, _ in times), default=0.0),
            end_s=max((b for _, b in times), default=0.0),
        )

    def _piece(self, anatomy: Anatomy, unit: str, cut: Cut) -> str:
        """The file of a cut, written when it is first met: phases that run the same nodes on a unit share it."""

        def made(name: str) -> bytes:
            model = model_of(anatomy, cut, name, self._stored(anatomy))
            return bytes(model.SerializeToString(deterministic=True))

        return self._file((anatomy.path, unit, *cut.key), unit, made)

    def _file(self, key: tuple[object, ...], unit: str, made: Callable[[str], bytes]) -> str:
        """The file of a piece, written when its key is first met. made: its bytes, by its name without the suffix."""
        if key not in self.written:
            stem = f"{len(self.written):03d}-{clean(unit)}"
            (self.out / f"{stem}.onnx").write_bytes(made(stem))
            self.written[key] = f"{stem}.onnx"
        return self.written[key]

    def _stored(self, anatomy: Anatomy) -> Stored:
        roles = self._roles(anatomy)
        return lambda t: self.weights.stored(anatomy.path.parent, t, roles.get(t.name, ""))

    def _roles(self, anatomy: Anatomy) -> Mapping[str, str]:
        if anatomy.path not in self.roles:
            self.roles[anatomy.path] = operand_roles(anatomy.model.graph)
        return self.roles[anatomy.path]

    def whole(self, number: int, anatomy: Anatomy) -> str:
        """The whole model of a file on the same weights, written; its name. number: of the file among all."""
        found = onnx.ModelProto()
        found.CopyFrom(anatomy.model)
        store_all(found.graph, self._stored(anatomy))
        name = f"whole-{number}-{clean(anatomy.label or 'model')}.onnx"
        (self.out / name).write_bytes(found.SerializeToString(deterministic=True))
        return name

    def _part(
        self,
        mine: OwnedPhase,
        phase: Phase,
        steps: tuple[Step, ...],
        ends: tuple[str, ...],
        known: Mapping[str, Tensor] = MappingProxyType({}),
    ) -> PhasePart:
        """known: values that are parts of ranks, or sent as others than they are in the file."""
        anatomy, states = mine.anatomy, mine.states
        start = f"{anatomy.label}/" if anatomy.label else ""
        schedule = self.plan.schedule or ()
        program = next(p for p in self.programs if p.phase == phase.name)
        read = {p.value for step in steps for p in step.inputs} | set(ends)
        pasts = {s.past for s in states}
        used = dict.fromkeys(p.value for s in steps for p in (*s.inputs, *s.outputs))
        names = dict.fromkeys([*anatomy.inputs, *used, *anatomy.outputs])
        values = tuple(known.get(n) or _tensor(anatomy, n) for n in names if n in used or n in ends)
        numbers = anatomy.numbers(phase.name)
        return PhasePart(
            name=phase.name,
            file=anatomy.label,
            calls=phase.calls,
            dims=_dims(anatomy, phase.name),
            inputs=tuple(fill_of(anatomy, n, numbers) for n in anatomy.inputs if n in read and n not in pasts),
            outputs=ends,
            states=tuple(states),
            values=values,
            steps=steps,
            moves=moves(program, schedule, start),
            buffers=buffers(self.plan, phase.name, start),
            latency_s=length_s(program, schedule),
        )


_APART = "its ops are planned apart, but it is one node of the file"
_NO_TENSOR = "it reads what is no tensor (a sequence), which stays on the unit that makes it"


def _check_results(anatomy: Anatomy) -> None:
    """Nodes make all results, or requests bring them."""
    weight = next((name for name in anatomy.outputs if anatomy.is_weight(name)), None)
    if weight is not None:
        raise ModelError(
            f"{anatomy.path}: its result '{weight}' is one of its weights; no piece would make it",
            hint="put an Identity node between, or leave the result out",
        )


def _tensor(anatomy: Anatomy, name: str) -> Tensor:
    found = anatomy.type_of(name)
    if found is None:
        raise ModelError(f"{anatomy.path}: the type of '{name}' is not known")
    return Tensor(name=name, dtype=onnx.TensorProto.DataType.Name(found.elem).lower(), shape=found.shape)


_ROLES = ("batch", "past", "seq", "total")


def _dims(anatomy: Anatomy, phase: str) -> tuple[DimLine, ...]:
    """Open dims of a phase, the roles that its bindings know, and inputs whose number it was read with, at its first
    and last call."""
    found = {name: (sizes[0], sizes[-1]) for name, sizes in anatomy.sizes(phase).items()}
    for spec, bounds in zip(anatomy.walked.specs, anatomy.walked.bounds, strict=True):
        for role in _ROLES if spec.name == phase else ():
            if role in bounds[0].roles:
                found.setdefault(role, (bounds[0].roles[role], bounds[-1].roles[role]))
    for name, numbers in anatomy.numbers(phase).items():
        found.setdefault(name, (numbers[0], numbers[-1]))
    return tuple(DimLine(name=n, first=a, last=b) for n, (a, b) in sorted(found.items()))
