"""Times of graphs under onnxruntime, each with the speed of the machine at that moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapper.errors import MapperError
from mapper.runtime.probe import Probe
from targets.calibration.graphs import Arrays, empty, graph_of
from targets.calibration.samples import Sample

CHUNKS = 3
"""Stretches of runs between two probes, each time that a graph is measured."""

LEAST_RUNS, MOST_RUNS = 2, 40

CHUNK_S = 0.03
"""Time for the runs of a stretch beyond the least number."""

STEADY = 1.1
"""Probes before and after a stretch that differ by more tell that the machine's speed changed on the way."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A sample with the time of one of its nodes, and the speed of the machine meanwhile, over that which the
    calibration stands for."""

    sample: Sample
    seconds: float
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Median time of a node, and of the probe before and after (seconds)."""

    seconds: float
    before_s: float
    after_s: float

    @property
    def probe_s(self) -> float:
        """The probe's time meanwhile."""
        return (self.before_s + self.after_s) / 2

    @property
    def steady(self) -> bool:
        """Whether the machine kept its speed."""
        return max(self.before_s, self.after_s) <= STEADY * min(self.before_s, self.after_s)


def typical(sample: Sample, found: Sequence[Stretch], probe_s: float) -> Timed:
    """The sample as its middle stretch has it, of those in which the machine kept its speed. Stretches are compared
    at the speed of `probe_s`, as they would be if cores alone took the time."""
    kept = [s for s in found if s.steady] or found
    middle = sorted(kept, key=lambda s: s.seconds / s.probe_s)[len(kept) // 2]
    return Timed(sample, middle.seconds, probe_s / middle.probe_s)


def runtime() -> Any:
    """The module onnxruntime, or how to get it."""
    try:
        import onnxruntime
    except ImportError:
        raise MapperError(
            "calibration measures with onnxruntime, which is not installed", hint="pip install 'hetmap[calibrate]'"
        ) from None
    return onnxruntime


class Bench:
    """Runs graphs on so many cores. onnxruntime is told the number: left to itself it takes all cores of the machine,
    also those that the process was forbidden."""

    def __init__(self, cores: int) -> None:
        self._ort = runtime()
        self._cores = cores
        self._random = np.random.default_rng(0)
        self._probe = Probe()
        run = _bound(self._session(empty()), {"x": np.zeros(1, dtype=np.float32)})
        self._run_s = float(np.median(repeated(run, CHUNK_S)))

    def stretches(self, sample: Sample) -> list[Stretch]:
        """The sample's times; none where this build of onnxruntime has no kernel for it."""
        model, inputs = graph_of(sample, self._random)
        try:
            session = self._session(model)
        except self._ort.capi.onnxruntime_pybind11_state.NotImplemented:
            return []
        run = _bound(session, inputs)
        run()
        found, before = [], self._probe.seconds()
        for _ in range(CHUNKS):
            median = float(np.median(repeated(run, CHUNK_S)))
            after = self._probe.seconds()
            once = min(self._run_s, median / 2)  # what every run costs is no part of an op
            found.append(Stretch((median - once) / sample.copies, before, after))
            before = after
        return found

    def _session(self, model: bytes) -> Any:
        options = self._ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = self._cores
        options.inter_op_num_threads = 1
        options.graph_optimization_level = self._ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # equal nodes stay apart
        return self._ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _bound(session: Any, inputs: Arrays) -> Callable[[], None]:
    binding = session.io_binding()
    for name, values in inputs.items():
        binding.bind_cpu_input(name, values)
    for output in session.get_outputs():
        binding.bind_output(output.name, "cpu")
    return lambda: session.run_with_iobinding(binding)


def repeated(run: Callable[[], object], budget_s: float) -> list[float]:
    """Seconds of each run."""
    found: list[float] = []
    end = time.perf_counter() + budget_s
    while len(found) < LEAST_RUNS or (time.perf_counter() < end and len(found) < MOST_RUNS):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return found
