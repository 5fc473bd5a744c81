"""Activation functions spelled out in arithmetic become one op."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from mapper.ir.graph import Attr, Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins
from passes.graph.expression import FUNCTIONS, Array, Cone, cones, is_weight, pointwise, recognise, structure
from passes.graph.gated import GATES, fuse_gate

ANCHORS = ("erf", "tanh", "sigmoid", "clip", "hard_sigmoid", "exp", "softplus", "relu")
"""Every known spelling contains one of these."""

NEAR = 4
"""Within how many steps of the anchor a spelling comes back to its data."""

STEPS = 7
"""How far the end of a spelling is from its anchor at most."""

LIMIT = 12
"""Ops of the longest spelling; that of gelu with tanh has 9, and some cast."""

CLOSING = ("log", "div", "reciprocal", "pow")
"""Functions of one operand and a constant with which a spelling may end."""

TRIES = 3
"""How many groups of ops that end in one value are tried: the smallest with the anchor in it, and some around it."""

Known = dict[object, str | None]
"""What groups of ops compute, by their structure."""

POINTS: Array = np.linspace(-6.0, 6.0, 25)

_sigmoid, _tanh, _erf, _softplus = (FUNCTIONS[n] for n in ("sigmoid", "tanh", "erf", "softplus"))

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": lambda x: 0.5 * x * (1 + _erf(x / np.sqrt(2))),
    "gelu:tanh": lambda x: 0.5 * x * (1 + _tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "gelu:quick": lambda x: x * _sigmoid(1.702 * x),
    "silu": lambda x: x * _sigmoid(x),
    "mish": lambda x: x * _tanh(_softplus(x)),
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "relu_squared": lambda x: np.maximum(x, 0) ** 2,
}
"""What an activation computes, by the name of its function; after a colon, the approximation."""


@dataclass(frozen=True)
class FuseActivation(Pass):
    """Turns gelu (erf, tanh or quick), silu, mish, hard swish, softplus and squared relu into one elementwise op each.

    A spelling is recognised by what it computes at a few points, not by its form. An activation times another value
    of its shape is one op too: `swiglu`, `geglu` or `reglu`, of what is activated and what it gates.
    """

    name = "fuse-activation"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft, known = Draft(plan.graph), dict[object, str | None]()
        for op in draft.ops():
            if op.kind == "elementwise" and op.attr("fn") in ANCHORS and draft.has(op):
                _fuse(draft, op, known)
        for op in draft.ops():
            if op.kind == "elementwise" and op.attr("fn") in GATES and draft.has(op):
                fuse_gate(draft, op)
        return replace(plan, graph=draft.graph())


def _fuse(draft: Draft, anchor: Op, known: Known) -> None:
    for result in _ends(draft, anchor):
        holding = (c for c in cones(draft, result, limit=LIMIT) if anchor in c.ops)
        for cone in islice(holding, TRIES):
            key = structure(cone)
            if key not in known:
                known[key] = None if cone.parameters else recognise(cone, POINTS, ACTIVATIONS)
            if (name := known[key]) is not None and len(cone.ops) > 1:
                _replace(draft, cone, name)
                return


def _ends(draft: Draft, anchor: Op) -> list[str]:
    """Values in which a spelling may end, farthest first: from an op that closes it on, with two more for scalars."""
    ends: list[str] = []
    value, after = anchor.outputs[0], -1
    for step in range(STEPS):
        op = draft.reader(value)
        if (step == NEAR and not ends) or op is None or len(op.outputs) != 1 or not pointwise(draft, op):
            break
        value = op.outputs[0]
        after = 2 if _closes(draft, op, anchor) else after - 1
        if after >= 0:
            ends.append(value)
    return ends[::-1]


def _closes(draft: Draft, op: Op, anchor: Op) -> bool:
    """Whether an op brings something together with the data that it was made from, or undoes an exponential."""
    data = [n for n in op.inputs if n and not is_weight(draft, n)]
    return len(data) > 1 or op.attr("fn") in CLOSING or anchor.attr("fn") == "clip"


def _replace(draft: Draft, cone: Cone, name: str) -> None:
    last = cone.ops[-1]
    function, _, approximate = name.partition(":")
    attrs: tuple[tuple[str, Attr], ...] = (("fn", function), *([("approximate", approximate)] if approximate else []))
    draft.put(Op(last.name, "elementwise", (cone.source,), last.outputs, attrs, origins(cone.ops)))
    draft.prune(cone.ops)
