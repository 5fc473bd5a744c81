"""Expected outputs of operators that nobody knows: as far as the file states them, then as their reader needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mapper.errors import ModelError
from mapper.frontend.dims.expressions import evaluate
from mapper.frontend.facts import LARGEST, Declared, Fact, Known, Node, elements_of
from mapper.frontend.file.nodes import label
from mapper.frontend.inference.infer import is_unknown
from mapper.frontend.naming import label_type
from mapper.frontend.walk.walk import Walk
from mapper.ir.graph import Shape

_MOST_DIMS = 64
"""Dims that an expected shape may have."""
_FLOAT = 1

Inputs = Sequence[Fact | None]


def expected_of_unknown(node: Node, inputs: Inputs, missing: Sequence[str], walk: Walk) -> dict[str, Fact] | None:
    """What is expected of the outputs without a shape: that of the first input that is no constant.

    Each dim is `NAME[i]`; `NAME.rank` says how many there are. None for an operator that is known.
    """
    if not is_unknown(node, walk.shop.source.opsets):
        return None
    like = _like(inputs)
    known = min((f.known for f in inputs if f is not None), default=Known.CALL)
    found = {}
    for name in missing:
        declared = walk.shop.source.declared.get(name)
        shape, why = _default(name, like.shape or (), declared, walk)
        shape = _taken(node, name, shape, why, walk)
        elem = declared.elem if declared is not None and declared.elem else like.elem
        found[name] = Fact(elem, shape, None, known)
        walk.assumed[name] = (
            f"'{name}', made by {label(node)}, was assumed to be {list(shape)}: set it with --expect {name}[0]=N"
            if shape
            else f"'{name}', made by {label(node)}, was assumed to be a scalar: set it with --expect {name}.rank=N"
        )
    return found


def likely_cause(node: Node, walk: Walk) -> str:
    """The assumed shape that the node's inputs come from, for the message that they do not fit."""
    if not walk.assumed:
        return ""
    makers = {out: n for n in walk.ran for out in n.outputs if out}
    waiting, seen = [*node.inputs, *node.captures], set[str]()
    while waiting:
        name = waiting.pop(0)
        if name in walk.assumed:
            return f"; probably because {walk.assumed[name]}"
        maker = makers.get(name)
        if maker is not None and name not in seen:
            waiting += [*maker.inputs, *maker.captures]
        seen.add(name)
    return ""


def _like(inputs: Inputs) -> Fact:
    """The first input that is no constant, else the first one, else a scalar."""
    present = [f for f in inputs if f is not None and f.shape is not None]
    alive = [f for f in present if f.known is not Known.FILE]
    return next(iter((*alive, *present)), Fact(_FLOAT, ()))


def _default(name: str, like: Shape, declared: Declared | None, walk: Walk) -> tuple[Shape, str]:
    """The shape to expect of a value, and why."""
    if declared is not None and declared.dims is not None:
        names: Mapping[str, int] = {**walk.bound.roles, **walk.bound.names}
        stated = [d if isinstance(d, int) else evaluate(d, names) if d else None for d in declared.dims]
        padded = like if len(like) == len(stated) else (like + (1,) * len(stated))[: len(stated)]
        sizes = tuple(p if s is None else s for s, p in zip(stated, padded, strict=True))
        return sizes, "as the file states it, its open dims those of the first input that is no constant"
    width = _width(name, walk) if like else None
    if width is not None and width != like[-1]:
        return (*like[:-1], width), "that of its first input that is no constant, as wide as its reader needs it"
    return like, "that of its first input that is no constant"


def _width(name: str, walk: Walk) -> int | None:
    """The last dim that a reader needs: the depth of a matrix product, the width of a norm."""
    for node in walk.shop.readers(name):
        other = walk.facts.get(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[0] == name else None
        if other is None or not other.shape:
            continue
        if node.op_type == "MatMul" and len(other.shape) > 1:
            return other.shape[-2]
        if node.op_type == "Gemm" and len(other.shape) == 2 and not node.attr("transA", 0):
            return other.shape[1 if node.attr("transB", 0) else 0]
        if node.op_type == "LayerNormalization" and len(other.shape) == 1 and node.attr("axis", -1) == -1:
            return other.shape[0]
    return None


def _taken(node: Node, name: str, shape: Shape, why: str, walk: Walk) -> Shape:
    """The shape with what the user expects of it."""
    expect = walk.shop.expectations
    about = f"the shape that {label_type(node)} makes, an operator that is not known"
    rank = len(shape)
    while rank < _MOST_DIMS and expect.of(f"{name}[{rank}]") is not None:
        rank += 1
    if not rank or expect.of(f"{name}.rank") is not None:
        rank = expect.take(f"{name}.rank", about, rank, why)
    if not 0 <= rank <= _MOST_DIMS:
        raise ModelError(f"--expect {name}.rank={rank}: a value has 0 to {_MOST_DIMS} dims")
    expect.need(f"{name}.rank")
    padded = (*shape, *[1] * rank)[:rank]
    taken = tuple(expect.take(f"{name}[{i}]", about, size, why) for i, size in enumerate(padded))
    if min(taken, default=0) < 0 or elements_of(taken) >= LARGEST:
        raise ModelError(f"--expect {name}[i]: {label(node)} cannot make a value of {list(taken)}")
    return taken
