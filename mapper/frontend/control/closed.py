"""Loops that stand as one node: their cost and shapes follow from the first iterations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import comb

from mapper.frontend.control.pricing import cost_of
from mapper.frontend.control.repeat import Repeat
from mapper.frontend.facts import Fact, Known
from mapper.frontend.file.nodes import label
from mapper.frontend.walk.trace import BodyCost
from mapper.frontend.walk.trial import Trial
from mapper.frontend.walk.walk import MOST_NODES, MOST_NODES_INSIDE, Walk
from mapper.ir.graph import Shape

_LEADING = 5
"""Iterations that are run for trial: the first, and four that tell a quadratic course and check it."""


@dataclass(slots=True)
class Closed:
    """A loop of `trips` iterations, of which the first few are run.

    The first may differ; from the second on the cost is taken as a polynomial of degree 2 in the iteration and shapes
    as linear, which holds where a carried value grows by a fixed piece. Where it does not hold the loop is refused.
    """

    repeat: Repeat
    trips: int
    costs: list[BodyCost] = field(default_factory=list)
    carried: list[list[Shape]] = field(default_factory=list)  # shapes after each iteration
    elements: list[list[Shape]] = field(default_factory=list)

    def start(self, walk: Walk) -> None:
        """Runs the next iteration for trial."""
        trial = Trial(walk)
        walk.unrolled = MOST_NODES - MOST_NODES_INSIDE
        walk.push([lambda walk: self._ran(walk, trial)])
        self.repeat.iterate(walk, "each")

    def _ran(self, walk: Walk, trial: Trial) -> None:
        repeat, loops = self.repeat, dict(walk.loops)
        nodes, reasons = trial.end(walk)
        made = [*repeat.carried, *(names[-1] for names in repeat.scans)]
        if any(name in walk.sequences for name in made):
            walk.refuse(repeat.node, f"it hands on sequences and runs {self.trips:,} times, too often to unroll")
            return
        if reasons or not all(map(walk.has, made)):
            walk.unresolved += reasons
            return
        ends = [*made, repeat.condition] if repeat.condition else made
        self.costs.append(cost_of(walk, nodes, ends, loops))
        shapes = [walk.facts[name].shape or () for name in made]
        self.carried.append(shapes[: len(repeat.carried)])
        self.elements.append(shapes[len(repeat.carried) :])
        if len(self.costs) < min(self.trips, _LEADING):
            self.start(walk)
        else:
            self._end(walk)

    def _end(self, walk: Walk) -> None:
        repeat = self.repeat
        cost = total(self.costs, self.trips)
        shapes = [extrapolated(list(course), self.trips) for course in zip(*self.carried, strict=True)]
        elements = [extrapolated(list(course), 1) for course in zip(*self.elements, strict=True)]
        uneven = any(len(set(course[1:])) > 1 for course in zip(*self.elements, strict=True))
        if cost is None or uneven or None in (*shapes, *elements):
            walk.refuse(repeat.node, f"its sizes change in each of {self.trips:,} iterations, too many to unroll")
            return
        for i, shape in enumerate(elements):
            assert shape is not None
            at = repeat.axes[i] % (len(shape) + 1)
            shapes.append((*shape[:at], self.trips, *shape[at:]))
        made = [*repeat.carried, *(names[0] for names in repeat.scans)]
        for out, name, shape in zip(repeat.node.outputs, made, shapes, strict=False):
            if out:
                walk.facts[out] = Fact(walk.facts[name].elem, shape, None, Known.CALL)
        walk.loops.update((out, replace(cost, trips=self.trips)) for out in repeat.node.outputs if out)
        captured = tuple(n for n in repeat.node.captures if n in walk.facts and n not in repeat.node.inputs)
        inputs = tuple(n for n in repeat.node.inputs if n) + captured
        walk.ran.append(replace(repeat.node, inputs=inputs, captures=(), has_subgraph=False))
        text = f"{label(repeat.node)} is not unrolled: it stands as one opaque op with the work of all its iterations"
        walk.shop.warnings[text] = None


def total(costs: Sequence[BodyCost], trips: int) -> BodyCost | None:
    """The cost of all iterations from that of the first few; None where no polynomial of degree 2 fits these."""
    sums = []
    for course in zip(*((c.macs, c.flops, c.bytes) for c in costs), strict=True):
        if len(course) >= trips:
            sums.append(sum(course[:trips]))
            continue
        start, *rest = course
        first = [b - a for a, b in pairwise(rest)]
        second = [b - a for a, b in pairwise(first)]
        if len(set(second)) > 1:
            return None
        count = trips - 1
        sums.append(start + count * rest[0] + comb(count, 2) * first[0] + comb(count, 3) * second[0])
    return BodyCost(*sums)


def extrapolated(course: list[Shape], trips: int) -> Shape | None:
    """The shape after all iterations; None where it does not grow by the same piece each time."""
    if len(course) >= trips:
        return course[trips - 1]
    if len({len(shape) for shape in course}) > 1:
        return None
    sizes = []
    for dims in zip(*course, strict=True):
        steps = {b - a for a, b in pairwise(dims[1:])}
        if len(steps) > 1:
            return None
        sizes.append(dims[-1] + (trips - len(dims)) * (steps.pop() if steps else 0))
    return tuple(sizes)
