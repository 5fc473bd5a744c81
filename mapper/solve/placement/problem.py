"""The placement problem: one option per item, shared capacities, transfers between places, four objectives.

Nothing here knows a solver, a graph or a chip. Times are integer ticks, sizes bytes, energies picojoules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mapper.errors import MapperError

MOST = 2**62
"""Ticks, picojoules and bytes are below this."""


@dataclass(frozen=True, slots=True)
class Option:
    """A way to run an item.

    place: where its result lies. takes: where its operands must lie (-1: at `place`). ticks: duration of one call.
    machine: index of the resource that runs one task at a time (used by latency); -1 for an engine of the item's own.
    loads: busy ticks of resources per request (all calls). cost: energy per request. needs: residents that must be
    present.
    """

    name: str
    place: int
    ticks: int
    machine: int
    loads: tuple[tuple[int, int], ...]
    cost: int
    needs: tuple[int, ...] = ()
    takes: int = -1

    @property
    def reads_at(self) -> int:
        """Where its operands must lie."""
        return self.place if self.takes < 0 else self.takes


@dataclass(frozen=True, slots=True)
class Item:
    """Something to be placed. Items of equal `repeat` are interchangeable in structure; `phase` is an index."""

    name: str
    repeat: str
    phase: int
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Net:
    """A value that travels: from an item (or, with source -1, from the fixed place `origin`) to items and to fixed
    places. It is sent once to each distinct place where somebody needs it and it is not yet. `size` indexes
    `Problem.transfers`. All ends are of one phase."""

    source: int
    sinks: tuple[int, ...]
    size: int
    phase: int
    origin: int = -1
    ends: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Transfer:
    """What sending one net of a given size from a place to another takes: delay of one call in ticks, loads and energy
    per request."""

    ticks: int
    loads: tuple[tuple[int, int], ...]
    cost: int


@dataclass(frozen=True, slots=True)
class Resident:
    """Bytes that must be in a memory when any chosen option needs them; counted once however many need them."""

    name: str
    memory: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Limit:
    """What a solution must not exceed: `quantity` is 'throughput' (ticks of the interval), 'latency' (ticks of a
    dispatch in which phase p runs calls[p] times) or 'energy' (idle power over the interval included)."""

    quantity: str
    most: float
    calls: tuple[int, ...] = ()

    def excess(self, value: float) -> float:
        """By how much of itself the limit is exceeded; 0 where it holds."""
        return max(0.0, value / self.most - 1.0) if value > self.most * (1 + ROUNDING) else 0.0


ROUNDING = 1e-12
"""Relative excess of a limit that is put down to floating-point numbers."""


@dataclass(frozen=True)
class Problem:
    """Items, nets, and what they share.

    resources and memories are names; capacities are bytes per memory. transfers[size][(a, b)] for a != b; a missing
    pair means that no route exists. ties: groups of items that must end in the same place (a state read by several
    phases). calls: runs of each phase that the latency counts: per request, or fewer. items and nets are in
    topological order within a phase.
    idle_pj_per_tick: power of everything that is switched on (1 W = 1 pJ per tick). limits: what a solution must keep.
    """

    items: tuple[Item, ...]
    nets: tuple[Net, ...]
    transfers: tuple[Mapping[tuple[int, int], Transfer], ...]
    residents: tuple[Resident, ...]
    resources: tuple[str, ...]
    memories: tuple[str, ...]
    capacities: tuple[int, ...]
    places: tuple[str, ...]
    calls: tuple[int, ...]
    ties: tuple[tuple[int, ...], ...] = ()
    idle_pj_per_tick: float = 0.0
    limits: tuple[Limit, ...] = ()

    @cached_property
    def inputs(self) -> tuple[tuple[int, ...], ...]:
        """For each item, the nets that it reads."""
        found: list[list[int]] = [[] for _ in self.items]
        for n, net in enumerate(self.nets):
            for sink in net.sinks:
                found[sink].append(n)
        return tuple(map(tuple, found))

    @cached_property
    def outputs(self) -> tuple[tuple[int, ...], ...]:
        """For each item, the nets that it makes."""
        found: list[list[int]] = [[] for _ in self.items]
        for n, net in enumerate(self.nets):
            if net.source >= 0:
                found[net.source].append(n)
        return tuple(map(tuple, found))

    def check(self) -> None:
        """Refuse a malformed problem: an item without options, an index out of range, a negative number or one
        beyond 62 bits, a cycle."""
        _ = self._sound

    @cached_property
    def _sound(self) -> bool:
        """True, found once: a problem never changes."""
        for n, net in enumerate(self.nets):
            _check_net(self, n, net)
        for i, item in enumerate(self.items):
            _check_item(self, i, item)
        for resident in self.residents:
            _inside(resident.memory, self.memories, f"resident '{resident.name}' memory")
            if not 0 <= resident.bytes < MOST:
                raise MapperError(f"resident '{resident.name}' has {resident.bytes} bytes")
        if any(not 0 <= c < MOST for c in self.capacities) or len(self.capacities) != len(self.memories):
            found = f"{len(self.memories)} memories have {list(self.capacities)}"
            raise MapperError(f"capacities must be one number per memory from 0 to {MOST - 1}: {found}")
        for limit in self.limits:
            if limit.quantity not in ("throughput", "latency", "energy") or not limit.most > 0:
                raise MapperError(f"limit of '{limit.quantity}' to {limit.most}: no such limit can be kept")
            if limit.quantity == "latency" and len(limit.calls) != len(self.calls):
                raise MapperError(f"limit of latency counts {len(limit.calls)} phases of {len(self.calls)}")
        return True


def _check_item(problem: Problem, i: int, item: Item) -> None:
    """The options of an item have numbers in range, and what it reads is made before."""
    if not item.options:
        raise MapperError(f"item '{item.name}' has no option")
    for option in item.options:
        if _in_range(problem, option):
            continue
        numbers = (option.ticks, option.cost, *(t for _, t in option.loads))
        if min(numbers) < 0:
            raise MapperError(f"item '{item.name}', option '{option.name}': a negative time or energy")
        if max(numbers) >= MOST:
            raise MapperError(f"item '{item.name}', option '{option.name}': {max(numbers)} is beyond {MOST - 1}")
        _inside(option.place, problem.places, f"item '{item.name}' place")
        _inside(option.reads_at, problem.places, f"item '{item.name}' place of operands")
        for r, _ in option.loads:
            _inside(r, problem.resources, f"item '{item.name}' resource")
        for k in option.needs:
            _inside(k, problem.residents, f"item '{item.name}' resident")
    for n in problem.inputs[i]:
        if problem.nets[n].source >= i:
            raise MapperError(f"item '{item.name}' reads what a later item makes: not in topological order")


def _in_range(problem: Problem, option: Option) -> bool:
    """Whether nothing is wrong with an option; what is, is told one by one."""
    resources, places = len(problem.resources), len(problem.places)
    for r, ticks in option.loads:
        if not (0 <= r < resources and 0 <= ticks < MOST):
            return False
    return (
        0 <= option.ticks < MOST
        and 0 <= option.cost < MOST
        and 0 <= option.place < places
        and 0 <= option.reads_at < places
        and (not option.needs or (min(option.needs) >= 0 and max(option.needs) < len(problem.residents)))
    )


def _check_net(problem: Problem, n: int, net: Net) -> None:
    """The ends of a net exist."""
    _inside(net.size, problem.transfers, f"net {n} size")
    for i in (*net.sinks, *([net.source] if net.source >= 0 else [])):
        _inside(i, problem.items, f"net {n} item")
    for place in (*net.ends, *([net.origin] if net.source < 0 else [])):
        _inside(place, problem.places, f"net {n} place")


def _inside(index: int, of: Sequence[object], what: str) -> None:
    if not 0 <= index < len(of):
        raise MapperError(f"{what}: index {index} is not among {len(of)}")


@dataclass(frozen=True, slots=True)
class Solution:
    """The index of the chosen option of each item."""

    choice: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """What a solution costs: the busy ticks of each resource, energy without idle power, the latency, and the ticks of
    one run of each phase."""

    loads: tuple[int, ...]
    cost: int
    latency: int
    ends: tuple[int, ...] = ()

    @property
    def interval(self) -> int:
        """The busiest resource's ticks: no steady state can be faster."""
        return max(self.loads, default=0)


def verify(problem: Problem, solution: Solution) -> None:
    """Refuse a solution that breaks a rule; the rule is named in the message."""
    chosen = _chosen(problem, solution)
    used: dict[int, int] = {}
    for k in {k for option in chosen for k in option.needs}:
        resident = problem.residents[k]
        used[resident.memory] = used.get(resident.memory, 0) + resident.bytes
    for memory, total in sorted(used.items()):
        if total > problem.capacities[memory]:
            name, limit = problem.memories[memory], problem.capacities[memory]
            raise MapperError(f"capacity: memory '{name}' would hold {total} bytes of at most {limit}")
    for tie in problem.ties:
        places = {chosen[i].place for i in tie}
        if len(places) > 1:
            names = ", ".join(f"'{problem.items[i].name}' in '{problem.places[chosen[i].place]}'" for i in tie)
            raise MapperError(f"tie: items that share a state lie apart: {names}")
    for net in problem.nets:
        for a, b in legs(problem, net, solution):
            if (a, b) not in problem.transfers[net.size]:
                raise MapperError(f"route: nothing leads from '{problem.places[a]}' to '{problem.places[b]}'")


def _chosen(problem: Problem, solution: Solution) -> list[Option]:
    if len(solution.choice) != len(problem.items):
        raise MapperError(f"one-option: {len(solution.choice)} choices for {len(problem.items)} items")
    for item, o in zip(problem.items, solution.choice, strict=True):
        _inside(o, item.options, f"one-option: item '{item.name}'")
    return [item.options[o] for item, o in zip(problem.items, solution.choice, strict=True)]


def legs(problem: Problem, net: Net, solution: Solution) -> list[tuple[int, int]]:
    """The transfers a net needs: (from place, to place), each destination once, in order of place."""
    start = place_of(problem, net, solution)
    ends = {problem.items[i].options[solution.choice[i]].reads_at for i in net.sinks} | set(net.ends)
    return [(start, b) for b in sorted(ends) if b != start]


def place_of(problem: Problem, net: Net, solution: Solution) -> int:
    """Where the net's value is made."""
    if net.source < 0:
        return net.origin
    return problem.items[net.source].options[solution.choice[net.source]].place


def totals(problem: Problem, solution: Solution) -> Totals:
    """Loads, energy and latency of a solution, recomputed from the definition.

    The latency is that of the plain dispatch: each phase alone, items in order, each started when its operands have
    arrived and its machine is free; transfers do not contend. The judge's replay refines it.
    """
    chosen = _chosen(problem, solution)
    loads = [0] * len(problem.resources)
    cost = 0
    for option in chosen:
        cost += option.cost
        for r, ticks in option.loads:
            loads[r] += ticks
    for net in problem.nets:
        for leg in legs(problem, net, solution):
            transfer = problem.transfers[net.size][leg]
            cost += transfer.cost
            for r, ticks in transfer.loads:
                loads[r] += ticks
    ends = _ends(problem, solution, chosen)
    return Totals(tuple(loads), cost, sum(n * end for n, end in zip(problem.calls, ends, strict=True)), ends)


def _ends(problem: Problem, solution: Solution, chosen: list[Option]) -> tuple[int, ...]:
    ready: list[int] = [0] * len(problem.items)
    free: dict[tuple[int, int], int] = {}
    ends = [0] * len(problem.calls)
    for i, (item, option) in enumerate(zip(problem.items, chosen, strict=True)):
        start = free.get((item.phase, option.machine), 0) if option.machine >= 0 else 0
        for n in problem.inputs[i]:
            net = problem.nets[n]
            start = max(start, _arrival(problem, net, solution, ready, option.reads_at))
        ready[i] = start + option.ticks
        if option.machine >= 0:
            free[item.phase, option.machine] = ready[i]
        ends[item.phase] = max(ends[item.phase], ready[i])
    for net in problem.nets:
        for end in net.ends:
            ends[net.phase] = max(ends[net.phase], _arrival(problem, net, solution, ready, end))
    return tuple(ends)


def _arrival(problem: Problem, net: Net, solution: Solution, ready: list[int], place: int) -> int:
    made = ready[net.source] if net.source >= 0 else 0
    start = place_of(problem, net, solution)
    return made if start == place else made + problem.transfers[net.size][start, place].ticks


def limited(problem: Problem, totals: Totals, limit: Limit) -> float:
    """The value of a solution that a limit is about."""
    match limit.quantity:
        case "throughput":
            return float(totals.interval)
        case "latency":
            return float(sum(n * end for n, end in zip(limit.calls, totals.ends, strict=True)))
        case _:
            return totals.cost + problem.idle_pj_per_tick * totals.interval


def excess(problem: Problem, totals: Totals) -> float:
    """By how much a solution breaks the limits, in sum; 0 where it keeps all."""
    return sum(limit.excess(limited(problem, totals, limit)) for limit in problem.limits)


def objective(problem: Problem, totals: Totals, name: str) -> float:
    """The value of a solution under 'throughput' (ticks), 'latency' (ticks), 'energy' (pJ) or 'edp' (pJ x ticks)."""
    energy = totals.cost + problem.idle_pj_per_tick * totals.interval
    match name:
        case "throughput":
            return float(totals.interval)
        case "latency":
            return float(totals.latency)
        case "energy":
            return energy
        case "edp":
            return energy * totals.latency
    raise MapperError(f"unknown objective '{name}'")
