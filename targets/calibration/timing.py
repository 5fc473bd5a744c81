"""Times of graphs under onnxruntime: the least of several runs, as other programs can only add."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapper.errors import MapperError
from targets.calibration.graphs import Arrays, empty, graph_of
from targets.calibration.samples import Sample

LEAST_RUNS, MOST_RUNS = 3, 60

BUDGET_S = 0.15
"""Time for the runs of one graph beyond the least number."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A sample with the least and the median time of one of its nodes."""

    sample: Sample
    seconds: float
    median_s: float

    def better(self, other: Timed) -> Timed:
        """The quicker of two, as both are of the same sample."""
        return self if self.seconds <= other.seconds else other


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
    """Runs graphs on all cores."""

    def __init__(self) -> None:
        self._ort = runtime()
        self._random = np.random.default_rng(0)
        run = _bound(self._session(empty()), {"x": np.zeros(1, dtype=np.float32)})
        self._run_s = min(repeated(run, BUDGET_S))

    def timed(self, sample: Sample) -> Timed | None:
        """The sample's times; None where this build of onnxruntime has no kernel for it."""
        model, inputs = graph_of(sample, self._random)
        try:
            session = self._session(model)
        except self._ort.capi.onnxruntime_pybind11_state.NotImplemented:
            return None
        found = repeated(_bound(session, inputs), BUDGET_S)
        least, median = min(found), float(np.median(found))
        once = min(self._run_s, least / 2)  # what every run costs is no part of an op
        return Timed(sample, (least - once) / sample.copies, (median - once) / sample.copies)

    def _session(self, model: bytes) -> Any:
        options = self._ort.SessionOptions()
        options.log_severity_level = 4
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
    """Seconds of each run after a first one that is not counted."""
    run()
    found: list[float] = []
    end = time.perf_counter() + budget_s
    while len(found) < LEAST_RUNS or (time.perf_counter() < end and len(found) < MOST_RUNS):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return found
