"""How ranks divide one node of a file: what a rule is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mapper.emit.shards.layouts import SUM, WHOLE, Lay, Ranges, Split
from mapper.emit.shards.sizes import PhaseFacts, Sizes

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Division:
    """What each rank does of a node.

    wants: how it holds each operand, by position; leaves: each result. attrs: attributes that change, with the value of
    each rank. fixed: operands (positions may be new ones) whose numbers differ from rank to rank. patched: operands
    that are computed sizes of whole values, of which one entry is another for each rank. first: operands that only rank
    0 reads. alone: what ranks behind the first do in place of the node, on one operand: an op type and its position.
    nodes: the nodes of a rank where they are not the node itself. entry: of a Shape, the entry that the whole has.
    """

    wants: tuple[Lay, ...]
    leaves: tuple[Lay, ...]
    attrs: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    fixed: Mapping[int, Sequence[Numbers]] = field(default_factory=dict)
    patched: Mapping[int, tuple[int, Sequence[int]]] = field(default_factory=dict)
    first: frozenset[int] = frozenset()
    alone: tuple[str, int] | None = None
    nodes: Callable[[int, onnx.NodeProto], tuple[list[onnx.NodeProto], dict[str, Numbers]]] | None = None
    entry: tuple[int, int] | None = None
    note: str = ""


@dataclass(frozen=True)
class Asked:
    """A node and how its operands lie. way: the words of the plan's ways of its ops. columns: the stretches of the
    features that the plan has each rank make, by number of features. matrix_axis: which axis of matrices that the node
    picks a product behind it reads as columns or as rows."""

    proto: onnx.NodeProto
    lays: tuple[Lay, ...]
    facts: PhaseFacts
    ranks: int
    ways: frozenset[str] = frozenset()
    columns: Callable[[str, int], Ranges | None] = lambda name, size: None
    matrix_axis: Callable[[str], int | None] = lambda way: None

    def shape(self, i: int) -> Sizes | None:
        """Sizes of an operand."""
        return self.facts.shape(self.name(i)) if self.has(i) else None

    def out(self, i: int = 0) -> Sizes | None:
        """Sizes of a result."""
        return self.facts.shape(self.proto.output[i])

    def name(self, i: int) -> str:
        """Name of an operand, '' where there is none."""
        return self.proto.input[i] if i < len(self.proto.input) else ""

    def has(self, i: int) -> bool:
        """Whether the operand is there."""
        return bool(self.name(i))

    def numbers(self, i: int) -> Numbers | None:
        """Small numbers of an operand that are known."""
        return self.facts.numbers(self.name(i)) if self.has(i) else None

    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute's value."""
        for a in self.proto.attribute:
            if a.name == name:
                return onnx.helper.get_attribute_value(a)
        return default

    def ints(self, attr: str, i: int) -> list[int] | None:
        """Integers that stand in an attribute, or since a later opset in an operand; None where not known."""
        found = self.attr(attr)
        if found is not None:
            return [int(x) for x in np.atleast_1d(found)]
        numbers = self.numbers(i)
        return None if numbers is None else [int(x) for x in numbers.reshape(-1)]

    def split(self, i: int = 0) -> Split | None:
        """The operand's layout where it is divided."""
        found = self.lays[i] if i < len(self.lays) else WHOLE
        return found if isinstance(found, Split) else None

    def held(self, wants: Mapping[int, Lay], *leaves: Lay, **more: Any) -> Division:
        """A division: operands that are not named are wanted whole, results that are not named are as the last."""
        wanted = tuple(wants.get(i, WHOLE) for i in range(len(self.proto.input)))
        outs = [*leaves, *[leaves[-1]] * (len(self.proto.output) - len(leaves))]
        return Division(wanted, tuple(outs[: len(self.proto.output)]), **more)


Answer = Division | str
"""A division, or why there is none."""
Rule = Callable[[Asked], Answer]

UNKNOWN = "its sizes are not known"
NO_RULE = "no rule says how ranks divide it"


def opset_of(model: onnx.ModelProto) -> int:
    """Version of the operators of ONNX itself that a file uses; beyond all where it uses none."""
    return max((i.version for i in model.opset_import if i.domain in ("", "ai.onnx")), default=99)


def opset(asked: Asked) -> int:
    """The same for the file of a node."""
    return opset_of(asked.facts.anatomy.model)


def linear(asked: Asked) -> Division | None:
    """The first operand is a summand, and so is the result: of ops that are linear in it and read no other values."""
    return asked.held({0: SUM}, SUM) if asked.lays and asked.lays[0] is SUM else None


def wants_like(asked: Asked, i: int, axis: int, size: int, ranges: Ranges, rank_of_out: int) -> Lay | None:
    """How an operand that is broadcast from the right is wanted where the result is divided along `axis`; None where
    its sizes are not known."""
    shape = asked.shape(i)
    if shape is None:
        return None
    own = axis - (rank_of_out - len(shape))
    if own < 0 or shape[own] == 1:
        return WHOLE
    return Split(own, ranges) if shape[own] == size else None


def broadcast(asked: Asked, positions: Sequence[int] | None = None) -> Answer:
    """Operands broadcast from the right against each other: the result is divided as one of them is."""
    places = [i for i in (range(len(asked.proto.input)) if positions is None else positions) if asked.has(i)]
    out = asked.out()
    if out is None:
        return UNKNOWN
    choice: Split | None = None
    for i in places:
        split, shape = asked.split(i), asked.shape(i)
        if split is None or shape is None:
            continue
        mine = split.along(split.axis + len(out) - len(shape))
        if choice is None or (mine.axis == choice.axis and sum(mine.sizes) < sum(choice.sizes)):
            choice = mine
    if choice is None:
        return NO_RULE
    size = out[choice.axis]
    wants: dict[int, Lay] = {}
    for i in places:
        want = wants_like(asked, i, choice.axis, size or 0, choice.ranges, len(out))
        if want is None:
            return UNKNOWN
        wants[i] = want
    return asked.held(wants, choice)


def elementwise(asked: Asked) -> Answer:
    """Sums of summands are summands, to which one rank adds what is no summand; products with one of them too."""
    kind, summands = asked.proto.op_type, [i for i, lay in enumerate(asked.lays) if lay is SUM]
    if not summands:
        return broadcast(asked)
    others = [i for i in range(len(asked.proto.input)) if i not in summands]
    if kind in ("Identity", "Neg", "Dropout"):
        return asked.held({0: SUM}, SUM)
    if kind in ("Add", "Sub") and len(asked.proto.input) == 2:
        if not others:
            return asked.held({0: SUM, 1: SUM}, SUM)
        if asked.split(others[0]) is None:
            same = asked.shape(summands[0]) == asked.out()
            instead = "Neg" if kind == "Sub" and summands[0] == 1 else "Identity"
            if same:
                return asked.held({summands[0]: SUM}, SUM, first=frozenset(others), alone=(instead, summands[0]))
    single = len(summands) == 1 and all(asked.split(i) is None for i in others)
    if single and (kind == "Mul" or (kind == "Div" and summands == [0])):
        return asked.held({summands[0]: SUM}, SUM)
    return "it is not linear in the summands that ranks have"


ELEMENTWISE = frozenset(
    {
        "Abs",
        "Acos",
        "Acosh",
        "Add",
        "And",
        "Asin",
        "Asinh",
        "Atan",
        "Atanh",
        "BiasGelu",
        "BitShift",
        "BitwiseAnd",
        "BitwiseNot",
        "BitwiseOr",
        "BitwiseXor",
        "Cast",
        "Ceil",
        "Celu",
        "Clip",
        "Cos",
        "Cosh",
        "Div",
        "Dropout",
        "Elu",
        "Equal",
        "Erf",
        "Exp",
        "FastGelu",
        "Floor",
        "Gelu",
        "Greater",
        "GreaterOrEqual",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "IsInf",
        "IsNaN",
        "LeakyRelu",
        "Less",
        "LessOrEqual",
        "Log",
        "Max",
        "Mean",
        "Min",
        "Mish",
        "Mod",
        "Mul",
        "Neg",
        "Not",
        "Or",
        "PRelu",
        "Pow",
        "QuickGelu",
        "Reciprocal",
        "Relu",
        "Round",
        "Selu",
        "Shrink",
        "Sigmoid",
        "Sign",
        "Sin",
        "Sinh",
        "Softplus",
        "Softsign",
        "Sqrt",
        "Sub",
        "Sum",
        "Swish",
        "Tan",
        "Tanh",
        "ThresholdedRelu",
        "Where",
        "Xor",
    }
)  # fmt: skip
RULES: dict[str, Rule] = dict.fromkeys(sorted(ELEMENTWISE), elementwise)
"""The rules of this file, by op type."""
