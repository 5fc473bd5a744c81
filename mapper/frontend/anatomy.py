"""A file as it was written: its own nodes in order, what each is called, and the types of all its values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from mapper.errors import MapperError, ModelError
from mapper.frontend.dims.symbols import Symbols
from mapper.frontend.facts import Fact
from mapper.frontend.file.beside import put_sizes_inside
from mapper.frontend.file.identity import file_nodes, identity, node_names
from mapper.frontend.file.nodes import make_node
from mapper.frontend.file.read import inlined
from mapper.frontend.load import Walked, walk_file
from mapper.frontend.parts.assign import assign
from mapper.frontend.phases import PhaseSpec
from mapper.ir.graph import Phase
from mapper.ir.order import sort_topologically

Dim = int | str
_SIZE = re.compile(r"(\d+)(?:\.\.(\d+))?")
_DENSE = "save it inside the file, or as a dense tensor"


@dataclass(frozen=True, slots=True)
class FileNode:
    """A node of the file's main graph. name: what origins call it. reads: its operands and what its branches and bodies
    read from outside. inside: the names of the nodes in these. outputs: what it makes."""

    name: str
    proto: onnx.NodeProto
    reads: tuple[str, ...]
    inside: tuple[str, ...]
    outputs: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "outputs", tuple(self.proto.output))

    @property
    def names(self) -> tuple[str, ...]:
        """The node's own name and those of the nodes inside it: what origins call it and its parts."""
        return (self.name, *self.inside)


@dataclass(frozen=True, slots=True)
class TensorType:
    """Element type (onnx.TensorProto) and shape; a dim with several sizes in the phases of the file has a name."""

    elem: int
    shape: tuple[Dim, ...]


@dataclass(frozen=True)
class Anatomy:
    """A file and its phases. label: what a plan's names of it begin with, '' where it is the only file.

    model: functions inlined, weights beside the file not read. walked: the facts of all values, phase after phase.
    """

    path: Path
    label: str
    model: onnx.ModelProto
    walked: Walked

    @cached_property
    def nodes(self) -> tuple[FileNode, ...]:
        """The nodes of the main graph, producers before users."""
        graph = self.model.graph
        taken = node_names(graph)
        inside: dict[str, list[str]] = {}
        owner = {node.name: node.owner for node in file_nodes(graph, taken)}
        for name, above in owner.items():
            while above and owner[above]:
                above = owner[above]
            if above:
                inside.setdefault(above, []).append(name)
        found = []
        for index, proto in enumerate(graph.node):
            name = identity(proto, index, "", taken)
            node = make_node(proto)
            reads = tuple(dict.fromkeys(n for n in (*node.inputs, *node.captures) if n))
            found.append(FileNode(name, proto, reads, tuple(inside.get(name, ()))))
        return tuple(sort_topologically(found, lambda node: node.reads)[0])

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The graph's inputs but for those with a default among the initializers."""
        return tuple(i.name for i in self.model.graph.input if not self.is_weight(i.name))

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The graph's outputs."""
        return tuple(o.name for o in self.model.graph.output)

    @cached_property
    def initializers(self) -> dict[str, onnx.TensorProto]:
        """The main graph's initializers; their numbers are here only where the file itself holds them."""
        return {t.name: t for t in self.model.graph.initializer}

    @cached_property
    def sparse(self) -> dict[str, onnx.SparseTensorProto]:
        """The main graph's sparse initializers. Raises ModelError for one whose numbers lie beside the file."""
        found = {s.values.name: s for s in self.model.graph.sparse_initializer}
        for name, tensor in found.items():
            if onnx.TensorProto.EXTERNAL in (tensor.values.data_location, tensor.indices.data_location):
                raise ModelError(
                    f"{self.path}: the numbers of the sparse tensor '{name}' are not in the file", hint=_DENSE
                )
        return found

    def is_weight(self, name: str) -> bool:
        """Whether it is an initializer, sparse or not."""
        return name in self.initializers or name in self.sparse

    @cached_property
    def symbols(self) -> Symbols:
        """Names of open dims: one for all dims of equal sizes."""
        flat = [bound for of_phase in self.walked.bounds for bound in of_phase]
        return Symbols(flat, sorted(self.walked.dims.terms))

    @cached_property
    def _types(self) -> dict[str, TensorType | None]:
        """Those that were asked for: every rank of a team asks again."""
        return {}

    def type_of(self, name: str) -> TensorType | None:
        """The type of a value; None for one that is no tensor, or that no phase makes."""
        if name not in self._types:
            self._types[name] = self._type_of(name)
        return self._types[name]

    def _type_of(self, name: str) -> TensorType | None:
        facts = [sample.get(name) for sample in self.walked.trace.samples]
        known = [f for f in facts if f is not None and f.shape is not None]
        if len(known) < len(facts) or not known:
            return None
        shapes = [f.shape or () for f in known]
        if len({len(shape) for shape in shapes}) > 1:
            return None
        columns = zip(*shapes, strict=True)
        declared = self.walked.source.inputs.get(name) or self.walked.source.declared.get(name)
        hints = dict(enumerate(declared.dims or ())) if declared is not None else {}
        return TensorType(known[0].elem, tuple(self.symbols.dim(c, hints.get(i)) for i, c in enumerate(columns)))

    @cached_property
    def varied(self) -> tuple[Mapping[str, Fact | None], ...] | None:
        """The samples again with other expectations of what depends on data: what differs is known in a call only. No
        samples where nothing depends on data; None where no other expectation goes through the model."""
        found = self.walked.expectations.found()
        if not found:
            return ()
        for step in (1, -1):
            other = {e.name: max(0, max(e.values) + step) for e in found}
            with suppress(MapperError):
                return tuple(walk_file(self.path, self.walked.specs, {}, other).trace.samples)
        return None

    @cached_property
    def caches(self) -> frozenset[str]:
        """Keys and values of earlier tokens that contrib attention (onnxruntime's GroupQueryAttention) reads."""
        protos = [node.proto for node in self.nodes if node.proto.op_type == "GroupQueryAttention"]
        return frozenset(name for proto in protos for name in proto.input[3:5] if name)

    def data_dims(self, name: str) -> frozenset[int]:
        """The dims of a value whose size depends on data."""
        shapes = [fact.shape for sample in self.walked.trace.samples if (fact := sample.get(name)) and fact.shape]
        if self.varied is None:
            return frozenset(range(len(shapes[0]))) if shapes else frozenset()
        others = [fact.shape for sample in self.varied if (fact := sample.get(name)) and fact.shape]
        pairs = [(a, b) for a, b in zip(shapes, others, strict=False) if len(a) == len(b)]
        return frozenset(i for a, b in pairs for i, size in enumerate(a) if size != b[i])

    def sizes(self, phase: str) -> dict[str, tuple[int, ...]]:
        """The sizes of every named dim at the samples of a phase."""
        start, stop = self._samples(phase)
        return {name: vector[start:stop] for name, vector in self.symbols.used()}

    def numbers(self, phase: str) -> dict[str, tuple[int, ...]]:
        """Whole numbers that the phase was read with, by input at its samples: a sampling rate, a number of steps, on
        which shapes and branches depend."""
        start, stop = self._samples(phase)
        found = {}
        for name in self.inputs:
            facts = [sample.get(name) for sample in self.walked.trace.samples[start:stop]]
            data = [f.data for f in facts if f is not None and f.data is not None]
            known = [int(a.flat[0]) for a in data if a.size == 1 and a.dtype.kind in "iu" and a.flat[0] >= 0]
            if known and len(known) == len(facts):
                found[name] = tuple(known)
        return found

    def _samples(self, phase: str) -> tuple[int, int]:
        """The first sample of a phase, and the one behind its last."""
        start = 0
        for spec, of_phase in zip(self.walked.specs, self.walked.bounds, strict=True):
            if spec.name == phase:
                return start, start + len(of_phase)
            start += len(of_phase)
        raise KeyError(phase)

    def fact(self, name: str) -> Fact | None:
        """What is known of a value at the first sample."""
        return self.walked.trace.samples[0].get(name)


def anatomies(models: Sequence[Path], phases: Sequence[Phase], expect: Mapping[str, int]) -> tuple[Anatomy, ...]:
    """The files of a plan with its phases, as `mapper.compile` was given them.

    Raises ModelError for a file that cannot be read, UsageError where files and phases do not fit together.
    """
    specs = _specs(models, phases)
    shares = assign(models, specs, {})
    return tuple(_anatomy(share.path, share.label if len(shares) > 1 else "", share.specs, expect) for share in shares)


def by_phase(found: Sequence[Anatomy]) -> dict[str, Anatomy]:
    """The file that each phase runs, by the phase's name."""
    return {spec.name: anatomy for anatomy in found for spec in anatomy.walked.specs}


def _anatomy(path: Path, label: str, specs: Sequence[PhaseSpec], expect: Mapping[str, int]) -> Anatomy:
    walked = walk_file(path, specs, {}, expect)  # first: it says what is wrong with a file
    return Anatomy(path, label, _whole(path), walked)


def _specs(models: Sequence[Path], phases: Sequence[Phase]) -> list[PhaseSpec]:
    """The phases as they were asked for; of several files each runs the one that its results are of."""
    found = []
    for phase in phases:
        label = phase.results[0].partition("/")[0] if phase.results else ""
        file = _file(models, label) if label else ""
        dims = tuple((name, _range(phase.name, name, size)) for name, size in phase.given)
        found.append(PhaseSpec(phase.name, dims, phase.calls, file))
    return found


def _range(phase: str, name: str, size: str) -> tuple[int, int]:
    found = _SIZE.fullmatch(size)
    if found is None:
        raise MapperError(f"phase '{phase}': '{name}' is '{size}', neither a size nor a range A..B")
    return int(found[1]), int(found[2] or found[1])


def _file(models: Sequence[Path], label: str) -> str:
    """The file with a label: its stem, numbered where several files have one stem."""
    hits = [str(m) for m in models if m.name.removesuffix(".onnx") == label]
    if len(hits) == 1:
        return hits[0]
    stem, _, number = label.rpartition("-")
    several = [str(m) for m in models if m.name.removesuffix(".onnx") == stem]
    if number.isdecimal() and 0 < int(number) <= len(several):
        return several[int(number) - 1]
    names = ", ".join(m.name for m in models)
    raise MapperError(f"the plan has a file '{label}'; there are {names}", hint=f"give {label}.onnx too")


def _whole(path: Path) -> onnx.ModelProto:
    """The model with its functions inlined; numbers in files beside it stay there, but for sizes."""
    try:
        model = onnx.load(str(path), load_external_data=False)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}", hint="check the path") from None
    except DecodeError as error:  # what a walk takes, protobuf may not: 2 GiB and more
        hint = "save its weights as external data"
        raise ModelError(f"{path}: protobuf cannot read it with its weights: {error}", hint=hint) from None
    put_sizes_inside(path.parent, model.graph)
    return inlined(path, model) if model.functions else model
