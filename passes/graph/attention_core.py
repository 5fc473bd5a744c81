"""The core of attention: from the product of queries and keys over the softmax to the product with the values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mapper.hw.work import Role
from mapper.ir.graph import Op
from passes.graph.draft import Draft
from passes.graph.expression import is_scalar, operands

DEPTH = 12
"""Ops between a product and the softmax at most (scale, soft cap, masks, casts)."""

GUARD = 12
"""Ops at most that compute from the scores what another op on their way needs (a row's maximum, rows without keys)."""

KEEPS_WEIGHTS = frozenset({"where", "mul", "div", "identity", "max", "min", "clip"})
"""Elementwise functions that may follow the softmax: guards, masks, dropout that was left in."""


Mask = tuple[str, str]
"""A value that changes scores and how: `add`, `keep` or `drop` (logical), `scale`; `weights` after the softmax."""


@dataclass(frozen=True)
class Scores:
    """How the scores come about: their product, the ops up to the softmax with the operand that each continues.

    masks: what hides or biases scores. sink: a logit for each head that takes weight and is dropped afterwards.
    guards: ops that compute something of the scores for an op on their way.
    """

    product: Op
    path: tuple[tuple[Op, str], ...] = ()
    masks: tuple[Mask, ...] = ()
    guards: tuple[Op, ...] = ()
    sink: str = ""

    @property
    def values(self) -> frozenset[str]:
        """The scores at all stages, the softmax's input included."""
        return frozenset({self.product.outputs[0], *(op.outputs[0] for op, _ in self.path)})


@dataclass(frozen=True)
class Core:
    """The scores, the softmax, the ops from there to the context (its product with the values)."""

    scores: Scores
    softmax: Op
    after: tuple[Op, ...]
    context: Op
    masks: tuple[Mask, ...] = ()

    @property
    def ops(self) -> tuple[Op, ...]:
        scores = self.scores
        steps = (op for op, _ in scores.path)
        return (scores.product, *steps, *scores.guards, self.softmax, *self.after, self.context)


def find_core(draft: Draft, softmax: Op) -> Core | None:
    """The attention around a softmax over the last axis, if there is one and nothing else reads its inner values."""
    if softmax.attr("op_type") not in ("Softmax", "QLinearSoftmax") or not any(softmax.inputs[:1]):
        return None
    if softmax.attr("axis") != len(draft.shape(softmax.inputs[0])) - 1:
        return None
    found = _scores(draft, softmax.inputs[0], DEPTH)
    scores = None if found is None else _sorted_operands(draft, found)
    core = None if scores is None else _to_context(draft, scores, softmax)
    return core if core is not None and _is_closed(draft, core) else None


def _is_closed(draft: Draft, core: Core) -> bool:
    """Whether nothing outside reads a value inside, and none of them leaves the graph."""
    names = {op.name for op in core.ops}
    inner = (op for op in core.ops if op is not core.context)
    closed = all(draft.private(value, names) for op in inner for value in op.outputs if value)
    width = draft.shape(core.softmax.outputs[0])[-1] == draft.shape(core.scores.product.outputs[0])[-1]
    return closed and width == (not core.scores.sink)


def _is_product(draft: Draft, op: Op) -> bool:
    """Whether the right side of a matmul changes with every call; the left one may be learned queries by heads.

    A product that states its sizes has its operands' dims in an order of its own, which must be spelled out first.
    """
    if op.attr("k"):
        return False
    if not all(op.inputs[:2]) or len(op.inputs) < 2 or draft.values[op.inputs[1]].role is Role.WEIGHT:
        return False
    return draft.values[op.inputs[0]].role is not Role.WEIGHT or len(draft.shape(op.inputs[0])) > 2


def _scores(draft: Draft, value: str, depth: int) -> Scores | None:
    """The way from a product to `value`; operands that join on the way are all called masks."""
    op = draft.maker(value)
    if op is None or value in draft.kept or depth == 0:
        return None
    if op.kind == "matmul":
        return Scores(op, masks=tuple((n, "add") for n in op.inputs[2:3] if n)) if _is_product(draft, op) else None
    if op.attr("op_type") == "Concat":
        return _with_sink(draft, op, depth)
    if op.kind not in ("view", "cast", "elementwise"):
        return None
    data = _data(draft, op)
    for name in sorted(data, key=lambda n: draft.shape(n) != draft.shape(value)):
        inner = _scores(draft, name, depth - 1)
        if inner is not None:
            others = tuple((n, _meaning(op, name)) for n in data if n != name)
            return replace(inner, path=(*inner.path, (op, name)), masks=(*inner.masks, *others))
    return None


def _meaning(op: Op, scores: str) -> str:
    """How an op changes the scores that are one of its operands."""
    if op.attr("fn") == "where":
        return "keep" if op.inputs[1] == scores else "drop"
    return "scale" if op.attr("fn") in ("mul", "div") else "add"


def _data(draft: Draft, op: Op) -> list[str]:
    """The op's operands that are no scalar constants; of a cast or view only what it converts."""
    if op.kind in ("view", "cast"):
        return [n for n in op.inputs[:1] if n]
    return [o for o in operands(draft, op) if isinstance(o, str) and not is_scalar(draft, o)]


def _with_sink(draft: Draft, op: Op, depth: int) -> Scores | None:
    """Scores that a logit is appended to."""
    if len(op.inputs) != 2 or op.attr("axis") != len(draft.shape(op.outputs[0])) - 1:
        return None
    scores, sink = op.inputs
    if draft.shape(sink)[-1] != 1:
        return None
    inner = _scores(draft, scores, depth - 1)
    return None if inner is None or inner.sink else replace(inner, path=(*inner.path, (op, scores)), sink=sink)


def _sorted_operands(draft: Draft, scores: Scores) -> Scores | None:
    """The scores with what is computed from themselves told apart from masks; None if an op cannot be taken over."""
    masks: list[Mask] = []
    guards: list[Op] = []
    for name, meaning in scores.masks:
        ops = derived(draft, name, scores.values) or _nothing(draft, name)
        if ops:
            guards += ops
        else:
            masks.append((name, meaning))
    return replace(scores, masks=tuple(masks), guards=tuple(guards))


def _nothing(draft: Draft, value: str) -> list[Op]:
    """The ops that make zeros by multiplying with zero, as a product that adds to an unused tensor is exported."""
    op = draft.maker(value)
    if op is None or op.attr("fn") != "mul" or 0.0 not in operands(draft, op) or draft.reader(value) is None:
        return []
    unused = [m for n in op.inputs if (m := draft.maker(n)) is not None and draft.reader(n) is op]
    return [op, *(m for m in unused if not any(m.inputs))]


def derived(draft: Draft, value: str, roots: Iterable[str]) -> list[Op]:
    """The ops that compute `value` from nothing but the roots and scalars; none if it needs anything else."""
    known = set(roots)
    found: dict[str, Op] = {}
    waiting = [value]
    reached = False
    while waiting:
        name = waiting.pop()
        if name in known:
            reached = True
            continue
        op = draft.maker(name)
        if op is None or op.kind not in ("elementwise", "cast", "view", "reduce") or len(found) >= GUARD:
            return []
        if op.name not in found:
            found[op.name] = op
            waiting += [n for n in _data(draft, op) if draft.values[n].role is not Role.WEIGHT]
    return list(found.values()) if reached else []


def _to_context(draft: Draft, scores: Scores, softmax: Op) -> Core | None:
    """The core with the ops from the softmax (exclusive) to the product with the values (inclusive)."""
    value = softmax.outputs[0]
    known = {*scores.values, value}
    ops: list[Op] = []
    masks: list[Mask] = []
    for _ in range(DEPTH):
        readers = sorted(draft.readers(value), key=draft.place)
        if not readers or value in draft.kept:
            return None
        last = readers[-1]
        if last.kind == "matmul":
            return _finished(draft, scores, softmax, ops, masks, value) if readers == [last] else None
        others = [] if last.attr("op_type") == "Slice" else [n for n in _data(draft, last) if n != value]
        if not _passes_weights_on(draft, last, scores):
            return None
        for name in others:
            guard = derived(draft, name, known)
            ops += guard
            masks += [] if guard or name in known else [(name, "weights")]
        ops.append(last)
        value = last.outputs[0]
        known.add(value)
    return None


def _passes_weights_on(draft: Draft, op: Op, scores: Scores) -> bool:
    """Whether an op after the softmax leaves the weights what they are, but for masks, guards and the sink."""
    if op.kind == "elementwise":
        return op.attr("fn") in KEEPS_WEIGHTS
    if op.attr("op_type") == "Slice":
        return bool(scores.sink) and draft.shape(op.inputs[0])[:-1] == draft.shape(op.outputs[0])[:-1]
    return op.kind in ("view", "cast")


def _finished(draft: Draft, scores: Scores, softmax: Op, ops: list[Op], masks: list[Mask], weights: str) -> Core | None:
    (context,) = draft.readers(weights)
    biased = any(context.inputs[2:3])
    if context.inputs[0] != weights or not _is_product(draft, context) or biased or context.attr("trans_a", 0):
        return None
    unique = tuple({op.name: op for op in ops}.values())
    every = {**dict(masks), **dict(scores.masks)}
    ordered = tuple((name, every[name]) for name in dict.fromkeys(n for n, _ in (*scores.masks, *masks)))
    return Core(scores, softmax, unique, context, ordered)
