"""By what attention scores are scaled and capped, found out by computing it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapper.ir.graph import Attr, Op
from passes.graph.attention_core import Scores
from passes.graph.draft import Draft
from passes.graph.expression import FUNCTIONS, Array, operands

POINTS: Array = np.array([0.0, 1e-3, 0.5, 3.0, 10.0, 40.0, 200.0, 1e3, 1e8])
"""From where every function is a line to where a soft cap has reached its bound."""

BOUNDS = frozenset({"max", "min", "clip"})
"""Functions that keep scores in the range of their type and change nothing else."""


@dataclass(frozen=True)
class Scaling:
    """scale: the factor of the product, None if it is not known. cap: the bound of a soft cap, 0 without one."""

    scale: float | None
    cap: float = 0.0

    def times(self, factor: float | None) -> Scaling:
        """With a factor of the operands taken in."""
        known = self.scale is not None and factor is not None
        return Scaling(self.scale * factor if known else None, self.cap)  # type: ignore[operator]

    @property
    def attributes(self) -> dict[str, Attr]:
        """As attributes of an attention."""
        scale: dict[str, Attr] = {} if self.scale is None else {"scale": float(f"{self.scale:.9g}")}
        return {**scale, "softcap": float(f"{self.cap:.9g}")} if self.cap else scale


def scaling(draft: Draft, scores: Scores) -> Scaling | None:
    """The scaling on the way from the product to the softmax; None if the scores are changed in any other way."""
    points, known = POINTS, True
    for op, continued in scores.path:
        if op.kind != "elementwise" or op.attr("fn") in BOUNDS or op.attr("fn") == "where":
            continue
        others = [o for o in operands(draft, op) if o != continued]
        if any(isinstance(o, str) for o in others):
            factor = op.attr("fn") in ("mul", "div")
            known = known and not (factor and all(_is_one(draft, o) for o in others))
            continue  # a mask, a bias, or a scalar that is not known
        if op.attr("fn") not in FUNCTIONS:
            return None
        given = [points if o == continued else np.float64(o) for o in operands(draft, op)]
        with np.errstate(all="ignore"):
            points = np.asarray(FUNCTIONS[str(op.attr("fn"))](*given))
    if not known:
        return Scaling(None)
    return _recognised(points, alpha(scores.product))


def _is_one(draft: Draft, operand: str | float) -> bool:
    return isinstance(operand, float) or all(d == 1 for d in draft.shape(str(operand)))


def alpha(product: Op) -> float:
    """The factor that a fused product already has."""
    found = product.attr("alpha", 1.0)
    return float(found) if isinstance(found, (int, float)) else 1.0


def _recognised(found: Array, factor: float) -> Scaling | None:
    rise = found - found[0]  # what is added to all scores alike changes no softmax
    slope = float(rise[1] / POINTS[1])
    if np.allclose(rise, slope * POINTS, rtol=1e-4, atol=1e-9):
        return Scaling(slope * factor)
    cap = float(rise[-1])
    capped = cap > 0 and np.allclose(rise, cap * np.tanh(slope * POINTS / cap), rtol=1e-3, atol=1e-6)
    return Scaling(slope * factor, cap) if capped else None
