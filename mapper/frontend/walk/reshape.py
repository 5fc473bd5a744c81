"""The target of a Reshape that is known in part: what follows from the number of elements, and what is expected."""

from __future__ import annotations

from math import prod

import numpy as np

from mapper.errors import ModelError
from mapper.frontend.facts import Fact, Known, Node, Parts, numpy_type
from mapper.frontend.file.nodes import label
from mapper.frontend.walk.walk import Walk
from mapper.ir.graph import Shape

PLAINEST = "the plainest choice that fits"


def solved(node: Node, shape: Shape, target: Fact, parts: Parts, walk: Walk) -> Fact:
    """A target known in part: what the other dims leave for the last open one, expected numbers for those before."""
    name, expect, sizes = node.inputs[1], walk.shop.expectations, list(parts)
    if not node.attr("allowzero", 0):
        sizes = [shape[i] if size == 0 and i < len(shape) else size for i, size in enumerate(sizes)]
    holes = [i for i, size in enumerate(sizes) if size is None]
    free = [i for i in holes if expect.of(f"{name}[{i}]") is None]
    rest, uneven = divmod(prod(shape), max(prod(size for size in sizes if size is not None and size > 0), 1))
    for i in holes:
        if -1 not in parts and free[-1:] == [i]:
            continue
        assumed = shape[i] if i < len(shape) and shape[i] and rest % shape[i] == 0 else 1
        sizes[i] = expect.take(f"{name}[{i}]", "what Reshape makes its shape of", assumed, PLAINEST)
        rest, over = divmod(rest, max(sizes[i] or 1, 1))
        uneven += over
    if uneven:
        known = ["?" if size is None else size for size in sizes]
        raise ModelError(f"{label(node)} makes {known} of {list(shape)}, which does not fit")
    numbers = [rest if size is None else size for size in sizes]
    return Fact(target.elem, target.shape, np.array(numbers, dtype=numpy_type(target.elem)), Known.SHAPES)
