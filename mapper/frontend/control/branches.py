"""Takes one branch of an If, as nodes of the surrounding graph: the one that runs, else the one expected to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx

from mapper.errors import ModelError
from mapper.frontend.control.pricing import cost_of
from mapper.frontend.facts import Fact, Known, Node
from mapper.frontend.file.nodes import label
from mapper.frontend.walk.bodies import Body
from mapper.frontend.walk.trial import Trial
from mapper.frontend.walk.walk import Walk, key_of

_BRANCHES = {True: "then_branch", False: "else_branch"}


def run_if(node: Node, walk: Walk) -> None:
    """Runs the branch that the condition takes; where that is not known, the expected or the costlier one."""
    if len(node.inputs) != 1 or not node.inputs[0]:
        raise ModelError(f"{label(node)} has {len(node.inputs)} inputs; an If reads one condition")
    key = key_of(node)
    condition = walk.facts.get(node.inputs[0])
    if condition is None:  # it waits for a value that could not be resolved
        return
    if condition.data is not None and condition.data.size == 1:
        taken = bool(condition.data.reshape(-1)[0])
        walk.decide(key, int(taken))
        _take(node, walk, taken)
        return
    given = walk.shop.expectations.of(key)
    if given is not None and given not in (0, 1):
        raise ModelError(f"--expect {key}={given}: it is a condition", hint=f"give {key}=1 or {key}=0")
    if given is not None:
        _assume(node, walk, bool(given))
    elif id(node.proto) not in walk.shop.branches:
        _Comparison(node).start(walk)
    else:
        known = walk.shop.branches[id(node.proto)]
        if known is None:
            _decide_both(node, walk)
        else:
            _assume(node, walk, known)


def _assume(node: Node, walk: Walk, taken: bool) -> None:
    key = key_of(node)
    scalars = [n for n, d in walk.shop.source.inputs.items() if d.dims in ((), (1,)) and n not in walk.bound.scalars]
    other = f", or with --dim {scalars[0]}=VALUE" if scalars else ""
    about = f"whether {label(node)} takes its then-branch, which data decides{other}"
    taken = bool(walk.shop.expectations.take(key, about, int(taken), "the costlier branch"))
    walk.decide(key, int(taken))
    _take(node, walk, taken)


def _take(node: Node, walk: Walk, taken: bool) -> None:
    """The branch's nodes, then its results under the If's own output names."""
    body, key = _branch(node, walk, taken), key_of(node)
    results = walk.assemble(node)
    names = body.names(key, f"{key}/", {}, node.scope)
    for result, out in zip(body.outputs, node.outputs, strict=False):
        if out:
            results.identity(names.get(result, result), out)
    walk.put(results)
    walk.place(body, key, f"{key}/", {}, node, "")


def _branch(node: Node, walk: Walk, taken: bool) -> Body:
    body = walk.shop.body(node, _BRANCHES[taken])
    if body.inputs:
        raise ModelError(f"{label(node)}: its {_BRANCHES[taken]} has inputs of its own, a branch has none")
    if len(body.outputs) < len(node.outputs):
        raise ModelError(
            f"{label(node)} has {len(node.outputs)} outputs, but its {_BRANCHES[taken]} makes {len(body.outputs)}"
        )
    return body


def _truth(walk: Walk, name: str) -> Fact | None:
    """What is known of a value if that is one truth."""
    fact = walk.facts.get(name)
    return fact if fact is not None and fact.elem == onnx.TensorProto.BOOL and fact.elements == 1 else None


def _decide_both(node: Node, walk: Walk) -> None:
    """`a and b`, `a or b` as exporters write them: both branches run, and where they agree the truth is known."""
    key, results = key_of(node), walk.assemble(node)
    sides = {taken: _branch(node, walk, taken) for taken in (True, False)}
    homes = {True: f"{key}/then", False: f"{key}/else"}
    names = {taken: body.names(homes[taken], f"{homes[taken]}/", {}, node.scope) for taken, body in sides.items()}
    ends: dict[str, list[str]] = {}
    for i, out in enumerate(node.outputs):
        if out:
            ends[out] = [names[taken].get(sides[taken].outputs[i], sides[taken].outputs[i]) for taken in (True, False)]
            results.add("Where", [node.inputs[0], *ends[out]], [out])

    def agree(walk: Walk) -> None:
        for out, both in ends.items():
            truths = {bool(data.all()) for data in map(walk.data, both) if data is not None}
            if len(truths) == 1 and all(walk.data(n) is not None for n in both) and out in walk.facts:
                fact = walk.facts[out]
                walk.facts[out] = Fact(fact.elem, fact.shape, np.full(fact.shape or (), truths.pop()), Known.CALL)

    walk.put(results, agree)
    for taken, body in sides.items():
        walk.place(body, homes[taken], f"{homes[taken]}/", {}, node, "")


@dataclass(slots=True)
class _Comparison:
    """Runs both branches for trial and takes the costlier of those whose shapes are found."""

    node: Node
    costs: dict[bool, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    truths: dict[bool, list[Fact | None]] = field(default_factory=dict)

    def start(self, walk: Walk) -> None:
        """The then-branch first."""
        self._try(walk, True)

    def _try(self, walk: Walk, taken: bool) -> None:
        trial = Trial(walk)
        walk.push([lambda walk: self._tried(walk, taken, trial)])
        _take(self.node, walk, taken)

    def _tried(self, walk: Walk, taken: bool, trial: Trial) -> None:
        loops = dict(walk.loops)
        nodes, reasons = trial.end(walk)
        outputs = [n for n in self.node.outputs if n]
        if reasons or not all(map(walk.has, outputs)):
            self.reasons += reasons
        else:
            self.truths[taken] = [_truth(walk, name) for name in outputs]
            is_plain = None not in self.truths[taken]
            self.costs[taken] = 0 if is_plain else cost_of(walk, nodes, outputs, loops).weight
        if taken:
            self._try(walk, False)
        elif len(self.truths) == 2 and None not in (*self.truths[True], *self.truths[False]):
            walk.shop.branches[id(self.node.proto)] = None
            _decide_both(self.node, walk)
        elif self.costs:
            costlier = max(self.costs, key=lambda branch: (self.costs[branch], branch))
            walk.shop.branches[id(self.node.proto)] = costlier
            _assume(self.node, walk, costlier)
        else:
            walk.unresolved += self.reasons
