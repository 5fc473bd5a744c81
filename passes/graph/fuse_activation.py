"""Activation functions spelled out in arithmetic become one op."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mapper.ir.graph import Attr, Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins
from passes.graph.expression import FUNCTIONS, Array, Cone, cones, pointwise, reached, recognise

ANCHORS = ("erf", "tanh", "sigmoid")
"""Every known spelling contains one of these."""

POINTS: Array = np.linspace(-6.0, 6.0, 25)

_sigmoid, _tanh, _erf, _softplus = (FUNCTIONS[n] for n in ("sigmoid", "tanh", "erf", "softplus"))

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": lambda x: 0.5 * x * (1 + _erf(x / np.sqrt(2))),
    "gelu:tanh": lambda x: 0.5 * x * (1 + _tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "gelu:quick": lambda x: x * _sigmoid(1.702 * x),
    "silu": lambda x: x * _sigmoid(x),
    "mish": lambda x: x * _tanh(_softplus(x)),
}
"""What an activation computes, by the name of its function; after a colon, the approximation."""


@dataclass(frozen=True)
class FuseActivation(Pass):
    """Turns gelu (erf, tanh or quick), silu and mish, in whatever spelling, into one elementwise op each.

    A spelling is recognised by what it computes at a few points, not by its form.
    """

    name = "fuse-activation"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        for op in draft.ops():
            if op.kind == "elementwise" and op.attr("fn") in ANCHORS and draft.has(op):
                _fuse(draft, op)
        return replace(plan, graph=draft.graph())


def _fuse(draft: Draft, anchor: Op) -> None:
    for result in reached(draft, anchor.outputs[0], pointwise):
        for cone in cones(draft, result):
            if anchor in cone.ops and not cone.parameters and (name := recognise(cone, POINTS, ACTIVATIONS)):
                _replace(draft, cone, name)
                return


def _replace(draft: Draft, cone: Cone, name: str) -> None:
    last = cone.ops[-1]
    function, _, approximate = name.partition(":")
    attrs: tuple[tuple[str, Attr], ...] = (("fn", function), *([("approximate", approximate)] if approximate else []))
    draft.put(Op(last.name, "elementwise", (cone.source,), last.outputs, attrs, origins(cone.ops)))
    draft.prune(cone.ops)
