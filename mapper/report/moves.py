"""What would become of a plan if a class of its ops ran on another kind of unit: by loads, times and energies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any

from mapper.cost.judge import Verdict, fixed_bytes
from mapper.cost.moved import At, Moved
from mapper.cost.program import Spelling
from mapper.ir.plan import Option


@dataclass(frozen=True, slots=True)
class Move:
    """The plan after a move, against the plan as it is.

    rate: change of requests per second (-0.2: a fifth fewer) if the busiest resource is used as well as now; limit: the
    resource that is then the busiest, and its part of the present interval. work: change of the time that all tasks and
    transfers of a request take one after the other, as a part of the latency. energy: change of the energy per request.
    lacks: the memory without room for what must lie there, and the bytes that are too many; empty and 0 where all fits.
    is_known: whether the figures hold; not where an operand comes late, and then they are not told.
    """

    rate: float
    limit: str
    limit_busy: float
    work: float
    energy: float
    lacks: str = ""
    lacks_bytes: int = 0
    is_known: bool = True

    def data(self) -> dict[str, Any]:
        """The same as JSON data; without the figures where they are not known."""
        found: dict[str, Any] = {
            "throughput": self.rate,
            "limit": self.limit,
            "limit_busy": self.limit_busy,
            "latency_at_most": self.work,
            "energy": self.energy,
        }
        return (found if self.is_known else {}) | (
            {"lacks": self.lacks, "lacks_bytes": self.lacks_bytes} if self.lacks else {}
        )


class Moves:
    """Answers for one verdict; further ones of a plan are cheap."""

    def __init__(self, verdict: Verdict, spelling: Spelling | None = None) -> None:
        self._verdict, self._plan = verdict, verdict.plan
        self._moved = Moved(spelling or Spelling(verdict.plan))

    @cached_property
    def _free(self) -> dict[str, int]:
        """Bytes of each memory beside weights and states: buffers, which take what is left, can be fewer."""
        taken = fixed_bytes(self._plan)
        return {m.name: m.capacity_bytes - taken[m.name] for m in self._plan.target.memories}

    @cached_property
    def _dynamic(self) -> int:
        return self._verdict.energy - self._verdict.energy_by_cause["idle"]

    def to(self, tasks: Sequence[str], option: Option) -> Move:
        """All of the tasks run in the option's way, each on that of its units which is then the least loaded."""
        verdict, places = self._verdict, self.seats(tasks, option)
        change = self._moved.change(places)
        loads = {r: t + change.loads.get(r, 0) for r, t in verdict.loads.items()}
        loads |= {r: t for r, t in change.loads.items() if r not in loads}
        limit = max(loads, key=lambda r: (loads[r], r))
        before = max(verdict.loads.values(), default=0)
        rate = before / loads[limit] - 1 if loads[limit] else 0.0
        interval = verdict.interval / (1 + rate) if rate > -1 else 0.0
        energy = self._dynamic + change.pj + ceil(self._plan.target.idle_power_w * interval)
        lacks, most = "", 0
        for memory, size in self._moved.missing_bytes(places).items():
            if size > max(most, self._free[memory]):
                lacks, most = memory, size - self._free[memory]
        return Move(
            rate,
            limit,
            loads[limit] / verdict.interval if verdict.interval else 0.0,
            change.ticks / verdict.latency if verdict.latency else 0.0,
            energy / verdict.energy - 1 if verdict.energy else 0.0,
            lacks,
            most,
            change.is_known,
        )

    def seats(self, tasks: Sequence[str], option: Option) -> dict[str, At]:
        """A unit for each task: of the option's alike units that which has the most room for weights in arrays of its
        own, or the least to do."""
        plan, found = self._plan, dict[str, At]()
        units = [plan.target.unit[name] for name in option.units]
        busy = {u.name: self._verdict.loads.get(u.name, 0) for u in units}
        room = {u.name: self._free[u.weights[option.source]] if option.source >= 0 else 0 for u in units}
        for name in tasks:
            phase = plan.task[name].phase
            at = max(busy, key=lambda n: (room[n] >= option.footprint_bytes, -busy[n]))
            found[name] = (at, option)
            busy[at] += plan.phase[phase].calls * self._moved.load(name, found[name])
            if self._moved.is_resident(at, option):
                room[at] -= option.footprint_bytes * option.replicas
        return found
