"""Runs some nodes to see what they make and cost, and takes them back."""

from __future__ import annotations

from mapper.frontend.facts import Node
from mapper.frontend.walk.walk import Walk


class Trial:
    """The state of a walk before a trial. Facts stay: the same nodes find the same again."""

    def __init__(self, walk: Walk) -> None:
        self._ran = len(walk.ran)
        self._placed = len(walk.placed)
        self._unresolved = len(walk.unresolved)
        self._unrolled = walk.unrolled
        self._decisions = dict(walk.decisions)
        self._loops = dict(walk.loops)
        self._drawn = dict(walk.drawn)
        self._warnings = dict(walk.shop.warnings)
        self._expected = walk.shop.expectations.snapshot()

    def end(self, walk: Walk) -> tuple[list[Node], list[str]]:
        """Takes everything back; the nodes that ran, and the reasons for values that could not be resolved."""
        nodes, reasons = walk.ran[self._ran :], walk.unresolved[self._unresolved :]
        del walk.ran[self._ran :]
        del walk.placed[self._placed :]
        del walk.unresolved[self._unresolved :]
        walk.unrolled = self._unrolled
        walk.decisions = self._decisions
        walk.loops = self._loops
        walk.drawn = self._drawn
        walk.shop.warnings = self._warnings
        walk.shop.expectations.restore(self._expected)
        return nodes, reasons
