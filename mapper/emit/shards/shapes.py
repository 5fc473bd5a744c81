"""Rules of nodes that move, cut or join what they read, and of sizes."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import onnx

from mapper.emit.shards.experts import pick
from mapper.emit.shards.layouts import SUM, WHOLE, Lay, Ranges, Split, even, joined, located, regrouped, within
from mapper.emit.shards.rules import NO_RULE, UNKNOWN, Answer, Asked, Division, Rule, linear, opset
from mapper.emit.shards.sizes import Sizes

APART = "the axis that ranks divide falls apart in it"


def reshape(asked: Asked) -> Answer:
    """The divided axis under other sizes: its entry in the target is another for each rank."""
    found = linear(asked)
    split = asked.split()
    if found or split is None:
        return found or NO_RULE
    samples = list(zip(asked.facts.samples(asked.name(0)), asked.facts.samples(asked.proto.output[0]), strict=False))
    answers = {_moved(old, new, split) for old, new in samples}
    result = answers.pop() if len(answers) == 1 else None
    if result is None:
        return APART
    if asked.proto.op_type == "Flatten":
        return asked.held({0: split}, result)
    return _patched(asked, split, result, 1)


def _patched(asked: Asked, split: Lay, result: Split, position: int) -> Answer:
    """The target's entry of the divided axis, as a constant where the target is known."""
    known = asked.numbers(position)
    if known is None:
        return asked.held({0: split}, result, patched={position: (result.axis, result.sizes)})
    fixed = []
    for size in result.sizes:
        target = known.copy()
        target[result.axis] = size
        fixed.append(target)
    return asked.held({0: split}, result, fixed={position: fixed})


def _moved(old: tuple[int, ...], new: tuple[int, ...], split: Split) -> Split | None:
    for olds, news in _groups(old, new):
        if split.axis in olds:
            found = regrouped([old[i] for i in olds], olds.index(split.axis), split.ranges, [new[j] for j in news])
            return Split(news[found[0]], found[1]) if found else None
    return None


def _groups(old: tuple[int, ...], new: tuple[int, ...]) -> list[tuple[list[int], list[int]]]:
    """Runs of axes of equal product, from the left."""
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) and j < len(new):
        olds, news, a, b = [i], [j], old[i], new[j]
        i, j = i + 1, j + 1
        while a != b:
            if a < b and i < len(old):
                a, olds, i = a * old[i], [*olds, i], i + 1
            elif j < len(new):
                b, news, j = b * new[j], [*news, j], j + 1
            else:
                return found
        found.append((olds, news))
    return found


def transpose(asked: Asked) -> Answer:
    """The axis at its new place."""
    found, split, shape = linear(asked), asked.split(), asked.shape(0)
    if found or split is None or shape is None:
        return found or NO_RULE
    perm = asked.attr("perm") or list(reversed(range(len(shape))))
    return asked.held({0: split}, split.along(list(perm).index(split.axis)))


def squeeze(asked: Asked) -> Answer:
    """Axes of one entry less, or more."""
    found, split, shape, out = linear(asked), asked.split(), asked.shape(0), asked.out()
    if found or split is None:
        return found or NO_RULE
    axes = asked.ints("axes", 1)
    if shape is None or out is None or axes is None:
        return UNKNOWN
    adds = asked.proto.op_type == "Unsqueeze"
    rank = len(out) if adds else len(shape)
    axes = [a % rank for a in axes]
    kept = [i for i in range(rank) if i not in axes]
    if adds:
        return asked.held({0: split}, split.along(kept[split.axis]))
    return asked.held({0: split}, split.along(kept.index(split.axis))) if split.axis in kept else APART


def split_node(asked: Asked) -> Answer:
    """Parts along another axis are divided as the whole is; along the divided one each rank cuts what it has."""
    found, split, shape = linear(asked), asked.split(), asked.shape(0)
    if found or split is None or shape is None:
        return found or NO_RULE
    if asked.attr("axis", 0) % len(shape) != split.axis:
        return asked.held({0: split}, split)
    sizes = [(asked.out(i) or ())[split.axis : split.axis + 1] for i in range(len(asked.proto.output))]
    if any(not s or s[0] is None for s in sizes):
        return UNKNOWN
    marks = [0, *accumulate(int(s[0] or 0) for s in sizes)]
    parts = [within(split.ranges, a, b) for a, b in pairwise(marks)]
    if any(part is None for part in parts):
        return "some rank would have nothing of one of its parts"
    outs = [Split(split.axis, part or ()) for part in parts]
    mine = [np.array([part.size(r) for part in outs], np.int64) for r in range(asked.ranks)]
    if opset(asked) < 13:
        return asked.held({0: split}, *outs, attrs={"split": [m.tolist() for m in mine]})
    return asked.held({0: split}, *outs, fixed={1: mine}, attrs={"num_outputs": [None] * asked.ranks})


def concat(asked: Asked) -> Answer:
    """Along another axis all operands are divided alike; along the divided one stretches follow each other."""
    shapes = [asked.shape(i) for i in range(len(asked.proto.input))]
    if all(lay is SUM for lay in asked.lays):
        return asked.held(dict.fromkeys(range(len(shapes)), SUM), SUM)
    split = next((asked.split(i) for i in range(len(shapes)) if asked.split(i)), None)
    if split is None or shapes[0] is None:
        return NO_RULE
    axis = asked.attr("axis", 0) % len(shapes[0])
    if axis != split.axis:
        return asked.held(dict.fromkeys(range(len(shapes)), split), split)
    rows: list[list[tuple[int, int]]] = [[] for _ in range(asked.ranks)]
    start = 0
    for i, shape in enumerate(shapes):
        mine, size = asked.split(i), shape[axis] if shape else None
        if mine is None or mine.axis != axis or size is None:
            return "one of what it joins is divided, another is not"
        for rank, stretches in enumerate(mine.ranges):
            rows[rank] += [(start + a, start + b) for a, b in stretches]
        start += size
    return asked.held(dict(enumerate(asked.lays)), Split(axis, tuple(tuple(joined(row)) for row in rows)))


def slice_node(asked: Asked) -> Answer:
    """A cut along another axis leaves the layout; along the divided one each rank cuts what it has."""
    found, split, shape = linear(asked), asked.split(), asked.shape(0)
    if found or split is None or shape is None:
        return found or NO_RULE
    starts, ends = asked.ints("starts", 1), asked.ints("ends", 2)
    rank = len(shape)
    stated = asked.has(3) or asked.attr("axes") is not None
    axes = asked.ints("axes", 3) if stated else list(range(len(starts) if starts else rank))
    if axes is None:
        return UNKNOWN
    axes = [a % rank for a in axes]
    if split.axis not in axes:
        return asked.held({0: split}, split)
    steps = [1] * len(axes) if not asked.has(4) else asked.ints("steps", 4)
    size, place = shape[split.axis], axes.index(split.axis)
    if size is None or starts is None or ends is None or steps is None or steps[place] != 1:
        return UNKNOWN
    first, last = (min(max(x + size if x < 0 else x, 0), size) for x in (starts[place], ends[place]))
    part = within(split.ranges, first, last)
    if part is None:
        return "some rank would have nothing of the cut"
    at = [
        (located([(max(a, first), min(b, last)) for a, b in row if a < last and b > first], row) or [(0, 0)])
        for row in split.ranges
    ]
    if any(len(places) > 1 for places in at):
        return APART
    mine = [[*starts[:place], places[0][0], *starts[place + 1 :]] for places in at]
    ours = [[*ends[:place], places[0][1], *ends[place + 1 :]] for places in at]
    result = Split(split.axis, part)
    if opset(asked) < 10:
        return asked.held({0: split}, result, attrs={"starts": mine, "ends": ours})
    kind = np.asarray(asked.numbers(1)).dtype
    arrays: dict[int, list[Any]] = {1: [np.array(m, kind) for m in mine], 2: [np.array(m, kind) for m in ours]}
    return asked.held({0: split}, result, fixed=arrays)


def expand(asked: Asked) -> Answer:
    """The target's entry of the divided axis is another for each rank."""
    found, split, shape, out = linear(asked), asked.split(), asked.shape(0), asked.out()
    if found or split is None or shape is None or out is None:
        return found or NO_RULE
    result = split.along(split.axis + len(out) - len(shape))
    known = asked.facts.shape(asked.name(1))
    if known is None or known[0] is None:
        return UNKNOWN
    entry = result.axis - (len(out) - known[0])
    if entry < 0:
        return asked.held({0: split}, result)
    numbers = asked.numbers(1)
    if numbers is not None and int(numbers[entry]) == 1:
        return asked.held({0: split}, result)
    return _with_entry(asked, split, result, entry)


def _with_entry(asked: Asked, split: Split, result: Split, entry: int) -> Answer:
    known = asked.numbers(1)
    if known is None:
        return asked.held({0: split}, result, patched={1: (entry, result.sizes)})
    fixed = [np.where(np.arange(len(known)) == entry, size, known).astype(known.dtype) for size in result.sizes]
    return asked.held({0: split}, result, fixed={1: fixed})


def kept_axes(position: int, attr: str, default: list[int] | None = None) -> Rule:
    """Nodes that work along some axes, stated in an attribute or an operand, and treat all others entry by entry."""

    def rule(asked: Asked) -> Answer:
        split, shape, out = asked.split(), asked.shape(0), asked.out()
        if asked.lays[0] is SUM and asked.proto.op_type in ("ReduceSum", "ReduceMean"):
            return asked.held({0: SUM}, SUM)
        if split is None or shape is None or out is None:
            return NO_RULE
        axes = asked.ints(attr, position)
        if axes is None:
            axes = default
        if axes is None:
            return UNKNOWN
        if not axes:  # all of them, or none where an attribute says so
            return UNKNOWN
        worked = [a % len(shape) for a in axes]
        if split.axis in worked:
            return "it works along the axis that ranks divide"
        gone = [a for a in worked if a < split.axis] if len(out) < len(shape) else []
        return asked.held({0: split}, split.along(split.axis - len(gone)))

    return rule


def tile(asked: Asked) -> Answer:
    """Repeated along other axes than the divided one."""
    found, split, times = linear(asked), asked.split(), asked.numbers(1)
    if found or split is None:
        return found or NO_RULE
    return APART if times is None or int(times[split.axis]) != 1 else asked.held({0: split}, split)


def gather(asked: Asked) -> Answer:
    """Rows of a table: a part of each row, the rows of some of the places, or the rows of some words and zeros."""
    shape, places = asked.shape(0), asked.shape(1)
    if shape is None or places is None:
        return UNKNOWN
    axis, more = asked.attr("axis", 0) % len(shape), len(places) - 1
    picked = (pick(asked, len(places)) or _picked(asked, shape, more)) if axis == 0 else None
    if picked is not None:
        return picked
    if "column" in asked.ways and len(shape) == 2 and axis == 0 and shape[1] is not None:
        ranges = asked.columns(asked.proto.output[0], shape[1])
        if ranges is not None:
            return asked.held({0: Split(1, ranges)}, Split(len(places), ranges))
    if "vocabulary" in asked.ways and axis == 0 and shape[0] is not None and opset(asked) >= 10:
        return _by_words(asked, shape[0])
    split, other = asked.split(0), asked.split(1)
    if asked.lays[0] is SUM and other is None:
        return asked.held({0: SUM}, SUM)
    if split is not None and split.axis != axis:
        return asked.held({0: split}, split.along(split.axis + (more if split.axis > axis else 0)))
    if other is not None and split is None:
        return asked.held({1: other}, other.along(other.axis + axis))
    return NO_RULE


def gather_nd(asked: Asked) -> Answer:
    """Entries of a table by their first axes: other axes stay as they are divided."""
    shape, places, split = asked.shape(0), asked.shape(1), asked.split(0)
    if shape is None or places is None or places[-1] is None or asked.attr("batch_dims", 0):
        return UNKNOWN
    picked = (pick(asked, len(places) - 1) or _picked(asked, shape, len(places) - 2)) if places[-1] == 1 else None
    if picked is not None:
        return picked
    depth = places[-1]
    if split is None or split.axis < depth:
        return NO_RULE
    return asked.held({0: split}, split.along(len(places) - 1 + split.axis - depth))


def _picked(asked: Asked, shape: Sizes, more: int) -> Division | None:
    """Matrices of experts that a router picks: their columns or rows, as the product behind reads them."""
    axis = asked.matrix_axis("column" if "column" in asked.ways else "row" if "row" in asked.ways else "")
    if axis is None or len(shape) != 3 or shape[axis] is None:
        return None
    size = int(shape[axis] or 0)
    ranges = asked.columns(asked.proto.output[0], size) if "column" in asked.ways else even(size, asked.ranks)
    if ranges is None or size < asked.ranks:
        return None
    part = Split(axis, ranges)
    return asked.held({0: part}, part.along(axis + more))


def _by_words(asked: Asked, words: int) -> Answer:
    """Each rank finds its own words and leaves zeros for others; negative words count from the end, as in Gather."""
    ranges: Ranges = tuple(((words * r // asked.ranks, words * (r + 1) // asked.ranks),) for r in range(asked.ranks))
    place = asked.facts.facts(asked.name(1))
    elem = asked.facts.elem(asked.name(0))
    if not place or elem is None:
        return UNKNOWN
    kind = onnx.helper.tensor_dtype_to_np_dtype(place[0].elem)
    extent = len(asked.shape(0) or ()) - 1

    def nodes(rank: int, proto: onnx.NodeProto) -> tuple[list[onnx.NodeProto], dict[str, Any]]:
        (start, stop), out = ranges[rank][0], proto.output[0]
        name = out  # names of nodes need not be unique
        one = {key: f"{name} {key}" for key in ("words", "start", "count", "nothing", "zero", "axes")}
        numbers: dict[str, Any] = {
            one["words"]: np.array(words, kind),
            one["start"]: np.array(start, kind),
            one["count"]: np.array(stop - start, kind),
            one["nothing"]: np.array(0, kind),
            one["zero"]: np.zeros((), onnx.helper.tensor_dtype_to_np_dtype(elem)),
            one["axes"]: np.arange(-extent, 0, dtype=np.int64),
        }
        make = onnx.helper.make_node
        step = {key: f"{name} {key}" for key in ("word", "at", "high", "low", "over", "under", "mine", "in", "found")}
        wide = f"{name} rows"
        made = [
            make("Mod", [proto.input[1], one["words"]], [step["word"]]),
            make("Sub", [step["word"], one["start"]], [step["at"]]),
            make("Less", [step["at"], one["count"]], [step["high"]]),
            make("Less", [step["at"], one["nothing"]], [step["under"]]),
            make("Not", [step["under"]], [step["low"]]),
            make("And", [step["low"], step["high"]], [step["mine"]]),
            make("Where", [step["mine"], step["at"], one["nothing"]], [step["in"]]),
            onnx.NodeProto(),
            _unsqueezed(step["mine"], one["axes"], wide, numbers, opset(asked)),
            make("Where", [wide, step["found"], one["zero"]], [out]),
        ]
        made[7].CopyFrom(proto)
        made[7].input[1], made[7].output[0] = step["in"], step["found"]
        return made, numbers

    return asked.held({0: Split(0, ranges)}, SUM, nodes=nodes)


def _unsqueezed(source: str, axes: str, sink: str, numbers: dict[str, Any], version: int) -> onnx.NodeProto:
    """Axes behind the others: an operand since opset 13, an attribute before, where they count from the left."""
    if version >= 13:
        return onnx.helper.make_node("Unsqueeze", [source, axes], [sink])
    return onnx.helper.make_node("Unsqueeze", [source], [sink], axes=numbers.pop(axes).tolist())


def shape_of(asked: Asked) -> Answer:
    """Sizes of the whole: the entry of the divided axis is put right. A summand has the sizes of the whole."""
    split, shape = asked.split(), asked.shape(0)
    if asked.lays[0] is SUM:
        return asked.held({0: SUM}, WHOLE)
    if split is None or shape is None or shape[split.axis] is None:
        return UNKNOWN
    start, end = asked.attr("start", 0), asked.attr("end", len(shape))
    start, end = (max(0, x + len(shape)) if x < 0 else x for x in (start, end))
    entry = (split.axis - start, int(shape[split.axis] or 0)) if start <= split.axis < end else None
    return asked.held({0: split}, WHOLE, entry=entry)


def pad(asked: Asked) -> Answer:
    """Padding along other axes."""
    split, shape, pads = asked.split(), asked.shape(0), asked.ints("pads", 1)
    if split is None or shape is None:
        return NO_RULE
    if pads is None or asked.has(3) or len(pads) != 2 * len(shape) or pads[split.axis] or pads[split.axis + len(shape)]:
        return APART
    return asked.held({0: split}, split)


REDUCES = (
    "ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare"
)
RULES: dict[str, Rule] = {
    "Reshape": reshape,
    "Flatten": reshape,
    "Transpose": transpose,
    "Squeeze": squeeze,
    "Unsqueeze": squeeze,
    "Split": split_node,
    "Concat": concat,
    "Slice": slice_node,
    "Expand": expand,
    "Tile": tile,
    "Pad": pad,
    "Gather": gather,
    "GatherND": gather_nd,
    "Shape": shape_of,
    **dict.fromkeys(REDUCES.split(), kept_axes(1, "axes")),
    "ArgMax": kept_axes(99, "axis", [0]),
    "ArgMin": kept_axes(99, "axis", [0]),
    "TopK": kept_axes(99, "axis", [-1]),
    "CumSum": kept_axes(1, "axis"),
}
"""The rules of this file, by op type."""
