"""Buffers at offsets in a memory, without overlap while they are live."""

from mapper.solve.packing.driver import Result, fits, minimise
from mapper.solve.packing.infeasible import Core, no_packing
from mapper.solve.packing.problem import Item, Problem, Solution
from mapper.solve.packing.verify import verify

__all__ = ["Core", "Item", "Problem", "Result", "Solution", "fits", "minimise", "no_packing", "verify"]
