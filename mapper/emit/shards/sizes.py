"""Shapes and small constants of a file's values in one phase, as far as they stay the same through it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from mapper.frontend.anatomy import Anatomy
from mapper.frontend.facts import Fact

Sizes = tuple[int | None, ...]
SMALL = 4096


class PhaseFacts:
    """What is known of values at all samples of a phase, and with other expectations of what depends on data."""

    def __init__(self, anatomy: Anatomy, phase: str) -> None:
        self.anatomy = anatomy
        start = 0
        self._samples: list[Any] = []
        for spec, bounds in zip(anatomy.walked.specs, anatomy.walked.bounds, strict=True):
            if spec.name == phase and anatomy.varied is not None:
                mine = slice(start, start + len(bounds))
                self._samples = [*anatomy.walked.trace.samples[mine], *anatomy.varied[mine]]
            start += len(bounds)

    def facts(self, name: str) -> list[Fact]:
        """The facts of a value, sample by sample; none where one does not know it."""
        found = [sample.get(name) for sample in self._samples]
        return [f for f in found if f is not None] if None not in found else []

    def shape(self, name: str) -> Sizes | None:
        """Its sizes; None for those that change from call to call."""
        if name in self.anatomy.initializers:
            return tuple(self.anatomy.initializers[name].dims)
        shapes = [f.shape for f in self.facts(name)]
        if not shapes or any(s is None or len(s) != len(shapes[0] or ()) for s in shapes):
            return None
        columns = zip(*(s or () for s in shapes), strict=True)
        return tuple(c[0] if len(set(c)) == 1 else None for c in columns)

    def samples(self, name: str) -> list[tuple[int, ...]]:
        """Its shape at each sample; none where one is not known."""
        shapes = [f.shape for f in self.facts(name)]
        return [s for s in shapes if s is not None] if None not in shapes else []

    def numbers(self, name: str) -> NDArray[Any] | None:
        """The numbers of a small value that are the same in all calls."""
        tensor = self.anatomy.initializers.get(name)
        if tensor is not None:
            if tensor.data_location == tensor.EXTERNAL or int(np.prod(tensor.dims)) > SMALL:
                return None
            return numpy_helper.to_array(tensor)
        found = [f.data for f in self.facts(name)]
        if not found or found[0] is None or any(d is None or not np.array_equal(d, found[0]) for d in found):
            return None
        return np.asarray(found[0])

    def elem(self, name: str) -> int | None:
        """Its element type."""
        if name in self.anatomy.initializers:
            return int(self.anatomy.initializers[name].data_type)
        found = self.facts(name)
        return found[0].elem if found else None
