"""The placement problem summed over its classes: a linear program whose size does not grow with the layers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from mapper.solve.placement.classes import Classes
from mapper.solve.placement.problem import Problem
from mapper.solve.placement.program import Program
from mapper.solve.placement.tables import Floats, Tables

Terms = list[tuple[int, float]]

Port = tuple[int, int]
"""A class of items (or -1 - place for an origin) and the position among an item's outputs or inputs."""


@dataclass(frozen=True, slots=True)
class NetClass:
    """Nets with equal source ports, sink ports, size and ends; a port of an origin is (-1 - place, 0)."""

    source: Port
    sinks: tuple[Port, ...]
    size: int
    phase: int
    ends: tuple[int, ...]


@dataclass
class Relaxation:
    """The program and its columns. count[c][o]: items of class c with option o. short[c]: items of the class left
    unplaced, at a price no solution pays (so that the program is always feasible). legs[net class][(a, b)]: nets sent
    from a to b; flows: the same for each of its sinks. kind: the class of a net. interval: in units of `scale` ticks.
    Rows: loads (the class of resources of each), rooms (the memory of each), times (those that ends of phases keep);
    ends: the columns of those ends.
    """

    program: Program
    tables: Tables
    classes: Classes
    scale: float
    interval: int
    count: list[list[int]] = field(default_factory=list)
    short: list[int] = field(default_factory=list)
    legs: dict[NetClass, dict[tuple[int, int], int]] = field(default_factory=dict)
    flows: dict[NetClass, list[dict[tuple[int, int], int]]] = field(default_factory=dict)
    kind: dict[int, NetClass] = field(default_factory=dict)
    loads: dict[int, int] = field(default_factory=dict)
    rooms: dict[int, int] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def size(self, c: int) -> int:
        """Items of class c."""
        return len(self.classes.items[c])

    def at(self, c: int, place: int) -> list[tuple[int, float]]:
        """The terms that count the items of class c in a place."""
        places = self.tables.places[self.classes.items[c][0]]
        return [(x, 1.0) for x, p in zip(self.count[c], places.tolist(), strict=True) if p == place]

    def reading_at(self, c: int, place: int) -> list[tuple[int, float]]:
        """The terms that count the items of class c that read in a place."""
        reads = self.tables.reads[self.classes.items[c][0]]
        return [(x, 1.0) for x, p in zip(self.count[c], reads.tolist(), strict=True) if p == place]

    def places(self, c: int) -> list[int]:
        """Where results of class c can lie."""
        return sorted(set(self.tables.places[self.classes.items[c][0]].tolist()))

    def reads(self, c: int) -> list[int]:
        """Where class c can read its operands."""
        return sorted(set(self.tables.reads[self.classes.items[c][0]].tolist()))


@dataclass(frozen=True, slots=True)
class Rests:
    """What the optimum of a linear program rests on: its value, and by name the percent by which it falls for each
    percent that there is more of something, as its duals tell (see mapper.solve.placement.rests)."""

    value: float
    rows: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Bound:
    """A value no solution can undercut, the argument's name, per item the share of each option in the relaxation
    (empty where there is none), and the relaxation, with the worth of 1 in its objective. rests: of the last linear
    program that was solved; None where no linear program was."""

    value: float
    name: str
    shares: tuple[Floats, ...] = ()
    relaxation: Relaxation | None = None
    unit: float = 1.0
    rests: Rests | None = None


NOTHING = Bound(0.0, "none")

PRICED = 2.0
"""How many times the longest that a time can be its column reaches: an optimum at the very limit of its column would
pay part of the price of its resources to that limit, and their duals would be too large."""


def relax(tables: Tables, classes: Classes, scale: float, longest: float) -> Relaxation:
    """Every rule of the problem, summed over classes, and the interval; the objective is left to the caller.

    longest: an interval (ticks) that no wanted solution exceeds.
    """
    r = rules(tables, classes, scale, longest)
    add_resource_loads(r)
    return r


def rules(tables: Tables, classes: Classes, scale: float, longest: float) -> Relaxation:
    """Every rule of the problem, summed over classes; nothing says how long resources may be busy."""
    program = Program()
    r = Relaxation(program, tables, classes, scale, program.column(longest / scale))
    add_one_option(r)
    add_transport(r)
    add_ties(r)
    add_memory_capacity(r)
    return r


def add_one_option(r: Relaxation) -> None:
    """Every item has one option (or is left out, at the price of `short`)."""
    for c, members in enumerate(r.classes.items):
        options = r.tables.problem.items[members[0]].options
        r.count.append([r.program.column(len(members)) for _ in options])
        r.short.append(r.program.column(len(members)))
        r.program.row([(x, 1.0) for x in (*r.count[c], r.short[c])], len(members), len(members))


def add_transport(r: Relaxation) -> None:
    """A net is sent from where it is made to wherever it is needed, once to each place."""
    sources: dict[tuple[Port, int], list[tuple[int, float]]] = {}
    sinks: dict[tuple[Port, int], list[tuple[int, float]]] = {}
    uses: Counter[Port] = Counter()
    reads: Counter[Port] = Counter()
    for net, many in _net_classes(r).items():
        starts = r.places(net.source[0]) if net.source[0] >= 0 else [-1 - net.source[0]]
        made = {a: r.program.column(many) for a in starts}
        uses[net.source] += many
        for a in starts:
            sources.setdefault((net.source, a), []).append((made[a], 1.0))
        sent: dict[tuple[int, int], int] = {}
        r.legs[net] = sent
        r.flows[net] = []
        single = len(net.sinks) + len(net.ends) == 1
        for port in net.sinks:
            reads[port] += many
            flow = {
                (a, b): r.program.column(many)
                for a in starts
                for b in r.reads(port[0])
                if a == b or (a, b) in r.tables.problem.transfers[net.size]
            }
            r.flows[net].append(flow)
            for a in starts:
                r.program.row([(x, 1.0) for (s, _), x in flow.items() if s == a] + [(made[a], -1.0)], 0.0, 0.0)
            for (a, b), x in flow.items():
                sinks.setdefault((port, b), []).append((x, 1.0))
                _at_least(r, sent, (a, b), x, many, single)
        for b in net.ends:
            for a in starts:
                if a != b and (a, b) not in r.tables.problem.transfers[net.size]:
                    r.program.row([(made[a], 1.0)], high=0.0)
                else:
                    _at_least(r, sent, (a, b), made[a], many, single)
    for port, many in uses.items():
        if port[0] >= 0:
            lying = {p: r.at(port[0], p) for p in r.places(port[0])}
            _match(r, port, many, sources, lying)
    for port, many in reads.items():
        reading = {p: r.reading_at(port[0], p) for p in r.reads(port[0])}
        _match(r, port, many, sinks, reading)


def _at_least(
    r: Relaxation, sent: dict[tuple[int, int], int], leg: tuple[int, int], x: int, many: int, single: bool
) -> None:
    """A leg is used at least as often as this sink needs it."""
    if leg[0] == leg[1]:
        return
    if single:
        sent[leg] = x
        return
    if leg not in sent:
        sent[leg] = r.program.column(many)
    r.program.row([(sent[leg], 1.0), (x, -1.0)], low=0.0)


def _match(
    r: Relaxation, port: Port, many: int, terms: Mapping[tuple[Port, int], Terms], items: Mapping[int, Terms]
) -> None:
    """What is made or read at a port is made or read where the items do so; items: their terms by place."""
    every = many == r.size(port[0])
    for place, there in items.items():
        mine = terms.get((port, place), [])
        total = mine + [(x, -w) for x, w in there]
        r.program.row(total, 0.0 if every else -float("inf"), 0.0)


def _net_classes(r: Relaxation) -> dict[NetClass, int]:
    problem, classes = r.tables.problem, r.classes
    found: Counter[NetClass] = Counter()
    rank = [{n: k for k, n in enumerate(nets)} for nets in problem.outputs]
    reading = [{n: k for k, n in enumerate(nets)} for nets in problem.inputs]
    for n, net in enumerate(problem.nets):
        if not net.sinks and not net.ends:
            continue
        source = (classes.item[net.source], rank[net.source][n]) if net.source >= 0 else (-1 - net.origin, 0)
        sinks = tuple(sorted((classes.item[i], reading[i][n]) for i in set(net.sinks)))
        r.kind[n] = NetClass(source, sinks, net.size, net.phase, tuple(sorted(set(net.ends))))
        found[r.kind[n]] += 1
    return dict(found)


def add_ties(r: Relaxation) -> None:
    """Tied items lie in the same place: so many of one class as of the other."""
    pairs: set[tuple[int, int]] = set()
    counts: Counter[tuple[int, int]] = Counter()
    for tie in r.tables.problem.ties:
        members = sorted(set(tie), key=lambda i: (r.classes.item[i], i))
        for i, j in pairwise(members):
            pair = (r.classes.item[i], r.classes.item[j])
            counts[pair] += 1
            pairs.add(pair)
    for c, d in sorted(pairs):
        if c == d or not counts[c, d] == r.size(c) == r.size(d) or not _once_each(r, c, d):
            continue
        for place in sorted(set(r.places(c)) | set(r.places(d))):
            terms = r.at(c, place) + [(x, -w) for x, w in r.at(d, place)]
            if terms:
                r.program.row(terms, -float(0), 0.0)


def _once_each(r: Relaxation, c: int, d: int) -> bool:
    """Whether the ties of two classes pair their items off one by one."""
    found: Counter[int] = Counter()
    for tie in r.tables.problem.ties:
        inside = {i for i in tie if r.classes.item[i] in (c, d)}
        if len(inside) not in (0, 2):
            return False
        found.update(inside)
    return all(found[i] == 1 for i in (*r.classes.items[c], *r.classes.items[d]))


def add_memory_capacity(r: Relaxation) -> None:
    """Residents that chosen options need fit their memories; one resident serves all who need it."""
    problem = r.tables.problem
    members: dict[int, list[int]] = {}
    for k, c in enumerate(r.classes.resident):
        members.setdefault(c, []).append(k)
    filled: dict[int, list[tuple[int, float]]] = {}
    present: dict[int, int] = {}
    for k_class, ks in members.items():
        resident = problem.residents[ks[0]]
        if not resident.bytes:
            continue
        present[k_class] = r.program.column(len(ks))
        limit = max(1, problem.capacities[resident.memory])
        filled.setdefault(resident.memory, []).append((present[k_class], resident.bytes / limit))
    for c, items in enumerate(r.classes.items):
        terms: dict[int, list[tuple[int, float]]] = {}
        linked: dict[int, set[int]] = {}
        for x, option in zip(r.count[c], problem.items[items[0]].options, strict=True):
            needs = Counter(r.classes.resident[k] for k in set(option.needs))
            for k in set(option.needs):
                linked.setdefault(r.classes.resident[k], set()).add(k)
            for k_class, many in needs.items():
                terms.setdefault(k_class, []).append((x, float(many)))
        for k_class, wanted in terms.items():
            if k_class in present:
                # each resident of the class is linked to so many items of class c
                degree = len(linked[k_class]) * len(items) / len(members[k_class])
                r.program.row([(present[k_class], degree)] + [(x, -w) for x, w in wanted], low=0.0)
    for memory, total in filled.items():
        row = r.program.row(total, high=problem.capacities[memory] / max(1, problem.capacities[memory]))
        r.rooms[row] = memory


def add_resource_loads(r: Relaxation) -> None:
    """No resource is busy for longer than the interval."""
    problem = r.tables.problem
    terms: dict[int, list[tuple[int, float]]] = {}
    for c, items in enumerate(r.classes.items):
        for x, option in zip(r.count[c], problem.items[items[0]].options, strict=True):
            for resource, ticks in option.loads:
                terms.setdefault(r.classes.resource[resource], []).append((x, ticks / r.scale))
    for net, sent in r.legs.items():
        for leg, x in sent.items():
            for resource, ticks in problem.transfers[net.size][leg].loads:
                terms.setdefault(r.classes.resource[resource], []).append((x, ticks / r.scale))
    many = Counter(r.classes.resource)
    for resource_class, loads in terms.items():
        row = r.program.row([*loads, (r.interval, -float(many[resource_class]))], high=0.0)
        r.loads[row] = resource_class


def price_of_leaving_out(r: Relaxation, price: float) -> None:
    """What leaving an item out costs: more than any solution, so no solution is cut off."""
    for x in r.short:
        r.program.cost[x] = price


def shares(r: Relaxation, columns: Floats) -> tuple[Floats, ...]:
    """Per item, the share of each option."""
    found: list[Floats] = [np.zeros(0)] * len(r.tables.problem.items)
    for c, items in enumerate(r.classes.items):
        row = np.maximum(columns[r.count[c]], 0.0) / len(items)
        for i in items:
            found[i] = row
    return tuple(found)


def longest_interval(problem: Problem) -> float:
    """An interval that no wanted solution exceeds."""
    items = sum(max(sum(t for _, t in o.loads) for o in item.options) for item in problem.items)
    most = [max((sum(t for _, t in m.loads) for m in table.values()), default=0) for table in problem.transfers]
    legs = sum(most[net.size] * (len(net.sinks) + len(net.ends)) for net in problem.nets)
    limits = (x.most * (1 + 1e-8) + 1.0 for x in problem.limits if x.quantity == "throughput")
    return float(min(items + legs, *limits, math.inf))
