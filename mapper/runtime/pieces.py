"""The pieces of an emitted folder before they run: their ports are those of the manifest, their weights are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from mapper.emit.manifest import Manifest, Step, is_path
from mapper.errors import MapperError

AGAIN = "emit the plan again"


def check_pieces(folder: Path, manifest: Manifest) -> None:
    """Refuse a piece without the ports that its steps have or with others of other types, and weights that are not
    there, too short, or outside; of whole models, weights."""
    listed = {line.path for line in manifest.files}
    seen: dict[str, _Ports] = {}
    for part in manifest.phases:
        dtypes = {tensor.name: tensor.dtype for tensor in part.values}
        for step in part.steps:
            if step.piece not in seen:
                model = _read(folder / step.piece)
                _check_weights(folder, step.piece, model, listed)
                seen[step.piece] = _Ports.of(model)
            seen[step.piece].check(step, dtypes)
    for name in manifest.whole:
        _check_weights(folder, name, _read(folder / name), listed)


def _read(path: Path) -> onnx.ModelProto:
    """As onnxruntime reads it: by its bytes, whatever its name."""
    try:
        return onnx.load_model_from_string(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise MapperError(f"{path} cannot be read as an ONNX model: {error}", hint=AGAIN) from None


@dataclass(frozen=True)
class _Ports:
    """Number types of what a piece takes and gives, by name."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    @classmethod
    def of(cls, model: onnx.ModelProto) -> _Ports:
        weights = {t.name for t in model.graph.initializer}  # old files have them as inputs too
        inputs = {i.name: _dtype(i) for i in model.graph.input if i.name not in weights}
        return cls(inputs, {o.name: _dtype(o) for o in model.graph.output})

    def check(self, step: Step, dtypes: Mapping[str, str]) -> None:
        """Ports are there, all inputs are fed, and what goes through has the type of the value."""
        for what, ports, there in (("input", step.inputs, self.inputs), ("output", step.outputs, self.outputs)):
            for port in ports:
                if port.name not in there:
                    raise MapperError(f"step {step.name}: its piece has no {what} '{port.name}'", hint=AGAIN)
                if there[port.name] != dtypes.get(port.value, there[port.name]):
                    raise MapperError(
                        f"step {step.name}: {what} '{port.name}' of its piece is of type {there[port.name]}, "
                        f"'{port.value}' of type {dtypes[port.value]}",
                        hint=AGAIN,
                    )
        unfed = sorted(self.inputs.keys() - {p.name for p in step.inputs})
        if unfed:
            raise MapperError(f"step {step.name}: nothing is given to input '{unfed[0]}' of its piece", hint=AGAIN)


def _dtype(port: onnx.ValueInfoProto) -> str:
    code = port.type.tensor_type.elem_type
    known = port.type.HasField("tensor_type") and code in onnx.TensorProto.DataType.values()
    return onnx.TensorProto.DataType.Name(code).lower() if known else "no tensor"


def _check_weights(folder: Path, piece: str, model: onnx.ModelProto, listed: Set[str]) -> None:
    functions = (_of_nodes(function.node) for function in model.functions)
    for tensor in chain(_external(model.graph), *functions):
        facts = {e.key: e.value for e in tensor.external_data}
        place = facts.get("location", "")
        path = folder / place
        if not is_path(place) or not path.resolve().is_relative_to(folder.resolve()):
            raise MapperError(f"{piece}: weight '{tensor.name}' lies outside the folder; it is not read", hint=AGAIN)
        if not path.is_file():
            raise MapperError(
                f"{piece}: weight '{tensor.name}' is not there: {place} is missing",
                hint="emit the plan with the model's data beside it, or with --random-weights",
            )
        _check_length(piece, tensor.name, facts, path)
        if place not in listed:
            raise MapperError(
                f"{piece}: weight '{tensor.name}' lies in {place}, which is none of the manifest's files", hint=AGAIN
            )


def _check_length(piece: str, name: str, facts: Mapping[str, str], path: Path) -> None:
    offset, length = facts.get("offset", "0"), facts.get("length", "0")
    if not (_is_number(offset) and _is_number(length)):
        raise MapperError(
            f"{piece}: weight '{name}' has offset '{offset}' and length '{length}', not numbers of bytes", hint=AGAIN
        )
    end, size = int(offset) + int(length), path.stat().st_size
    if end > size:
        raise MapperError(
            f"{piece}: weight '{name}' ends at byte {end:,} of {facts['location']}, which has {size:,}", hint=AGAIN
        )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20


def _external(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Tensors whose numbers lie beside the model, also those of attributes, branches and bodies."""
    sparse = (t for s in graph.sparse_initializer for t in (s.values, s.indices))
    yield from _outside(chain(graph.initializer, sparse))
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for attribute in (a for node in nodes for a in node.attribute):
        sparse = (t for s in (attribute.sparse_tensor, *attribute.sparse_tensors) for t in (s.values, s.indices))
        yield from _outside(chain([attribute.t], attribute.tensors, sparse))
        for graph in (attribute.g, *attribute.graphs):
            yield from _external(graph)


def _outside(tensors: Iterable[onnx.TensorProto]) -> Iterator[onnx.TensorProto]:
    return (t for t in tensors if t.data_location == onnx.TensorProto.EXTERNAL)
