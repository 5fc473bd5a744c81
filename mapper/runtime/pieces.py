"""The pieces of an emitted folder before they run: their ports are those of the manifest, their weights are there."""

from __future__ import annotations

from collections.abc import Iterator
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
    for tensor in _external(model.graph):
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
        end = int(facts.get("offset", 0)) + int(facts.get("length", 0))
        if end > path.stat().st_size:
            raise MapperError(
                f"{piece}: weight '{tensor.name}' ends at byte {end:,} of {place}, which has {path.stat().st_size:,}",
                hint=AGAIN,
            )


def _external(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Tensors whose numbers lie beside the model, also those of branches and bodies."""
    yield from (t for t in graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _external(attribute.g)
