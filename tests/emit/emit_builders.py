"""Plans with pieces for the tests of what is emitted, and a way to run pieces that needs no runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

import mapper
from mapper.emit.manifest import InputLine, PhasePart
from samples.models.build import MODELS

Array = NDArray[Any]
SHORT = ("prefill: batch=1 seq=8 past=0", "decode: batch=1 seq=1 past=8..11")
PHASES = {"bert-tiny": ("run: batch=1 seq=8",), "vit-tiny": ("run: batch=1",), "dit-tiny": ("run: batch=1",)}
PHASES |= {"unet-tiny": ("run: batch=1 seq=8",), "gpt2-tiny": SHORT, "llama-tiny": SHORT, "decoder-tiny": SHORT}


def model_file(name: str, folder: Path, *, numbers: bool = True) -> Path:
    """A tiny model in a file of its own, with random weights or with none."""
    path = folder / f"{name}.onnx"
    path.write_bytes(MODELS[name](None, 0 if numbers else None).SerializeToString())
    return path


def compiled(path: Path, target: str, pipeline: str = "round-robin") -> mapper.Compiled:
    """A plan that is quickly found: tasks go to the units in turn, so that there are many pieces."""
    return mapper.compile(path, target, PHASES[path.stem], pipeline=pipeline, effort="quick")


def session(path: Path) -> onnxruntime.InferenceSession:
    """A model as written: fusions across the borders of pieces would change the last bits."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def given(part: PhasePart) -> dict[str, Array]:
    """Inputs and states of the first call of a phase, made up."""
    random = np.random.default_rng(0)
    dims = {line.name: line.first for line in part.dims}
    tensors = {t.name: t for t in part.values}

    def made(name: str, line: InputLine) -> Array:
        shape = tuple(d if isinstance(d, int) else dims[d] for d in tensors[name].shape)
        numbers = {
            "ids": lambda: random.integers(0, max(line.below, 1), shape),
            "ones": lambda: np.ones(shape),
            "zeros": lambda: np.zeros(shape),
            "positions": lambda: np.broadcast_to(dims["past"] + np.arange(shape[-1]), shape),
            "total": lambda: np.full(shape, dims["total"] + line.add),
            "normal": lambda: random.normal(size=shape),
        }
        elem = onnx.TensorProto.DataType.Value(tensors[name].dtype.upper())
        return np.asarray(numbers[line.fill]()).astype(onnx.helper.tensor_dtype_to_np_dtype(elem))

    found = {line.value: made(line.value, line) for line in part.inputs}
    return found | {s.past: made(s.past, InputLine(value=s.past)) for s in part.states if s.past in tensors}


def run_steps(folder: Path, part: PhasePart, values: dict[str, Array]) -> dict[str, Array]:
    """All values of a call: the steps one after the other, as they stand."""
    values = dict(values)
    for step in part.steps:
        wanted = [port.name for port in step.outputs]
        made = session(folder / step.piece).run(wanted, {port.name: values[port.value] for port in step.inputs})
        values |= {port.value: array for port, array in zip(step.outputs, made, strict=True)}
    return values


def run_whole(path: Path, values: dict[str, Array]) -> dict[str, Array]:
    """The results of the whole model."""
    whole = session(path)
    made = whole.run(None, {i.name: values[i.name] for i in whole.get_inputs()})
    return dict(zip((o.name for o in whole.get_outputs()), made, strict=True))
