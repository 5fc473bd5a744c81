"""The judge's simulation on a machine of one unit."""

from __future__ import annotations

from mapper.cost.machine import Room
from mapper.cost.program import Activity, Program
from mapper.cost.steady import steady


def warm() -> None:
    """Compile or load its kernels: two requests that take turns."""
    one = Activity("a", "task", "unit", 1, 1, (("unit", 1),), (), (("unit", 1),), (), (), (), ())
    steady([Program("run", (one,), (), (), (("unit", 1),))], [1], [1], 2, Room((((),),), ((),), {}), events=4)
