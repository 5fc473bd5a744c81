"""Inputs that are sequences or optionals: each becomes as many tensor inputs as are expected."""

from __future__ import annotations

import onnx

from mapper.errors import ModelError
from mapper.frontend.expect import Expectations
from mapper.frontend.facts import Declared, Source

SEQUENCE, OPTIONAL, OPTIONAL_SEQUENCE = "sequence", "optional", "optional sequence"
_LONGEST = 10_000


def tensor_inside(stated: onnx.TypeProto) -> tuple[str, onnx.TypeProto.Tensor]:
    """The type of the tensors that a value holds, and in what."""
    container = ""
    if stated.HasField("optional_type"):
        container, stated = OPTIONAL, stated.optional_type.elem_type
    if stated.HasField("sequence_type"):
        container = OPTIONAL_SEQUENCE if container else SEQUENCE
        stated = stated.sequence_type.elem_type
    return container, stated.tensor_type


def open_containers(source: Source, expectations: Expectations) -> None:
    """Replaces inputs that hold tensors by these: `x` of expected length 2 by `x.0` and `x.1`."""
    inputs: dict[str, Declared] = {}
    for name, declared in source.inputs.items():
        elements = _elements(name, declared.container, expectations)
        if elements != (name,):
            source.sequences[name] = elements
        inputs.update((element, Declared(declared.elem, declared.dims)) for element in elements or ())
    source.inputs = inputs


def _elements(name: str, container: str, expectations: Expectations) -> tuple[str, ...] | None:
    """The names of the tensors inside; None for an optional that is left out."""
    if not container:
        return (name,)
    if container == OPTIONAL:
        given = expectations.take(name, "whether this optional input is given", 1, "it is")
        return (name,) if given else None
    length = expectations.take(name, "length of this sequence input", 1, "one element")
    if not 0 <= length <= _LONGEST:
        raise ModelError(f"--expect {name}={length}: a sequence of 0 to {_LONGEST:,} elements can be mapped")
    return tuple(f"{name}.{i}" for i in range(length))
