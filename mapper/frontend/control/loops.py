"""Loop: unrolled into the surrounding graph where its trips are known or expected and not too many."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.errors import ModelError
from mapper.frontend.control.closed import Closed
from mapper.frontend.control.repeat import Marker, Repeat
from mapper.frontend.facts import Node
from mapper.frontend.file.nodes import label
from mapper.frontend.walk.bodies import Body
from mapper.frontend.walk.walk import Walk, key_of

_ENDLESS = 2**31
"""A largest trip count from here on is none: exporters write 2^63-1 for `while`."""


_MOST_TRIED = 1_000
"""Iterations that are run to see whether a loop that data may end ends by itself."""


def run_loop(node: Node, walk: Walk) -> None:
    """Runs the body as often as the trip count and the condition say."""
    body = walk.shop.body(node, "body")
    count, condition, *carried = (*node.inputs, "", "")[: max(len(node.inputs), 2)]
    if not all(map(walk.has, (*filter(None, node.inputs), *node.captures))):
        return  # an input could not be resolved
    key = key_of(node)
    walk.shop.repeats.add(key)
    start = condition or walk.number(f"{key}/condition", True)

    def feed(walk: Walk, index: int) -> tuple[list[str], list[str]]:
        return [walk.number(f"{key}/{index}/iteration", index), repeat.condition or start], []

    scans = len(body.outputs)
    repeat = Repeat(node, key, body, 1, carried, feed, (0,) * scans, (False,) * scans)
    repeat.check(2)
    _Loop(repeat, count, start, _is_free(body)).begin(walk)


def _is_free(body: Body) -> bool:
    """Whether the body hands its condition on unchanged or says yes: then only the trip count ends the loop."""
    name = body.outputs[0] if body.outputs else ""
    makers = {node.outputs[0]: node for node in body.nodes if node.op_type in ("Identity", "Cast") and node.inputs}
    while name in makers:
        name = makers[name].inputs[0]
    fact = body.constants.get(name)
    return name == body.inputs[1] or (fact is not None and fact.data is not None and bool(fact.data.all()))


@dataclass(slots=True, eq=False)
class _Loop:
    """A loop on its way. limit: its largest trip count; expected: its trips where data decides."""

    repeat: Repeat
    count: str
    start: str
    is_free: bool
    limit: int | None = None
    expected: int | None = None
    marker: Marker | None = None
    before: tuple[object, ...] = ()  # what was known of the carried values
    moves: bool = False  # whether the last iteration changed that
    open_ended: bool = False  # whether data may have ended it already

    def begin(self, walk: Walk) -> None:
        """The first iteration, or all of them as one node."""
        self.limit = walk.integer(self.count) if self.count else None
        if self.limit is not None and self.limit < 0:
            raise ModelError(f"{label(self.repeat.node)} has a negative trip count, {self.limit}")
        if self.limit is not None and self.limit >= _ENDLESS and not self._counts_alone(walk):
            self.limit = None
        if self.count and walk.integer(self.count) is None:
            self._expect(walk)
        self.marker = Marker(walk, self)
        if self.repeat.key in walk.shop.closed:
            self.give_up(walk)
        elif not self.repeat.fits(walk, self._known_trips(walk) or 1):
            walk.unrolling[0].give_up(walk)
        else:
            self._next(walk)

    def give_up(self, walk: Walk) -> None:
        """All iterations as one node."""
        assert self.marker is not None
        self.marker.back(walk)
        node, key = self.repeat.node, self.repeat.key
        trips = self._known_trips(walk)
        if trips is None and walk.shop.expectations.of(key) is not None:
            trips = self._expect(walk)
        if trips is None:
            walk.shop.expectations.need(key)
            walk.refuse(node, f"it runs too often to be unrolled; set its trips with --expect {key}=N")
        elif trips == 0:
            self.repeat.fresh().finish(walk)
        else:
            Closed(self.repeat.fresh(), trips).start(walk)

    def _counts_alone(self, walk: Walk) -> bool:
        """Whether only the trip count ends the loop."""
        data = walk.data(self.start)
        return self.is_free and data is not None and bool(data.all())

    def _known_trips(self, walk: Walk) -> int | None:
        if self.expected is not None:
            return self.expected
        return self.limit if self._counts_alone(walk) else None

    def _expect(self, walk: Walk) -> int:
        """Takes the expected trips: all that it may make; where nothing limits them, those that differ."""
        node, key = self.repeat.node, self.repeat.key
        about = f"how often {label(node)} runs"
        if self.count in walk.bound.shapes:
            about += f", also set with --dim {self.count}=N"
        if self.limit is not None:
            assumed, why = self.limit, "the most that it may"
        else:
            assumed = max(self.repeat.index, 1)
            why = "one iteration" if assumed == 1 else "as far as iterations differ"
        trips = walk.shop.expectations.take(key, about, assumed, why)
        if trips < 0 or (self.limit is not None and trips > self.limit):
            raise ModelError(f"--expect {key}={trips}: {label(node)} runs 0 to {self.limit or 'any number of'} times")
        self.expected = trips
        return trips

    def _next(self, walk: Walk) -> None:
        """One more iteration, if there is one."""
        assert self.marker is not None
        go = self._goes_on(walk)
        if go and not self.repeat.fits(walk, 1):
            walk.unrolling[0].give_up(walk)
        elif go:
            walk.push([self._next])
            self.repeat.iterate(walk)
        else:
            self.marker.leave(walk)
            if go is False:
                walk.decide(self.repeat.key, self.repeat.index)
                self.repeat.finish(walk)

    def _may_end(self, walk: Walk) -> bool:
        """Whether a condition that data decide may yet become false by itself: something counts on from here."""
        if self.limit is not None or walk.shop.expectations.of(self.repeat.key) is not None:
            return False
        if self.repeat.index >= _MOST_TRIED:
            return False
        self.open_ended = self.open_ended or self.moves
        return self.moves

    def _goes_on(self, walk: Walk) -> bool | None:
        """Whether another iteration runs; None where that cannot be told."""
        if self.limit is not None and self.repeat.index >= self.limit:
            return False
        if self.expected is None:
            known = tuple([walk.facts[n].key if n in walk.facts else n for n in self.repeat.carried])
            self.moves, self.before = known != self.before, known
            condition = self.repeat.condition or self.start
            if not walk.has(condition):
                return None
            data = walk.data(condition)
            if data is not None and not (self.limit is None and self._counts_alone(walk)):
                if not data.all() and self.open_ended:
                    self.limit = self.repeat.index
                    self._expect(walk)
                return bool(data.all())
            if self._may_end(walk):
                return True
            self._expect(walk)
        return self.repeat.index < (self.expected or 0)
