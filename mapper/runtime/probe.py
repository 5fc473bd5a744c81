"""The speed probe: a small product whose time says how fast a core computes at the moment.

Clocks of processors change with heat and load, and other guests of a virtual machine take their part of a core for
seconds at a time. What is bound by memory hardly notices.
"""

from __future__ import annotations

import os
import time
from statistics import median

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mapper.runtime.sessions import session

ROWS, DEPTH, COLUMNS = 128, 512, 512
"""A product on weights of a megabyte: cores bound it, not memory; half a millisecond on one with AVX-512."""

RUNS = 7
"""Runs of which the median counts, after one that brings the weights into the caches."""


class Probe:
    """A product that is ready to run on one thread."""

    def __init__(self) -> None:
        self._session = session(product(), threads=1, optimize=False)
        binding = self._session.io_binding()
        binding.bind_cpu_input("x", np.full((ROWS, DEPTH), 0.5, dtype=np.float32))
        binding.bind_output("y", "cpu")
        self._binding = binding

    def seconds(self) -> float:
        """Median time of the product now."""
        found = [self._run() for _ in range(RUNS + 1)]
        return median(found[1:])

    def seconds_on(self, cores: tuple[int, ...]) -> float:
        """The mean over these cores, one after the other; where this thread runs if there are none to choose."""
        if not cores or not hasattr(os, "sched_setaffinity"):
            return self.seconds()
        own, found = os.sched_getaffinity(0), []
        try:
            for core in cores:
                os.sched_setaffinity(0, {core})
                found.append(self.seconds())
        finally:
            os.sched_setaffinity(0, own)
        return sum(found) / len(found)

    def _run(self) -> float:
        start = time.perf_counter()
        self._session.run_with_iobinding(self._binding)
        return time.perf_counter() - start


def product() -> bytes:
    """The model, serialised: y = x w, both sides as wide."""
    random = np.random.default_rng(0)
    weight = numpy_helper.from_array(random.standard_normal((DEPTH, COLUMNS), dtype=np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "probe",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [ROWS, DEPTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [ROWS, COLUMNS])],
        [weight],
    )
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
