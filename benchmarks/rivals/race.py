"""What all rivals share: a clock, the best placements so far, and what a search is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.rivals.space import OBJECTIVES, Ints, Now, Space

KEPT, TURNS = 4, 20
"""How many placements are kept, and the fewest turns of a search: a machine that is busy does not leave it without."""


class Rival(Protocol):
    """Searches a space for so many seconds; the best placements that break no rule, best first."""

    def __call__(self, space: Space, objective: str, seconds: float, seed: int = 0) -> list[Ints]: ...


@dataclass
class Best:
    """The best few placements that break no rule, and where the search started: the judge may like that better."""

    space: Space
    objective: str
    starts: list[Ints] = field(default_factory=list)
    found: list[tuple[float, Ints]] = field(default_factory=list)

    @property
    def code(self) -> int:
        """The objective as kernels number it."""
        return OBJECTIVES.index(self.objective)

    def see(self, now: Now) -> float:
        """Keeps a whole placement if it is good; returns its guide."""
        from benchmarks.rivals.move_kernels import broken, guide, value

        arrays = self.space.arrays
        if broken(arrays, now) == 0.0:
            self._keep(float(value(arrays, now, self.code)), now.choice)
        return float(guide(arrays, now, self.code))

    def see_choice(self, now: Now, choice: Ints) -> float:
        """The same of a choice, which `now` becomes."""
        from benchmarks.rivals.move_kernels import become

        become(self.space.arrays, now, choice)
        return self.see(now)

    def _keep(self, worth: float, choice: Ints) -> None:
        if len(self.found) == KEPT and worth >= self.found[-1][0]:
            return
        if any(worth == other and (choice == same).all() for other, same in self.found):
            return
        self.found = sorted([*self.found, (worth, choice.copy())], key=lambda row: row[0])[:KEPT]

    def choices(self) -> list[Ints]:
        """Best first, then starts that are not among them."""
        found = [choice for _, choice in self.found]
        return found + [s for s in self.starts if not any((s == choice).all() for choice in found)]


def parts_of(seconds: float) -> Iterator[float]:
    """The part of the time that is over, until all is; some turns at least, however little time there is."""
    began, turns, part = time.monotonic(), 0, 0.0
    while part < 1.0 or turns < TURNS:
        yield min(part, 1.0)
        turns += 1
        part = (time.monotonic() - began) / max(seconds, 1e-9)
