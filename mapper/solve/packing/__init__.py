"""Buffers at offsets in a memory, without overlap while they are live."""

from mapper.solve.packing.driver import Result, fits, minimise
from mapper.solve.packing.problem import Item, Problem, Solution
from mapper.solve.packing.verify import verify

__all__ = ["Item", "Problem", "Result", "Solution", "fits", "minimise", "verify"]
