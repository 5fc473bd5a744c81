"""Sequences and optionals: resolved away, their elements are values of the surrounding graph."""

from __future__ import annotations

import numpy as np

from mapper.errors import ModelError
from mapper.frontend.facts import LIMIT, Array, Node
from mapper.frontend.file.nodes import label
from mapper.frontend.walk.walk import Walk, key_of
from mapper.ir.graph import Shape


def construct(node: Node, walk: Walk) -> None:
    """SequenceConstruct and SequenceEmpty."""
    if all(map(walk.has, node.inputs)):
        walk.sequences[key_of(node)] = tuple(node.inputs)


def insert(node: Node, walk: Walk) -> None:
    """SequenceInsert: at the end, or at a position."""
    elements = _elements(node, walk)
    if elements is None or not walk.has(node.inputs[1]):
        return
    at = _position(node, walk, 2, len(elements), len(elements) + 1)
    new = node.inputs[1]
    if at is None and _alike(walk, (*elements, new)):
        at = len(elements)  # where it goes makes no difference to shapes
    if at is None:
        at = _expected_position(node, walk, 2, len(elements), "the end")
    walk.decide(key_of(node), at)
    walk.sequences[key_of(node)] = (*elements[:at], new, *elements[at:])


def erase(node: Node, walk: Walk) -> None:
    """SequenceErase: the last element, or the one at a position."""
    elements = _elements(node, walk)
    if elements is None:
        return
    if not elements:
        raise ModelError(f"{label(node)} erases from an empty sequence")
    at = _position(node, walk, 1, len(elements) - 1, len(elements))
    if at is None and _alike(walk, elements):
        at = len(elements) - 1
    if at is None:
        at = _expected_position(node, walk, 1, len(elements) - 1, "the last")
    walk.decide(key_of(node), at)
    walk.sequences[key_of(node)] = (*elements[:at], *elements[at + 1 :])


def element_at(node: Node, walk: Walk) -> None:
    """SequenceAt: the element itself; where data decides which, one picked from the stack of all."""
    elements = _elements(node, walk)
    if elements is None or not walk.has(node.inputs[1]):
        return
    out = key_of(node)
    if not elements:
        raise ModelError(f"{label(node)} reads an element of an empty sequence")
    at = _position(node, walk, 1, -1, len(elements))
    made = walk.assemble(node)
    if at is None and _alike(walk, elements):
        made.add("Gather", [made.stack(elements, 0, f"{out}/all"), node.inputs[1]], [out], axis=0)
    else:
        at = _expected_position(node, walk, 1, 0, "the first") if at is None else at
        walk.decide(out, at)
        made.identity(elements[at], out)
    walk.put(made)


def length(node: Node, walk: Walk) -> None:
    """SequenceLength: a number."""
    elements = _elements(node, walk)
    if elements is not None:
        walk.decide(key_of(node), len(elements))
        walk.number(key_of(node), len(elements))


def split(node: Node, walk: Walk) -> None:
    """SplitToSequence: parts of the sizes stated, or of size 1."""
    fact = walk.facts.get(node.inputs[0])
    if fact is None or fact.shape is None:
        return
    rank, out = len(fact.shape), key_of(node)
    axis = int(node.attr("axis", 0))
    if not -rank <= axis < rank:
        raise ModelError(f"{label(node)}: axis {axis} of a value with {rank} dims")
    whole, stated = fact.shape[axis % rank], node.inputs[1] if len(node.inputs) > 1 else ""
    sizes = _sizes(node, walk, whole, stated)
    if sizes is None:
        return
    walk.decide(out, len(sizes))
    names = [f"{out}/{i}" for i in range(len(sizes))]
    cut = walk.assemble(node)
    if stated or int(node.attr("keepdims", 1)):
        cut.split(node.inputs[0], axis % rank, sizes, names)
    else:
        cut.slices(node.inputs[0], axis % rank, len(sizes), names)
    walk.sequences[out] = tuple(names)
    walk.put(cut)


def _sizes(node: Node, walk: Walk, whole: int, stated: str) -> list[int] | None:
    if not stated:
        return [1] * whole
    fact = walk.facts.get(stated)
    if fact is None or fact.shape is None:
        return None
    data = fact.data if fact.data is not None else _expected_sizes(walk, whole, stated, fact.shape)
    if data.dtype.kind not in "iu":
        raise ModelError(f"{label(node)}: its sizes '{stated}' are no integers")
    if data.ndim:
        sizes = [int(size) for size in data.reshape(-1)]
        if min(sizes, default=0) < 0 or sum(sizes) != whole:
            raise ModelError(f"{label(node)}: parts of {sizes} do not add up to {whole}")
        return sizes
    piece = int(data)
    if piece < 1:
        raise ModelError(f"{label(node)}: parts of size {piece}")
    return [min(piece, whole - start) for start in range(0, whole, piece)]


def _expected_sizes(walk: Walk, whole: int, stated: str, shape: Shape) -> Array:
    """Sizes that depend on data: all in one part, or as many equal parts as there are sizes."""
    take, about = walk.shop.expectations.take, "how long the parts of a sequence are"
    if shape in ((), (0,)):
        return np.array(take(stated, about, max(whole, 1), "all in one part"), dtype=np.int64)
    count = min(shape[0], LIMIT)
    names = [stated] if count == 1 else [f"{stated}[{i}]" for i in range(count)]
    equal = [whole * (i + 1) // count - whole * i // count for i in range(count)]
    return np.array([take(n, about, size, "equal parts") for n, size in zip(names, equal, strict=True)])


def concat(node: Node, walk: Walk) -> None:
    """ConcatFromSequence: one behind the other, or side by side along a new dim."""
    elements = _elements(node, walk)
    if elements is None:
        return
    if not elements:
        raise ModelError(f"{label(node)} joins an empty sequence")
    if not all(map(walk.has, elements)):
        return
    axis, out = int(node.attr("axis", 0)), key_of(node)
    made = walk.assemble(node)
    if int(node.attr("new_axis", 0)):
        rank = len(walk.facts[elements[0]].shape or ()) + 1
        if not -rank <= axis < rank:
            raise ModelError(f"{label(node)}: axis {axis} of values with {rank - 1} dims")
        made.stack(elements, axis % rank, out)
    else:
        made.concat(elements, axis, out)
    walk.put(made)


def map_elements(node: Node, walk: Walk) -> None:
    """SequenceMap: the body once per element; values that are no sequences go to each."""
    body, key = walk.shop.body(node, "body"), key_of(node)
    first = _elements(node, walk)
    if first is None or not all(map(walk.has, (*node.inputs, *node.captures))):
        return
    if len(body.inputs) != len(node.inputs) or len(body.outputs) < len(node.outputs):
        raise ModelError(f"{label(node)}: its body has {len(body.inputs)} inputs and {len(body.outputs)} outputs")
    lists = {name: walk.sequences[name] or () for name in node.inputs if name in walk.sequences}
    if any(len(elements) != len(first) for elements in lists.values()):
        raise ModelError(f"{label(node)}: its sequences differ in length: {[len(e) for e in lists.values()]}")
    walk.decide(key, len(first))
    made: list[list[str]] = [[] for _ in node.outputs]
    for i in range(len(first)):
        here = [lists[name][i] if name in lists else name for name in node.inputs]
        given = dict(zip(body.inputs, here, strict=True))
        names = walk.place(body, key, f"{key}/{i}/", given, node, f"{node.name or key}/{i}/")
        for collected, result in zip(made, body.outputs, strict=False):
            collected.append(names.get(result, result))
    for out, collected in zip(node.outputs, made, strict=True):
        if out:
            walk.sequences[out] = tuple(collected)


def optional(node: Node, walk: Walk) -> None:
    """Optional: what it holds under another name, or nothing."""
    if node.inputs and node.inputs[0]:
        alias(node, walk)
    else:
        walk.sequences[key_of(node)] = None


def has_element(node: Node, walk: Walk) -> None:
    """OptionalHasElement: a truth."""
    name = node.inputs[0] if node.inputs else ""
    if name and not walk.has(name):
        return
    holds = bool(name) and not (name in walk.sequences and walk.sequences[name] is None)
    walk.decide(key_of(node), int(holds))
    walk.number(key_of(node), holds)


def get_element(node: Node, walk: Walk) -> None:
    """OptionalGetElement: what it holds."""
    name = node.inputs[0] if node.inputs else ""
    if name in walk.sequences and walk.sequences[name] is None:
        raise ModelError(f"{label(node)} reads an optional that holds nothing")
    alias(node, walk)


def alias(node: Node, walk: Walk) -> None:
    """The same value, sequence or optional under another name."""
    name, out = node.inputs[0], key_of(node)
    if name in walk.sequences:
        walk.sequences[out] = walk.sequences[name]
    elif walk.has(name):
        made = walk.assemble(node)
        made.identity(name, out)
        walk.put(made)


def _elements(node: Node, walk: Walk) -> tuple[str, ...] | None:
    """The elements of the node's first input; None where it could not be resolved."""
    name = node.inputs[0] if node.inputs else ""
    if name in walk.facts:
        raise ModelError(f"{label(node)} expects a sequence, but '{name}' is a tensor")
    if name in walk.sequences and walk.sequences[name] is None:
        raise ModelError(f"{label(node)} reads an optional that holds nothing")
    return walk.sequences.get(name)


def _position(node: Node, walk: Walk, index: int, default: int, end: int) -> int | None:
    """The position that an input gives, counted from the front; None where it is not known."""
    name = node.inputs[index] if index < len(node.inputs) else ""
    at = walk.integer(name) if name else default
    if at is None:
        return None
    if not -end <= at < end:
        raise ModelError(f"{label(node)}: position {at} of a sequence of {len(_elements(node, walk) or ())}")
    return at % end


def _alike(walk: Walk, elements: tuple[str, ...]) -> bool:
    facts = [walk.facts.get(name) for name in elements]
    return all(f is not None for f in facts) and len({(f.elem, f.shape) for f in facts if f is not None}) == 1


def _expected_position(node: Node, walk: Walk, index: int, assumed: int, default: str) -> int:
    """A position among unlike elements that depends on data."""
    return walk.shop.expectations.take(node.inputs[index], f"the position for {node.op_type}", assumed, default)
