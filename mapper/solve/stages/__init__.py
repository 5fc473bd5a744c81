"""Nodes of a graph on the devices of a pipeline, so that the busiest device is as little busy as can be."""

from mapper.solve.stages.driver import Result, solve
from mapper.solve.stages.latency_driver import solve_latency
from mapper.solve.stages.problem import DeviceClass, Node, Problem, Solution
from mapper.solve.stages.verify import verify

__all__ = ["DeviceClass", "Node", "Problem", "Result", "Solution", "solve", "solve_latency", "verify"]
