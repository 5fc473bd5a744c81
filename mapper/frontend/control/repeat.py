"""A subgraph that runs several times, its results handed from one iteration to the next: what Loop and Scan share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mapper.errors import ModelError
from mapper.frontend.facts import Fact, Known, Node
from mapper.frontend.file.nodes import label
from mapper.frontend.walk.bodies import Body
from mapper.frontend.walk.trial import Trial
from mapper.frontend.walk.walk import MOST_NODES, Unrolling, Walk

Feed = Callable[[Walk, int], tuple[list[str], list[str]]]
"""Names of what the body reads in an iteration, before and after the carried values."""


@dataclass(slots=True)
class Repeat:
    """The iterations so far. head: body outputs before the carried ones (a Loop's condition). axes, backwards: along
    which axis and in which order each scan output collects its elements."""

    node: Node
    key: str
    body: Body
    head: int
    carried: list[str]
    feed: Feed
    axes: tuple[int, ...]
    backwards: tuple[bool, ...]
    scans: list[list[str]] = field(default_factory=list)
    condition: str = ""
    index: int = 0

    def iterate(self, walk: Walk, tag: str = "") -> None:
        """Runs the body once more. tag: sets the names of a trial apart."""
        at = f"{tag}{self.index}"
        before, after = self.feed(walk, self.index)
        given = dict(zip(self.body.inputs, [*before, *self.carried, *after], strict=True))
        stem = f"{self.node.name or self.key}/{at}/"
        names = walk.place(self.body, self.key, f"{self.key}/{at}/", given, self.node, stem)
        made = [names.get(name, name) for name in self.body.outputs]
        end = self.head + len(self.carried)
        self.condition = made[0] if self.head else ""
        self.carried = made[self.head : end]
        self.scans = self.scans or [[] for _ in made[end:]]
        for collected, name in zip(self.scans, made[end:], strict=True):
            collected.append(name)
        wanted = [name for name, out in zip(made[end:], self.scan_outputs(), strict=False) if out]
        walk.read.update((*made[:end], *wanted))
        self.index += 1
        walk.unrolled += len(self.body.nodes)

    def fits(self, walk: Walk, trips: int) -> bool:
        """Whether so many more iterations may be unrolled."""
        return walk.unrolled + trips * max(self.body.size, 1) <= MOST_NODES

    def fresh(self) -> Repeat:
        """The same before its first iteration."""
        initial = self.node.inputs[2:] if self.head else self.node.inputs
        carried = list(initial[: len(self.carried)])
        return replace(self, carried=carried, scans=[], condition="", index=0)

    def finish(self, walk: Walk) -> None:
        """The results under the node's own output names."""
        if self.index == 0 and len(self.node.outputs) > len(self.carried):
            Empty(self).start(walk)
            return
        results = walk.assemble(self.node)
        self._carry(walk, results.identity)
        for i, (out, names) in enumerate(zip(self.scan_outputs(), self.scans, strict=False)):
            if out:
                rank = len(walk.facts[names[0]].shape or ()) + 1 if names[0] in walk.facts else 1
                ordered = names[::-1] if self.backwards[i] else names
                results.stack(ordered, self.axes[i] % rank, out)
        walk.put(results)

    def _carry(self, walk: Walk, identity: Callable[[str, str], str]) -> None:
        for out, name in zip(self.node.outputs, self.carried, strict=False):
            if out:
                identity(name, out)

    def scan_outputs(self) -> tuple[str, ...]:
        """The node's outputs that collect elements."""
        return self.node.outputs[len(self.carried) :]

    def check(self, fed: int) -> None:
        """The body's inputs and outputs are as many as the node says; `fed`: inputs besides the carried values."""
        have, want = len(self.body.inputs), fed + len(self.carried)
        if have != want:
            raise ModelError(f"{label(self.node)}: its body has {have} inputs, but is given {want}")
        least = max(self.head + len(self.carried), self.head + len(self.node.outputs))
        if len(self.body.outputs) < least:
            raise ModelError(f"{label(self.node)}: its body has {len(self.body.outputs)} outputs, fewer than {least}")


class Marker:
    """Where a walk stood when a loop began, to go back there should the loop turn out too long."""

    def __init__(self, walk: Walk, loop: Unrolling) -> None:
        self._loop, self._trial, self._waiting = loop, Trial(walk), len(walk.waiting)
        walk.unrolling.append(loop)

    def leave(self, walk: Walk) -> None:
        """The loop is done."""
        walk.unrolling.remove(self._loop)

    def back(self, walk: Walk) -> None:
        """Takes back all that ran and was to run since."""
        self._trial.end(walk)
        del walk.waiting[self._waiting :]
        del walk.unrolling[walk.unrolling.index(self._loop) :]


@dataclass(slots=True)
class Empty:
    """No iteration at all: one is run for trial, to know the shape of the elements that there are none of."""

    repeat: Repeat

    def start(self, walk: Walk) -> None:
        """Runs one iteration and takes it back."""
        trial, initial = Trial(walk), list(self.repeat.carried)

        def after(walk: Walk) -> None:
            _, reasons = trial.end(walk)
            elements = [names[0] for names in self.repeat.scans]
            self.repeat.carried = initial
            if reasons or not all(map(walk.has, elements)):
                walk.unresolved += reasons
                return
            for i, (out, name) in enumerate(zip(self.repeat.scan_outputs(), elements, strict=False)):
                fact = walk.facts[name]
                shape = list(fact.shape or ())
                shape.insert(self.repeat.axes[i] % (len(shape) + 1), 0)
                if out:
                    walk.constant(out, Fact(fact.elem, tuple(shape), None, Known.FILE))
            results = walk.assemble(self.repeat.node)
            self.repeat._carry(walk, results.identity)
            walk.put(results)

        walk.push([after])
        self.repeat.iterate(walk, "empty")
