"""The whole model on the same requests: what its pieces have to compute."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapper.emit.manifest import Manifest
from mapper.errors import MapperError
from mapper.runtime.inputs import Brought, whole_name
from mapper.runtime.program import Part, Program
from mapper.runtime.sessions import require, session
from mapper.runtime.tensors import Array, Kind, Shape, fitted, kind_of, spelled


@dataclass(frozen=True)
class Call:
    """A call of the whole model. at: its place in the program."""

    request: int
    at: int
    results: Mapping[str, Array]
    seconds: float


class Whole:
    """The model files of a plan, each in one session with the threads and the optimisation of the pieces."""

    def __init__(self, program: Program, files: Mapping[str, Path], threads: int, optimize: bool) -> None:
        """Open the files. Raises MapperError for one that has not all inputs and results that the plan has."""
        require()
        self._sessions = {label: _session(path, threads, optimize) for label, path in files.items()}
        self.zeros: dict[str, str] = {}
        """Inputs that no piece reads, by name, and the shape of zeros that they got."""
        for part in program.parts:
            _check(part, files[part.line.file], self._sessions[part.line.file])

    def calls(self, program: Program, inputs: Brought, last: Mapping[int, int]) -> Iterator[Call]:
        """The calls of requests up to a last one of each, with states of its own from call to call."""
        warm: set[int] = set()
        for request in sorted(last):
            states: dict[str, Array] = {}
            handed: dict[str, Array] = {}
            for at, (index, call) in enumerate(program.calls[: last[request] + 1]):
                part = program.parts[index]
                found = self._sessions[part.line.file]
                feed = self._feed(part, call, found, _Sources(program, inputs, request, at, states, handed))
                if index not in warm:
                    _run(found, feed)
                    warm.add(index)
                results, seconds = _run(found, feed)
                for state in part.line.states:
                    name = whole_name(part, state.present) if state.present in part.number else state.present
                    if name in results:
                        states[state.name] = results[name]
                handed.update({f"{part.line.file}/{name}": array for name, array in results.items()})
                yield Call(request, at, results, seconds)

    def _feed(self, part: Part, call: int, found: Any, sources: _Sources) -> dict[str, Array]:
        past = {whole_name(part, s.past) if s.past in part.number else s.past: s.name for s in part.line.states}
        feed = {}
        for line in found.get_inputs():
            array = sources.array(part, line.name, past.get(line.name, ""))
            shape = self._shape(part, call, line)
            if array is None:
                array = np.zeros(shape, _kind_of_input(line).numpy)
                self.zeros.setdefault(line.name, spelled(shape))
            feed[line.name] = fitted(array, shape) if line.name in past and array.ndim == len(shape) else array
        return feed

    @staticmethod
    def _shape(part: Part, call: int, line: Any) -> Shape:
        """The shape that a call takes; for what no piece reads, that of the file, with 1 for dims that the plan has no
        size of."""
        if line.name in part.number:
            return part.shapes(call)[part.number[line.name]]
        sizes = part.sizes(call)
        return tuple(d if isinstance(d, int) else sizes.get(d, 1) for d in line.shape)


@dataclass(frozen=True)
class _Sources:
    """Where an input of a call comes from."""

    program: Program
    inputs: Brought
    request: int
    at: int
    states: Mapping[str, Array]
    handed: Mapping[str, Array]

    def array(self, part: Part, name: str, state: str) -> Array | None:
        """A state, a result of another file, or what the request brings; None for what no piece reads."""
        if state in self.states:
            return self.states[state]
        source = self.program.handed.get(f"{part.line.file}/{name}", "")
        if source in self.handed:
            return self.handed[source]
        try:
            return self.inputs.whole(self.request, self.at, name)
        except KeyError:
            return None


def _type(spelled: str) -> str:
    """A type of onnxruntime, `tensor(float)`, as onnx spells it; '' for what is no tensor."""
    return spelled.removeprefix("tensor(").removesuffix(")") if spelled.startswith("tensor(") else ""


def _kind_of_input(line: Any) -> Kind:
    try:
        return kind_of(_type(line.type))
    except MapperError:
        raise MapperError(
            f"input '{line.name}' of the whole model is of type {line.type}: it cannot be fed",
            hint="pieces can run without --compare",
        ) from None


_OTHER = "give the model that the plan was made of"


def _check(part: Part, path: Path, found: Any) -> None:
    """All inputs, states and results of a phase are in the file, in the plan's number types."""
    brought = [*(i.value for i in part.line.inputs), *(s.past for s in part.line.states)]
    left = [*part.line.outputs, *(s.present for s in part.line.states)]
    for what, names, lines in (("input", brought, found.get_inputs()), ("result", left, found.get_outputs())):
        there = {line.name: line.type for line in lines}
        for name in (n for n in names if n in part.number):
            whole, kind = whole_name(part, name), part.kinds[part.number[name]].name
            if whole not in there:
                raise MapperError(f"{path} has no {what} '{whole}', which phase {part.line.name} has", hint=_OTHER)
            if _type(there[whole]) != kind:
                found_type = _type(there[whole]) or there[whole]
                raise MapperError(
                    f"{path}: {what} '{whole}' is of type {found_type}; phase {part.line.name} has {kind}",
                    hint=_OTHER,
                )


def files_of(manifest: Manifest, models: Sequence[Path]) -> dict[str, Path]:
    """The file of each label; a plan of one file has the label ''. Raises MapperError where they do not fit."""
    lost_files = [path for path in models if not path.is_file()]
    if lost_files:
        raise MapperError(f"cannot read {lost_files[0]}: no such file", hint="check the path behind --compare")
    labels = dict.fromkeys(part.file for part in manifest.phases)
    if len(models) == len(labels) == 1:
        return dict(zip(labels, models, strict=True))
    if len(labels) == len(models) and [p.name for p in models] == list(manifest.whole):
        return dict(zip(labels, models, strict=True))
    by_stem = {path.name.removesuffix(".onnx"): path for path in models}
    lost = [label for label in labels if label not in by_stem]
    if lost or len(models) != len(labels):
        raise MapperError(
            f"--compare has {', '.join(p.name for p in models)}; the plan was made of {manifest.model}",
            hint="give the same files",
        )
    return {label: by_stem[label] for label in labels}


def _session(path: Path, threads: int, optimize: bool) -> Any:
    try:
        return session(str(path), threads, optimize)
    except Exception as error:
        text = " ".join(str(error).split())
        raise MapperError(f"onnxruntime cannot load {path}: {text}", hint="pieces can run without --compare") from error


def _run(found: Any, feed: Mapping[str, Array]) -> tuple[dict[str, Array], float]:
    """Results and seconds of a run. Numbers go by address: numpy does not know all types."""
    binding = found.io_binding()
    kept = {name: np.require(array, requirements="C") for name, array in feed.items()}
    for line in found.get_inputs():
        array, kind = kept[line.name], _kind_of_input(line)
        if array.dtype != kind.numpy:  # onnxruntime would read beyond its end
            raise MapperError(
                f"input '{line.name}' of the whole model takes {kind.numpy}, but gets {array.dtype}", hint=_OTHER
            )
        binding.bind_input(line.name, "cpu", 0, kind.code, array.shape, array.ctypes.data)
    names = [line.name for line in found.get_outputs()]
    for name in names:
        binding.bind_output(name, "cpu")
    start = time.perf_counter()
    try:
        found.run_with_iobinding(binding)
    except Exception as error:
        text = " ".join(str(error).split())
        raise MapperError(
            f"the whole model fails in onnxruntime: {text}", hint="pieces can run without --compare"
        ) from error
    seconds = time.perf_counter() - start
    return {name: _copy(value) for name, value in zip(names, binding.get_outputs(), strict=True)}, seconds


def _copy(value: Any) -> Array:
    kind = _kind(value.element_type())
    array = np.empty(value.shape(), kind.numpy)
    ctypes.memmove(array.ctypes.data, value.data_ptr(), array.nbytes)
    return array


def _kind(code: int) -> Kind:
    import onnx

    return kind_of(onnx.TensorProto.DataType.Name(code).lower())
