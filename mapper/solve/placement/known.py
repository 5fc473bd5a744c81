"""Bounds that were proven of one problem and hold of another, because the other is harder in everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mapper.solve.placement.problem import Item, Option, Problem, Resident, Transfer

Leg = tuple[int, int]
"""From a place to a place."""

Loads = tuple[tuple[int, int], ...]
"""Ticks of resources."""

Names = Sequence[tuple[str, int]]
"""The name and the memory of each resident."""

TIMES = ("throughput", "latency")
"""Objectives in which energy does not count."""

BUSY = ("throughput", "energy")
"""Objectives in which it does not count how long a task or a transfer takes, but for what it keeps busy."""

SLACKS, ROUNDED = (0.0, 1e-4, 2e-3), 1e-9
"""By how much a problem may be easier in some part than one whose bound is known: many a figure for the worse makes one
op in a hundred a little quicker, as it is cut into other pieces. And what is put down to floating-point numbers."""


@dataclass(frozen=True)
class Proof:
    """A value of the objective, in its problem's ticks or picojoules, that no solution undercuts, and the argument."""

    problem: Problem
    objective: str
    value: float
    name: str


def strongest(proofs: Iterable[Proof], problem: Problem, objective: str) -> Proof | None:
    """The proof with the largest value that holds of a problem: of one that is no harder anywhere, or nowhere by more
    than a little, which its value then gives up."""
    some = [_less_by(p, slack) for p in proofs if p.objective == objective for slack in SLACKS]
    some.sort(key=lambda pair: -pair[0].value)
    return next((p for p, slack in some if no_harder(p.problem, problem, objective, slack)), None)


def _less_by(proof: Proof, slack: float) -> tuple[Proof, float]:
    """What a proof tells of a problem that may be easier by so much."""
    if not slack:
        return proof, slack
    power = 2 if proof.objective == "edp" else 1
    return replace(proof, value=proof.value / (1 + slack) ** power * (1 - ROUNDED)), slack


def no_harder(easy: Problem, hard: Problem, objective: str = "", slack: float = 0.0) -> bool:
    """Whether every solution of `hard` is one of `easy`, at no more time, load, energy or memory in any part; then a
    bound of `easy` is one of `hard`. What neither the objective nor a limit asks for does not count. Names tell what is
    the same in both.

    slack: so much more, relative, `easy` may take in any part. Every objective is homogeneous in times and energies
    (edp of degree 2), so the bound is then that of `easy` over 1 + slack. With limits there is no slack: what breaks
    one in `easy` by a little may keep it in `hard`.
    """
    if easy is hard:
        return True
    if slack and (easy.limits or hard.limits):
        return False
    costs, waits = objective not in TIMES or bool(easy.limits), objective not in BUSY or bool(easy.limits)
    return _Pair(easy, hard, costs, waits, 1 + slack if slack else 1).holds()


SAME = ("memories", "places", "calls", "limits", "resources", "ties", "nets")
"""What two problems must share to be compared, the shortest first."""


@dataclass(frozen=True)
class _Pair:
    """Two problems, of which one may be harder in everything. costs, waits: whether energies count, and how long single
    tasks and transfers take; most: how many times as much the easier one may take."""

    easy: Problem
    hard: Problem
    costs: bool
    waits: bool
    most: float

    def holds(self) -> bool:
        """Whether it is."""
        easy, hard = self.easy, self.hard
        if any(getattr(easy, f) != getattr(hard, f) for f in SAME):
            return False
        if self.costs and easy.idle_pj_per_tick > self.most * hard.idle_pj_per_tick:
            return False
        if any(a < b for a, b in zip(easy.capacities, hard.capacities, strict=True)):
            return False
        return (
            len(easy.items) == len(hard.items)
            and len(easy.transfers) == len(hard.transfers)
            and _less_to_keep(easy.residents, hard.residents)
            and all(map(self._quicker, easy.transfers, hard.transfers))
            and self._better_items()
        )

    def _quicker(self, mine: Mapping[Leg, Transfer], other: Mapping[Leg, Transfer]) -> bool:
        """Whether each leg of the other table is one of mine, at no more."""
        for leg, move in other.items():
            best = mine.get(leg)
            if best is None or not self._no_more(best, move):
                return False
        return True

    def _better_items(self) -> bool:
        names = [[(r.name, r.memory) for r in p.residents] for p in (self.easy, self.hard)]
        same_numbers = names[0] == names[1]
        if same_numbers:  # then these tell apart residents of one name too, as of weights kept in two types
            names = [[(str(k), r.memory) for k, r in enumerate(p.residents)] for p in (self.easy, self.hard)]
        for mine, other in zip(self.easy.items, self.hard.items, strict=True):
            if mine.phase != other.phase or mine.name != other.name:
                return False
            if same_numbers and self._each_alike(mine.options, other.options):
                continue
            if not self._better_options(mine, other, *names):
                return False
        return True

    def _each_alike(self, mine: Sequence[Option], others: Sequence[Option]) -> bool:
        """Whether each option is at its place among mine, at no more: so it mostly is, and is soon told."""
        return len(mine) == len(others) and all(map(self._serves, mine, others))

    def _serves(self, best: Option, option: Option) -> bool:
        return (
            best.name == option.name
            and best.place == option.place
            and best.takes == option.takes
            and best.machine == option.machine
            and best.needs == option.needs
            and self._no_more(best, option)
        )

    def _better_options(self, mine: Item, other: Item, names: Names, others: Names) -> bool:
        """Whether each way of the other item is one of mine, at no more."""
        known: dict[tuple[object, ...], list[Option]] = {}
        for option in mine.options:
            known.setdefault(_way(option), []).append(option)
        for option in other.options:
            needs = {others[k] for k in option.needs}
            if not any(
                self._no_more(best, option) and {names[k] for k in best.needs} <= needs
                for best in known.get(_way(option), ())
            ):
                return False
        return True

    def _no_more(self, best: Option | Transfer, other: Option | Transfer) -> bool:
        """Whether it takes no more time, load or energy than the other."""
        most = self.most
        return (
            (not self.waits or best.ticks <= most * other.ticks)
            and (not self.costs or best.cost <= most * other.cost)
            and (best.loads == other.loads or _less(best.loads, other.loads, most))
        )


def _less_to_keep(easy: Sequence[Resident], hard: Sequence[Resident]) -> bool:
    """Whether residents are the same, one by one or by names that are all different, and none is larger."""
    if len(easy) == len(hard) and all(
        (a.name, a.memory) == (b.name, b.memory) for a, b in zip(easy, hard, strict=True)
    ):
        return all(a.bytes <= b.bytes for a, b in zip(easy, hard, strict=True))
    size = {(r.name, r.memory): r.bytes for r in hard}
    return len(easy) == len(hard) == len(size) and all(r.bytes <= size.get((r.name, r.memory), -1) for r in easy)


def _way(option: Option) -> tuple[object, ...]:
    return option.name, option.place, option.takes, option.machine


def _less(a: Loads, b: Loads, times: float = 1) -> bool:
    """Whether no resource is busier in a than so many times what it is in b."""
    if len(a) == len(b) and all(r == s and t <= times * u for (r, t), (s, u) in zip(a, b, strict=True)):
        return True
    most, mine = _sums(b), _sums(a)
    return all(ticks <= times * most.get(r, 0) for r, ticks in mine.items())


def _sums(loads: Loads) -> dict[int, int]:
    sums: dict[int, int] = {}
    for r, ticks in loads:
        sums[r] = sums.get(r, 0) + ticks
    return sums
