"""The pieces of an emitted folder before they run: their ports are those of the manifest, their weights are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path, PurePosixPath

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from mapper.emit.manifest import Manifest, Step
from mapper.errors import MapperError

AGAIN = "emit the plan again"


def check_pieces(folder: Path, manifest: Manifest) -> None:
    """Refuse a piece without the ports that its steps have, and weights that are not there, too short, or outside."""
    seen: dict[str, tuple[set[str], set[str]]] = {}
    for step in (s for part in manifest.phases for s in part.steps):
        if step.piece not in seen:
            model = _read(folder / step.piece)
            _check_weights(folder, step.piece, model)
            weights = {t.name for t in model.graph.initializer}  # old files have them as inputs too
            inputs = {i.name for i in model.graph.input} - weights
            seen[step.piece] = inputs, {o.name for o in model.graph.output}
        _check_ports(step, *seen[step.piece])


def _read(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(str(path), load_external_data=False)
    except (OSError, DecodeError) as error:
        raise MapperError(f"{path} cannot be read as an ONNX model: {error}", hint=AGAIN) from None


def _check_ports(step: Step, inputs: set[str], outputs: set[str]) -> None:
    for what, ports, there in (("input", step.inputs, inputs), ("output", step.outputs, outputs)):
        odd = [p.name for p in ports if p.name not in there]
        if odd:
            raise MapperError(f"step {step.name}: its piece has no {what} '{odd[0]}'", hint=AGAIN)
    unfed = sorted(inputs - {p.name for p in step.inputs})
    if unfed:
        raise MapperError(f"step {step.name}: nothing is given to input '{unfed[0]}' of its piece", hint=AGAIN)


def _check_weights(folder: Path, piece: str, model: onnx.ModelProto) -> None:
    functions = (_of_nodes(function.node) for function in model.functions)
    for tensor in chain(_external(model.graph), *functions):
        facts = {e.key: e.value for e in tensor.external_data}
        place = facts.get("location", "")
        pure, path = PurePosixPath(place), folder / place
        if not place or pure.is_absolute() or ".." in pure.parts or not path.resolve().is_relative_to(folder.resolve()):
            raise MapperError(f"{piece}: weight '{tensor.name}' lies outside the folder; it is not read", hint=AGAIN)
        if not path.is_file():
            raise MapperError(
                f"{piece}: weight '{tensor.name}' is not there: {place} is missing",
                hint="emit the plan with the model's data beside it, or with --random-weights",
            )
        offset, length = facts.get("offset", "0"), facts.get("length", "0")
        if not (_is_number(offset) and _is_number(length)):
            raise MapperError(
                f"{piece}: weight '{tensor.name}' has offset '{offset}' and length '{length}', not numbers of bytes",
                hint=AGAIN,
            )
        end = int(offset) + int(length)
        if end > path.stat().st_size:
            raise MapperError(
                f"{piece}: weight '{tensor.name}' ends at byte {end:,} of {place}, which has {path.stat().st_size:,}",
                hint=AGAIN,
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
