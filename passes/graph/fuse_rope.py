"""Rotary position embedding spelled out becomes one op."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.ir.graph import Attr, Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins, with_attrs
from passes.graph.rope_parts import Part, joined, part, plain, products, rotated


@dataclass(frozen=True)
class Rope:
    """A rotation of the rows of `rows` by `tables` (cosines, then sines). paired: of neighbours, not of halves."""

    rows: str
    tables: tuple[str, ...]
    paired: bool
    result: str
    ops: tuple[Op, ...]


@dataclass(frozen=True)
class FuseRope(Pass):
    """Turns x cos + rotate(x) sin, in whatever spelling, into one elementwise `rope` of x, cosines and sines.

    Attributes: interleaved where neighbours are rotated, as com.microsoft RotaryEmbedding has it; rotary_dim where
    only the first part of each row is; first_row where rows before it (a class token) are not.
    """

    name = "fuse-rope"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        for op in draft.ops():
            if not draft.has(op):
                continue
            rope = None
            if op.kind == "elementwise" and op.attr("fn") == "add":
                rope = _whole_rows(draft, op)
            elif op.attr("op_type") == "Concat":
                rope = _by_halves(draft, op)
            if rope is not None and _is_closed(draft, rope):
                _replace(draft, op, rope)
        return replace(plan, graph=draft.graph())


def _whole_rows(draft: Draft, add: Op) -> Rope | None:
    """x cos + rotate(x) sin, where rotate(x) is a value of its own."""
    if len(add.inputs) != 2:
        return None
    for left, right in (add.inputs, add.inputs[::-1]):
        for factor, sines, more in products(draft, right):
            turned = rotated(draft, factor)
            if turned is None:
                continue
            for rows, cosines, ops in products(draft, left):
                under, casts = plain(draft, rows)
                if under == turned.whole or rows == turned.whole:
                    tables = (*cosines, *sines)
                    every = (add, *more, *ops, *casts, *turned.ops)
                    return Rope(turned.whole, tables, turned.paired, add.outputs[0], every)
    return None


def _by_halves(draft: Draft, concat: Op) -> Rope | None:
    """(a cos - b sin, b cos + a sin), where a and b are the halves of x, or its even and odd elements."""
    result = concat.outputs[0]
    reader = draft.reader(result)
    if draft.shape(concat.inputs[0])[-1:] == (1,) and reader is not None and reader.kind == "view":
        result = reader.outputs[0]
    pair = joined(draft, result)
    if pair is None:
        return None
    (first, second), paired, ops = pair
    real, imaginary = _terms(draft, first, "sub"), _terms(draft, second, "add")
    if real is None or imaginary is None:
        return None
    (a, cosine, ops_a), (b, sine, ops_b), op = real
    for (c, cosine_c, ops_c), (d, sine_d, ops_d) in ((imaginary[0], imaginary[1]), (imaginary[1], imaginary[0])):
        same = (cosine, sine) == (cosine_c, sine_d) and (a.which, b.which, c.which, d.which) == (0, 1, 1, 0)
        if same and len({p.whole for p in (a, b, c, d)}) == 1 and all(p.paired == paired for p in (a, b, c, d)):
            parts = (x for p in (a, b, c, d) for x in p.ops)
            every = (*ops, op, imaginary[2], *ops_a, *ops_b, *ops_c, *ops_d, *parts)
            return Rope(a.whole, (*cosine, *sine), paired, result, every)
    return None


Term = tuple[Part, tuple[str, ...], tuple[Op, ...]]


def _terms(draft: Draft, value: str, fn: str) -> tuple[Term, Term, Op] | None:
    """The two products of which a value is the sum or the difference."""
    under, _ = plain(draft, value, "view")
    op = draft.maker(under)
    if op is None or op.kind != "elementwise" or op.attr("fn") != fn or len(op.inputs) != 2:
        return None
    left, right = _term(draft, op.inputs[0]), _term(draft, op.inputs[1])
    return None if left is None or right is None else (left, right, op)


def _term(draft: Draft, value: str) -> Term | None:
    """A part of rows times a table."""
    for factor, tables, ops in products(draft, value):
        found = part(draft, factor)
        if found is not None:
            return found, tables, ops
    return None


def _is_closed(draft: Draft, rope: Rope) -> bool:
    inside = {op.name for op in rope.ops}
    made = (value for op in rope.ops for value in op.outputs if value and value != rope.result)
    return all(draft.private(value, inside) for value in made if value != rope.rows)


def _replace(draft: Draft, last: Op, rope: Rope) -> None:
    ops = sorted({op.name: op for op in rope.ops}.values(), key=draft.place)
    attrs: dict[str, Attr] = {"fn": "rope", **({"interleaved": 1} if rope.paired else {})}
    place = max(draft.place(op) for op in ops)
    for op in ops:
        if rope.result in op.outputs:
            draft.drop(op)
    fused = Op(last.name, "elementwise", (rope.rows, *rope.tables), (rope.result,), tuple(attrs.items()), origins(ops))
    draft.put(fused, place)
    draft.prune(ops)
    _take_over_rest(draft, fused)


def _take_over_rest(draft: Draft, rope: Op) -> None:
    """Rows of which only the first part is rotated, or rows before the first that is, become the rotation's own."""
    concat = draft.reader(rope.outputs[0])
    if concat is None or concat.attr("op_type") != "Concat" or len(concat.inputs) != 2:
        return
    rotated_at = concat.inputs.index(rope.outputs[0])
    parts = (rope.inputs[0], concat.inputs[1]) if rotated_at == 0 else (concat.inputs[0], rope.inputs[0])
    first, second = (draft.maker(name) for name in parts)
    if first is None or second is None or first.inputs[:1] != second.inputs[:1] or not first.inputs:
        return
    whole, axis = draft.shape(first.inputs[0]), concat.attr("axis")
    meaning, wanted = ("rotary_dim", 0) if axis == len(whole) - 1 else ("first_row", 1)
    if not isinstance(axis, int) or axis < len(whole) - 2 or rotated_at != wanted:
        return
    size = draft.shape(parts[0])[axis]
    if draft.shape(concat.outputs[0]) != whole or not isinstance(size, int):
        return
    inside = {rope.name, concat.name}
    if not (_starts_at(first, parts[0], 0) and _starts_at(second, parts[1], size)):
        return
    if not all(draft.private(value, inside) for value in parts):
        return
    ops = sorted({op.name: op for op in (first, second, rope, concat)}.values(), key=draft.place)
    changed = replace(rope, inputs=(first.inputs[0], *rope.inputs[1:]), outputs=concat.outputs, origin=origins(ops))
    place = draft.place(concat)
    draft.drop(concat)
    draft.put(replace(changed, attrs=with_attrs(rope, **{meaning: size})), place)
    draft.prune([first, second])


def _starts_at(cut: Op, value: str, start: int) -> bool:
    """Whether a slice, or an output of a split in two, begins at that place."""
    if cut.attr("op_type") == "Split":
        return len(cut.outputs) == 2 and cut.outputs.index(value) == int(start > 0)
    starts, steps = cut.attr("starts"), cut.attr("steps", (1,))
    return cut.attr("op_type") == "Slice" and starts == (start,) and steps == (1,)
