"""A phase with teams: its program, the pieces of all ranks, and the lines of the manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import onnx

from mapper.emit.cut import assembled, opened, with_stored
from mapper.emit.manifest import Moved, Part, Port, StateLine, Step, Tensor
from mapper.emit.shards.combine import collective, combine_model, part_type
from mapper.emit.shards.layouts import SUM, WHOLE, Lay, Split
from mapper.emit.shards.program import Exchange, Form, Segment
from mapper.emit.shards.programs import PhaseProgram
from mapper.emit.shards.rank_piece import RankPiece, value_name
from mapper.emit.weights import Weights
from mapper.errors import ModelError

Write = Callable[[str, onnx.ModelProto], str]
"""Stores a model of a unit, each once, and returns its file."""


@dataclass
class ShardedPhase:
    """Writes the pieces of a phase that has teams. pieces: of each segment, one per rank. values: what steps read or
    make, in the order in which it appears; names: how many steps are called after a file; clock: end of the last."""

    made: PhaseProgram
    weights: Weights
    roles: Mapping[str, str]
    write: Write
    values: dict[str, Tensor] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    clock: float = 0.0

    def steps(self, ends: Iterable[str]) -> tuple[Step, ...]:
        """The steps of all ranks, in order; what leads to none of the ends is left out."""
        program = self.made.program
        wanted = set(ends) | self._states()
        kept: list[tuple[Segment, RankPiece] | Exchange] = []
        for item in reversed([part for whole in program.items for part in self._parts(whole)]):
            made = self._makes(item)
            if wanted.isdisjoint(made):
                continue
            wanted.update(self._reads(item, {name for value, name in made.items() if value in wanted}))
            kept.append(item)
        steps = (self._exchange(x) if isinstance(x, Exchange) else self._step(*x, wanted) for x in reversed(kept))
        return tuple(steps)

    def _parts(self, item: Segment | Exchange) -> list[tuple[Segment, RankPiece] | Exchange]:
        return [item] if isinstance(item, Exchange) else [(item, piece) for piece in self._pieces(item)]

    def _states(self) -> set[str]:
        """What ranks keep of states for the next call."""
        program = self.made.program
        found: set[str] = set()
        for value in self.made.kept & program.forms.keys():
            ranks = program.forms[value][0][0]
            found.update(value_name(program, value, program.forms[value][0], r, ranks) for r in range(ranks))
        return found

    def _makes(self, item: tuple[Segment, RankPiece] | Exchange) -> dict[str, str]:
        """The phase's values that it makes, with their names in the piece."""
        program = self.made.program
        if isinstance(item, Exchange):
            return dict.fromkeys(self._ends_of(item)[1], "")
        segment, piece = item
        forms = ((n, program.forms[n][0]) for n in piece.made)
        return {value_name(program, n, form, piece.rank, segment.ranks): piece.sums.get(n, n) for n, form in forms}

    def _reads(self, item: tuple[Segment, RankPiece] | Exchange, made: set[str]) -> Iterable[str]:
        if isinstance(item, Exchange):
            return self._ends_of(item)[0]
        item[1].prune(made)
        return [phase_name for phase_name, _, _ in item[1].inputs.values()]

    def _ends_of(self, item: Exchange) -> tuple[list[str], list[str]]:
        """The names of what a collective reads and makes."""
        source, sink = (item.ranks, item.source), (item.ranks if item.sink is not WHOLE else 0, item.sink)
        ranks, program = range(item.ranks), self.made.program
        parts = [value_name(program, item.value, source, r, item.ranks) for r in ranks]
        results = [value_name(program, item.value, sink, r, item.ranks) for r in (ranks if sink[0] else [0])]
        return parts, results

    def _pieces(self, segment: Segment) -> list[RankPiece]:
        folder, weights = self.made.anatomy.path.parent, self.weights

        def stored(tensor: onnx.TensorProto, axis: int, stretches: Sequence[tuple[int, int]]) -> onnx.TensorProto:
            role = self.roles.get(tensor.name, "")
            if axis < 0:
                return weights.stored(folder, tensor, role)
            return weights.cut(folder, tensor, axis, stretches, role)

        return [
            RankPiece(self.made.anatomy, self.made.program, self.made.copied, segment, rank, stored)
            for rank in range(segment.ranks)
        ]

    def _step(self, segment: Segment, piece: RankPiece, wanted: set[str]) -> Step:
        ranks, rank = segment.ranks, piece.rank
        outputs: dict[str, tuple[str, str, Form]] = {}
        for name in piece.made:
            form = self.made.program.forms[name][0]
            phase_name = value_name(self.made.program, name, form, rank, ranks)
            if phase_name in wanted:
                outputs[piece.sums.get(name, name)] = (phase_name, name, form)
        model = self._model(piece, outputs)
        file = self.write(segment.unit, model)
        tasks = {t.name: t for run in segment.runs for t, _ in self.made.planned.tasks_of(run.node, self.made.phase)}
        times = [self.made.planned.seconds(name) for name in tasks]
        self.clock = max([self.clock, *(b for _, b in times)])
        return Step(
            name=self._name(file, rank, ranks),
            piece=file,
            unit=segment.unit,
            rank=rank,
            inputs=tuple(Port(name=n, value=v) for n, (v, _, _) in piece.inputs.items()),
            outputs=tuple(Port(name=n, value=v) for n, (v, _, _) in outputs.items()),
            tasks=tuple(tasks),
            types=tuple(dict.fromkeys(x for t in tasks.values() for x in self.made.planned.types(t))),
            start_s=min((a for a, _ in times), default=self.clock),
            end_s=max((b for _, b in times), default=self.clock),
        )

    def _name(self, file: str, rank: int, ranks: int) -> str:
        stem = file.removesuffix(".onnx") + (f".{rank}" if ranks > 1 else "")
        self.names[stem] = self.names.get(stem, 0) + 1
        return stem if self.names[stem] == 1 else f"{stem}-{self.names[stem]}"

    def _model(self, piece: RankPiece, outputs: Mapping[str, tuple[str, str, Form]]) -> onnx.ModelProto:
        for phase_name, value, form in (*piece.inputs.values(), *outputs.values()):
            self._tensor(phase_name, value, form, piece.rank, piece.segment.ranks)
        folder, roles = self.made.anatomy.path.parent, self.roles
        return assembled(
            self.made.anatomy,
            "piece",
            [with_stored(n, lambda t: self.weights.stored(folder, t, roles.get(t.name, ""))) for n in piece.nodes],
            [self._info(n, v, f, piece) for n, (_, v, f) in piece.inputs.items()],
            [self._info(n, v, f, piece) for n, (_, v, f) in outputs.items()],
            list(piece.initializers.values()),
        )

    def _info(self, name: str, value: str, form: Form, piece: RankPiece) -> onnx.ValueInfoProto:
        return onnx.helper.make_tensor_value_info(name, *self._open_type(value, form, piece.rank, piece.segment.ranks))

    def _type(self, value: str, form: Form, rank: int, ranks: int) -> tuple[int, Sequence[int | str]]:
        found = self.made.anatomy.type_of(value)
        if found is None:
            raise ModelError(
                f"{self.made.anatomy.path}: '{value}' would leave a piece, but it is no tensor of known type",
                hint="place what makes it and what reads it on one unit",
            )
        return part_type(found.elem, found.shape, form[1], rank if form[0] == ranks else 0)

    def _open_type(self, value: str, form: Form, rank: int, ranks: int) -> tuple[int, Sequence[int | str | None]]:
        elem, shape = self._type(value, form, rank, ranks)
        return elem, opened(self.made.anatomy, value, shape)

    def _tensor(self, phase_name: str, value: str, form: Form, rank: int, ranks: int) -> None:
        if phase_name in self.values:
            return
        elem, shape = self._type(value, form, rank, ranks)
        dtype = onnx.TensorProto.DataType.Name(elem).lower()
        part = None
        if phase_name != value:
            part = _part(rank if form[0] == ranks else 0, form)
        self.values[phase_name] = Tensor(
            name=phase_name, dtype=dtype, shape=tuple(shape), of=value if part else "", part=part
        )

    def _exchange(self, item: Exchange) -> Step:
        ranks, (parts, results) = item.ranks, self._ends_of(item)
        source: Form = (ranks, item.source)
        sink: Form = (ranks if item.sink is not WHOLE else 0, item.sink)
        for names, form in ((parts, source), (results, sink)):
            for rank, name in enumerate(names):
                self._tensor(name, item.value, form, rank, ranks)
        types = [self._open_type(item.value, source, r, ranks) for r in range(ranks)]
        outs = [self._open_type(item.value, sink, r, ranks) for r in range(len(results))]
        model = combine_model(item.source, item.sink, types, outs)
        file = self.write(item.unit, model)
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
