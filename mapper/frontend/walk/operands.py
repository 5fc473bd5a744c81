"""Inputs that only say what shape to make, where they depend on data: the numbers expected of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from mapper.frontend.facts import LIMIT, Fact, Known, Node, numpy_type
from mapper.frontend.inference.rule_parts import integers_at
from mapper.frontend.walk.reshape import PLAINEST, solved
from mapper.frontend.walk.walk import Walk
from mapper.ir.graph import Shape

Inputs = Sequence[Fact | None]
Numbers = Sequence[int]
Rule = Callable[[Node, Inputs], dict[int, Numbers]]
"""The numbers to expect, by input."""


def with_expected_operands(node: Node, inputs: Inputs, walk: Walk) -> list[Fact | None] | None:
    """The inputs with numbers for those that say what shape to make; None where no such number is missing.

    Each number is called by its value's name, in vectors with its place: `shape[0]`.
    """
    rule = RULES.get(node.op_type)
    if rule is None or any(f is not None and f.shape is None for f in inputs):
        return None
    found = list(inputs)
    target = inputs[1] if len(inputs) > 1 else None
    if node.op_type == "Reshape" and target is not None and target.parts is not None:
        found[1] = walk.facts[node.inputs[1]] = solved(node, _shape(inputs), target, target.parts, walk)
        return found
    for index, numbers in rule(node, inputs).items():
        fact = found[index] if index < len(found) else None
        if fact is None or fact.data is not None or fact.shape is None or len(numbers) != fact.elements:
            continue
        found[index] = _given(node.inputs[index], node.op_type, fact, numbers, walk)
        walk.facts[node.inputs[index]] = found[index] or fact
    return found if any(a is not b for a, b in zip(found, inputs, strict=True)) else None


def is_set(node: Node, inputs: Inputs, walk: Walk) -> bool:
    """Whether the user expects numbers of an input of this node that the file leaves open."""
    given = walk.shop.expectations.given
    if not given or node.op_type not in RULES:
        return False
    open_ones = [n for n, f in zip(node.inputs, inputs, strict=True) if f is not None and f.data is None]
    return any(name in given or any(g.startswith(f"{name}[") for g in given) for name in open_ones)


def _given(name: str, op_type: str, fact: Fact, numbers: Numbers, walk: Walk) -> Fact:
    """The fact with the numbers that are known, for all others the user's, else those expected."""
    take = walk.shop.expectations.take
    alone = fact.elements == 1
    about = f"what {op_type} makes its shape of"
    taken = [
        known if known is not None else take(name if alone else f"{name}[{i}]", about, n, PLAINEST)
        for i, (n, known) in enumerate(zip(numbers, fact.parts or (None,) * len(numbers), strict=True))
    ]
    data = np.array(taken, dtype=numpy_type(fact.elem)).reshape(fact.shape or ())
    return Fact(fact.elem, fact.shape, data, Known.SHAPES)


def _length(inputs: Inputs, index: int) -> int:
    fact = inputs[index] if index < len(inputs) else None
    return 0 if fact is None else min(fact.elements, LIMIT)  # no operator takes as many dims; a damaged file may say so


def _shape(inputs: Inputs, index: int = 0) -> Shape:
    fact = inputs[index] if index < len(inputs) else None
    return () if fact is None or fact.shape is None else fact.shape


def _reshape(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """As many dims as asked for: ones in front, or the last dims joined."""
    shape, rank = _shape(inputs), _length(inputs, 1)
    if rank <= 0:
        return {1: ()}
    padded = (1,) * (rank - len(shape)) + shape
    return {1: (*padded[: rank - 1], prod(padded[rank - 1 :]))}


def _expand(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """No larger than the data."""
    shape, rank = _shape(inputs), _length(inputs, 1)
    return {1: ((1,) * (rank - len(shape)) + shape)[max(len(shape) - rank, 0) :]}


def _slice(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """All that there is."""
    shape, count = _shape(inputs), _length(inputs, 1)
    axes = integers_at(inputs, 3) or tuple(range(count))
    if any(not -len(shape) <= a < len(shape) for a in axes):
        return {}
    return {1: (0,) * count, 2: [shape[a] for a in axes], 4: (1,) * count}


def _constant(index: int, number: int) -> Rule:
    return lambda node, inputs: {index: (number,) * _length(inputs, index)}


def _resize(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """The size that the data have."""
    shape, axes = _shape(inputs), node.attr("axes")
    kept = [shape[a] for a in axes] if axes else list(shape)
    return {3: kept} if _length(inputs, 3) else {2 if len(inputs) > 2 else 1: (1,) * len(kept)}


def _range(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """One step from the start."""
    start, delta = (integers_at(inputs, i) for i in (0, 2))
    first, step = (start or (0,))[0], (delta or (1,))[0]
    return {0: (first,), 1: (first + step,), 2: (step,)}


def _pad(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    return {1: (0,) * _length(inputs, 1), 3: range(_length(inputs, 3))}


def _split(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """Parts as equal as can be."""
    shape, count = _shape(inputs), _length(inputs, 1)
    if not shape or not count:
        return {}
    axis = int(node.attr("axis", 0)) % len(shape)
    return {1: [shape[axis] * (i + 1) // count - shape[axis] * i // count for i in range(count)]}


def _squeeze(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    ones = [i for i, size in enumerate(_shape(inputs)) if size == 1]
    return {1: ones[: _length(inputs, 1)]}


def _first_axes(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    return {1: range(_length(inputs, 1))}


def _last_axes(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    rank, count = len(_shape(inputs)), _length(inputs, 1)
    return {1: range(rank - count, rank)} if 0 <= count <= rank else {}


def _crop_or_pad(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    shape, axes = _shape(inputs), node.attr("axes")
    if axes and not all(-len(shape) <= a < len(shape) for a in axes):
        return {}
    return {1: [shape[a] for a in axes] if axes else shape}


def _blocks(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """Col2Im: blocks of one pixel in a row."""
    shape, rank = _shape(inputs), _length(inputs, 1)
    if len(shape) != 3 or not rank:
        return {}
    return {1: (*(1,) * (rank - 1), shape[2]), 2: (1,) * rank}


def _grid(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    theta, count = _shape(inputs), _length(inputs, 1)
    return {1: (theta[0], *(1,) * (count - 1))} if theta and count else {}


def _mel(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """The usual features of speech: 80 bands of 400 samples at 16 kHz."""
    return {0: (80,), 1: (400,), 2: (16000,)}


def _fourier(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """A transform over all samples of the axis."""
    shape, axis = _shape(inputs), integers_at(inputs, 2) or (int(node.attr("axis", -2)),)
    return {1: (shape[axis[0]],), 2: axis} if len(shape) > 1 else {}


def _short_fourier(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """One frame: as long as its window, or as the signal."""
    shape, window = _shape(inputs), _shape(inputs, 2)
    length = window[0] if window else shape[1] if len(shape) > 1 else 1
    return {1: (length,), 3: (length,)}


def _unpool(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """The size before a pooling without overlap."""
    shape, strides = _shape(inputs), node.attr("strides") or node.attr("kernel_shape") or ()
    factors = (1, 1, *strides)
    return {2: [size * factor for size, factor in zip(shape, factors, strict=False)]}


def _crop_size(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    return {3: _shape(inputs)[2:]}


def _lengths(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    return {1: (1,), 2: (1,)}


def _generation(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """64 words after the prompt; four beams of which the best is kept."""
    shape = _shape(inputs)
    return {1: ((shape[1] if len(shape) == 2 else 0) + 64,), 3: (4,), 4: (1,)}


def _greedy(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    return {1: _generation(node, inputs)[1]}


def _packed_shape(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    """MatMulFpQ4: as many columns as the blob has room for, at 20 bytes for 32 numbers."""
    depth = _shape(inputs)[-1] if _shape(inputs) else 1
    return {2: (depth, max(_length(inputs, 1) * 32 // 20 // max(depth, 1), 1))}


def _dynamic_pads(node: Node, inputs: Inputs) -> dict[int, Numbers]:
    return {2: (0,) * _length(inputs, 2)}


RULES: dict[str, Rule] = {
    **dict.fromkeys(("BeamSearch", "WhisperBeamSearch"), _generation),
    **dict.fromkeys(("BlackmanWindow", "HammingWindow", "HannWindow", "ConstantOfShape"), _constant(0, 1)),
    **dict.fromkeys(("GreedySearch", "Sampling"), _greedy),
    **dict.fromkeys(
        ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin",
         "ReduceProd", "ReduceSum", "ReduceSumSquare"),
        _last_axes,
    ),
    "AffineGrid": _grid,
    "CenterCropPad": _crop_or_pad,
    "Col2Im": _blocks,
    "ConvTransposeWithDynamicPads": _dynamic_pads,
    "CropAndResize": _crop_size,
    "DFT": _fourier,
    "DequantizeBFP": _constant(1, 1),
    "Expand": _expand,
    "ExpandDims": _constant(1, 0),
    "MatMulFpQ4": _packed_shape,
    "MaxUnpool": _unpool,
    "MelWeightMatrix": _mel,
    "OneHot": _constant(1, 2),
    "Pad": _pad,
    "Range": _range,
    "RelativePositionBias": _lengths,
    "Reshape": _reshape,
    "Resize": _resize,
    "STFT": _short_fourier,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _constant(1, 1),
    "Unsqueeze": _first_axes,
    "Upsample": _resize,
}  # fmt: skip
