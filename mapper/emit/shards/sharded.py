"""A phase with teams: its program, the pieces of all ranks, and the lines of the manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

import onnx

from mapper.emit.cut import assembled, opened, with_stored
from mapper.emit.manifest import Moved, Part, Port, StateLine, Step, Tensor
from mapper.emit.shards.combine import collective, combine_model, part_type
from mapper.emit.shards.layouts import SUM, WHOLE, Lay, Split
from mapper.emit.shards.packed_piece import PackedPiece, Ports
from mapper.emit.shards.program import Exchange, Form, Segment
from mapper.emit.shards.programs import PhaseProgram
from mapper.emit.shards.rank_piece import RankPiece, value_name
from mapper.emit.weights import Weights
from mapper.errors import ModelError

Write = Callable[[str, bytes], str]
"""Stores a model of a unit, each once, and returns its file."""


@dataclass(frozen=True, slots=True)
class _Finished:
    """A rank's piece as it is written."""

    segment: Segment
    rank: int
    inputs: Ports
    outputs: Ports
    model: bytes


@dataclass(frozen=True, slots=True)
class _Planned:
    """Tasks of a segment, their number types, and the plan's seconds from the first to the last of them."""

    tasks: tuple[str, ...]
    types: tuple[str, ...]
    start: float
    latest: float


@dataclass(frozen=True)
class _Type:
    """The type of a part. opened: its shape as pieces state it."""

    elem: int
    shape: tuple[int | str, ...]
    opened: Sequence[int | str | None]

    @property
    def open(self) -> tuple[int, Sequence[int | str | None]]:
        """Element type and shape as pieces state them."""
        return self.elem, self.opened

    @cached_property
    def proto(self) -> onnx.TypeProto:
        """The same as ONNX writes it."""
        return onnx.helper.make_tensor_type_proto(*self.open)


@dataclass
class ShardedPhase:
    """Writes the pieces of a phase that has teams. pieces: of each segment, one per rank. values: what steps read or
    make, in the order in which it appears; names: how many steps are called after a file; whole: weights that ranks
    have all of, as stored; types: by value, axis and size of a part; planned: by identity of segments; clock: end of
    the last."""

    made: PhaseProgram
    weights: Weights
    roles: Mapping[str, str]
    write: Write
    values: dict[str, Tensor] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    whole: dict[str, onnx.TensorProto] = field(default_factory=dict)
    types: dict[tuple[str, int, int], _Type] = field(default_factory=dict)
    planned: dict[int, _Planned] = field(default_factory=dict)
    clock: float = 0.0

    def steps(self, ends: Iterable[str]) -> tuple[Step, ...]:
        """The steps of all ranks, in order; what leads to none of the ends is left out."""
        wanted = set(ends) | self._states()
        waiting = [part for whole in self.made.program.items for part in self._parts(whole)]
        kept: list[_Finished | Exchange] = []
        while waiting:
            item = waiting.pop()
            found = item if isinstance(item, Exchange) else self._finished(item, wanted)
            if isinstance(found, Exchange):
                reads, makes = self._ends_of(found)
                found = None if wanted.isdisjoint(makes) else found
            elif found is not None:
                reads = [phase_name for phase_name, _, _ in found.inputs.values()]
            if found is not None:
                wanted.update(reads)
                kept.append(found)
        return tuple(self._exchange(x) if isinstance(x, Exchange) else self._step(x) for x in reversed(kept))

    def _parts(self, item: Segment | Exchange) -> Iterable[PackedPiece | Exchange]:
        return [item] if isinstance(item, Exchange) else self._pieces(item)

    def _states(self) -> set[str]:
        """What ranks keep of states for the next call."""
        program = self.made.program
        found: set[str] = set()
        for value in self.made.kept & program.forms.keys():
            ranks = program.forms[value][0][0]
            found.update(value_name(program, value, program.forms[value][0], r, ranks) for r in range(ranks))
        return found

    def _ends_of(self, item: Exchange) -> tuple[list[str], list[str]]:
        """The names of what a collective reads and makes."""
        source, sink = (item.ranks, item.source), (item.ranks if item.sink is not WHOLE else 0, item.sink)
        ranks, program = range(item.ranks), self.made.program
        parts = [value_name(program, item.value, source, r, item.ranks) for r in ranks]
        results = [value_name(program, item.value, sink, r, item.ranks) for r in (ranks if sink[0] else [0])]
        return parts, results

    def _pieces(self, segment: Segment) -> Iterable[PackedPiece]:
        folder, weights = self.made.anatomy.path.parent, self.weights

        def stored(tensor: onnx.TensorProto, axis: int, stretches: Sequence[tuple[int, int]]) -> onnx.TensorProto:
            role = self.roles.get(tensor.name, "")
            if axis >= 0:
                return weights.cut(folder, tensor, axis, stretches, role)
            if tensor.name not in self.whole:
                self.whole[tensor.name] = weights.stored(folder, tensor, role)
            return self.whole[tensor.name]

        made = self.made
        for rank in range(segment.ranks):
            yield PackedPiece.of(RankPiece(made.anatomy, made.program, made.copied, segment, rank, stored))

    def _finished(self, piece: PackedPiece, wanted: Set[str]) -> _Finished | None:
        """The piece with no more than makes what others want; None where they want nothing."""
        ranks, program, outputs = piece.segment.ranks, self.made.program, Ports()
        for name in piece.made:
            form = program.forms[name][0]
            phase_name = value_name(program, name, form, piece.rank, ranks)
            if phase_name in wanted:
                outputs[piece.sums.get(name, name)] = (phase_name, name, form)
        if not outputs:
            return None
        found = piece.pruned(outputs.keys())
        folder, roles, anatomy = self.made.anatomy.path.parent, self.roles, self.made.anatomy
        model = assembled(
            anatomy,
            "piece",
            [with_stored(n, lambda t: self.weights.stored(folder, t, roles.get(t.name, ""))) for n in found.nodes],
            [self._info(n, v, f, piece.rank, ranks) for n, (_, v, f) in found.inputs.items()],
            [self._info(n, v, f, piece.rank, ranks) for n, (_, v, f) in outputs.items()],
            found.initializers,
        )
        return _Finished(piece.segment, piece.rank, found.inputs, outputs, model.SerializeToString(deterministic=True))

    def _step(self, piece: _Finished) -> Step:
        segment, rank, ranks = piece.segment, piece.rank, piece.segment.ranks
        for phase_name, value, form in (*piece.inputs.values(), *piece.outputs.values()):
            self._tensor(phase_name, value, form, rank, ranks)
        file = self.write(segment.unit, piece.model)
        line = self._planned(segment)
        self.clock = max(self.clock, line.latest)
        return Step(
            name=self._name(file, rank, ranks),
            piece=file,
            unit=segment.unit,
            rank=rank,
            inputs=tuple(Port(name=n, value=v) for n, (v, _, _) in piece.inputs.items()),
            outputs=tuple(Port(name=n, value=v) for n, (v, _, _) in piece.outputs.items()),
            tasks=line.tasks,
            types=line.types,
            start_s=line.start if line.tasks else self.clock,
            end_s=line.latest if line.tasks else self.clock,
        )

    def _planned(self, segment: Segment) -> _Planned:
        """What the plan says of a segment: the same for all ranks."""
        if id(segment) not in self.planned:
            planned = self.made.planned
            tasks = {t.name: t for run in segment.runs for t, _ in planned.tasks_of(run.node, self.made.phase)}
            times = [planned.seconds(name) for name in tasks]
            types = dict.fromkeys(x for t in tasks.values() for x in planned.types(t))
            start, latest = min((a for a, _ in times), default=0.0), max((b for _, b in times), default=0.0)
            self.planned[id(segment)] = _Planned(tuple(tasks), tuple(types), start, latest)
        return self.planned[id(segment)]

    def _name(self, file: str, rank: int, ranks: int) -> str:
        stem = file.removesuffix(".onnx") + (f".{rank}" if ranks > 1 else "")
        self.names[stem] = self.names.get(stem, 0) + 1
        return stem if self.names[stem] == 1 else f"{stem}-{self.names[stem]}"

    def _info(self, name: str, value: str, form: Form, rank: int, ranks: int) -> onnx.ValueInfoProto:
        return onnx.ValueInfoProto(name=name, type=self._type(value, form, rank, ranks).proto)

    def _type(self, value: str, form: Form, rank: int, ranks: int) -> _Type:
        among, lay = form
        mine = rank if among == ranks else 0
        key = (value, lay.axis, lay.size(mine)) if isinstance(lay, Split) else (value, -1, 0)
        if key not in self.types:
            anatomy, found = self.made.anatomy, self.made.anatomy.type_of(value)
            if found is None:
                raise ModelError(
                    f"{anatomy.path}: '{value}' would leave a piece, but it is no tensor of known type",
                    hint="place what makes it and what reads it on one unit",
                )
            elem, shape = part_type(found.elem, found.shape, lay, mine)
            self.types[key] = _Type(elem, tuple(shape), opened(anatomy, value, shape))
        return self.types[key]

    def _tensor(self, phase_name: str, value: str, form: Form, rank: int, ranks: int) -> None:
        if phase_name in self.values:
            return
        found = self._type(value, form, rank, ranks)
        dtype = onnx.TensorProto.DataType.Name(found.elem).lower()
        part = None
        if phase_name != value:
            part = _part(rank if form[0] == ranks else 0, form)
        self.values[phase_name] = Tensor(
            name=phase_name, dtype=dtype, shape=found.shape, of=value if part else "", part=part
        )

    def _exchange(self, item: Exchange) -> Step:
        ranks, (parts, results) = item.ranks, self._ends_of(item)
        source: Form = (ranks, item.source)
        sink: Form = (ranks if item.sink is not WHOLE else 0, item.sink)
        for names, form in ((parts, source), (results, sink)):
            for rank, name in enumerate(names):
                self._tensor(name, item.value, form, rank, ranks)
        types = [self._type(item.value, source, r, ranks).open for r in range(ranks)]
        outs = [self._type(item.value, sink, r, ranks).open for r in range(len(results))]
        model = combine_model(item.source, item.sink, types, outs)
        file = self.write(item.unit, model.SerializeToString(deterministic=True))
        names = [o.name for o in model.graph.output]
        return Step(
            name=self._name(file, 0, 1),
            piece=file,
            unit=item.unit,
            role="ends" if item.ends else "combine",
            collective=collective(item.source, item.sink),
            inputs=tuple(Port(name=f"part{r}", value=v) for r, v in enumerate(parts)),
            outputs=tuple(Port(name=n, value=v) for n, v in zip(names, results, strict=True)),
            start_s=self.clock,
            end_s=self.clock,
        )

    def moved(self) -> list[Moved]:
        """Nodes that ranks run otherwise than planned."""
        whole = [(n, how, "every rank runs it whole", why) for n, (how, why) in self.made.program.refused.items()]
        other = [(n, how, "divided otherwise", why) for n, (how, why) in self.made.program.noted.items()]
        return [
            Moved(phase=self.made.phase, node=n, planned=how, runs=runs, why=why) for n, how, runs, why in whole + other
        ]


def _part(rank: int, form: Form) -> Part:
    among, lay = form
    if not isinstance(lay, Split):
        return Part(rank=rank, ranks=among, layout=_layout(lay))
    row = lay.ranges[rank]
    if len(row) > 1:
        return Part(rank=rank, ranks=among, layout="features", axis=lay.axis, stretches=row)
    return Part(rank=rank, ranks=among, layout="features", axis=lay.axis, start=row[0][0], stop=row[0][1])


def _layout(lay: Lay) -> str:
    return "sum" if lay is SUM else "copy"


def rank_states(states: Sequence[StateLine], forms: Mapping[str, Form]) -> list[StateLine]:
    """A line for each rank of a state that stays divided. forms: by name of past or present."""
    found: list[StateLine] = []
    for line in states:
        form = forms.get(line.past or line.present)
        if form is None:
            found.append(line)
            continue
        for rank in range(form[0]):
            mine = f" [{rank}/{form[0]}]"
            changes = {"name": line.name + mine, "past": line.past and line.past + mine}
            found.append(line.model_copy(update=changes | {"present": line.present and line.present + mine}))
    return found
