"""Sessions of onnxruntime, and runs of them on shared memory."""

from __future__ import annotations

import ctypes
import importlib.util
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mapper.errors import MapperError
from mapper.runtime.jobs import Done, Job, Setup, StepLine, Unfit
from mapper.runtime.memory import Memory

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"


def require() -> None:
    """Refuse to go on without onnxruntime."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise MapperError("running pieces needs onnxruntime", hint="pip install hetmap[run]")


def has_cuda() -> bool:
    """Whether this onnxruntime can use a GPU."""
    import onnxruntime

    return CUDA in onnxruntime.get_available_providers()


def session(model: str | bytes, threads: int, optimize: bool, cuda: bool = False) -> Any:
    """A session of a model: its path, or its bytes. Without `optimize` every node runs as the file has it, so that
    pieces and the whole use the same kernels. On a GPU products are of full f32 (no TF32) unless `optimize`."""
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its errors come as exceptions
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimize else level.ORT_DISABLE_ALL
    providers: list[Any] = [(CUDA, {"use_tf32": int(optimize)}), CPU] if cuda else [CPU]
    return onnxruntime.InferenceSession(model, options, providers=providers)


class StepFailed(Exception):
    """A piece that onnxruntime cannot load or run. piece: its path. step: its number in the setup, -1 while loading."""

    def __init__(self, piece: str, step: int, text: str) -> None:
        super().__init__(text)
        self.piece, self.step, self.text = piece, step, text


@dataclass
class Runner:
    """Runs jobs of one place on its sessions. waiting: outputs of unfit runs until there is room for them."""

    setup: Setup
    memory: Memory
    place: int = 0
    sessions: list[Any] = field(default_factory=list)
    waiting: dict[int, tuple[int, int, list[Any]]] = field(default_factory=dict)
    free_shaped: set[int] = field(default_factory=set)

    def open(self) -> list[str]:
        """Load all pieces; returns for each the first provider that it uses. Raises StepFailed."""
        for path in self.setup.pieces:
            try:
                found = session(path, self.setup.threads, self.setup.optimize, self.setup.cuda)
            except Exception as error:
                raise StepFailed(path, -1, _text(error)) from error
            self.sessions.append(found)
        return [found.get_providers()[0] for found in self.sessions]

    def run(self, job: Job) -> Done | Unfit:
        """Run a job: inputs are read and outputs written where they lie. Raises StepFailed."""
        step = self.setup.steps[job.step]
        start = time.monotonic_ns()
        if job.step not in self.free_shaped:
            try:
                self._bound(job, step)
                return Done(job.id, self.place, start, time.monotonic_ns())
            except Exception as error:
                if not _is_about_shapes(error):
                    raise StepFailed(self.setup.pieces[step.piece], job.step, _text(error)) from error
                self.free_shaped.add(job.step)
        return self._free(job, step)

    def _free(self, job: Job, step: StepLine) -> Unfit:
        """The run with outputs where onnxruntime puts them: shapes that depend on data are not known before."""
        start = time.monotonic_ns()
        try:
            outputs = self._bound(Job(job.id, job.step, job.inputs, ()), step)
        except Exception as error:
            raise StepFailed(self.setup.pieces[step.piece], job.step, _text(error)) from error
        end = time.monotonic_ns()
        self.waiting[job.id] = (start, end, outputs)
        told = tuple((o.element_type(), tuple(o.shape()), o.tensor_size_in_bytes()) for o in outputs)
        return Unfit(job.id, self.place, start, end, told)

    def _bound(self, job: Job, step: StepLine) -> list[Any]:
        found = self.sessions[step.piece]
        binding = found.io_binding()
        for name, (offset, size, code, shape) in zip(step.inputs, job.inputs, strict=True):
            binding.bind_input(name, "cpu", 0, code, shape, self.memory.address(offset, size))
        for k, name in enumerate(step.outputs):
            if job.outputs:
                offset, size, code, shape = job.outputs[k]
                binding.bind_output(name, "cpu", 0, code, shape, self.memory.address(offset, size))
            else:
                binding.bind_output(name, "cpu")
        found.run_with_iobinding(binding)
        return [] if job.outputs else list(binding.get_outputs())

    def store(self, job: int, offsets: Sequence[int]) -> Done:
        """Put the outputs of an unfit run where there is room."""
        start, end, outputs = self.waiting.pop(job)
        for offset, output in zip(offsets, outputs, strict=True):
            size = output.tensor_size_in_bytes()
            ctypes.memmove(self.memory.address(offset, max(1, size)), output.data_ptr(), size)
        return Done(job, self.place, start, end)


def _text(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _is_about_shapes(error: Exception) -> bool:
    """Whether onnxruntime refused because an output has another shape than the room that it was given, or than it
    inferred."""
    text = str(error).lower()
    return "shape" in text or "invalid dimensions for output" in text
