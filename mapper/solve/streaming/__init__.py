"""Layers in tiles on cores with small memories: what stays on chip, and when each tile is moved and worked on."""

from mapper.solve.result import Result
from mapper.solve.streaming.driver import TooSmall, minimise
from mapper.solve.streaming.problem import Group, Line, Loop, Node, Piece, Problem, Role, Solution, Store, Value, Way
from mapper.solve.streaming.verify import verify

__all__ = [
    "Group",
    "Line",
    "Loop",
    "Node",
    "Piece",
    "Problem",
    "Result",
    "Role",
    "Solution",
    "Store",
    "TooSmall",
    "Value",
    "Way",
    "minimise",
    "verify",
]
