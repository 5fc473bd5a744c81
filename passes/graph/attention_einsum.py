"""Products written as Einsum equations, spelled out in transposes and a matmul so that attention shows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mapper.hw.work import Role
from mapper.ir.graph import Attr, Op, Value
from passes.graph.attention_core import DEPTH
from passes.graph.draft import Draft


@dataclass
class Spelled:
    """The products of a draft that are spelled out for a while; `restore` takes back those that nothing took over."""

    draft: Draft
    originals: list[tuple[Op, str, tuple[Op, ...]]] = field(default_factory=list)

    def spell(self, op: Op) -> None:
        """Puts transposes, a matmul and a transpose in the place of a product of two operands with an equation."""
        order = _order(self.draft, op)
        if order is None:
            return
        place, made = self.draft.place(op), list[Op]()
        self.draft.drop(op)
        sides = [_arranged(self.draft, op, i, order, made, place) for i in (0, 1)]
        product = replace(op, inputs=tuple(sides), attrs=(("op_type", "MatMul"), *_kept(op)))
        shape = tuple(order.sizes[c] for c in order.result)
        if order.result != order.out:
            inner = f"{op.outputs[0]}.product"
            self.draft.add_value(Value(inner, shape, self.draft.values[op.outputs[0]].dtype, Role.ACTIVATION))
            perm = tuple(order.result.index(c) for c in order.out)
            product = replace(product, outputs=(inner,))
            made.append(_moved(op, "result", inner, op.outputs[0], perm))
        self.draft.put(product, place)
        if product.outputs != op.outputs:
            self.draft.put(made[-1], place)
        self.originals.append((op, product.outputs[0], tuple(made)))

    def restore(self) -> None:
        """Products that are still there get their equation back."""
        for op, result, made in self.originals:
            maker = self.draft.maker(result)
            if maker is None or maker.name != op.name or maker.kind != "matmul":
                continue
            place = self.draft.place(maker)
            for other in (maker, *(o for o in made if op.outputs[0] in o.outputs and self.draft.has(o))):
                self.draft.drop(other)
            self.draft.put(op, place)
            self.draft.prune(made)


@dataclass(frozen=True)
class _Order:
    """How the letters of an equation make a matmul. sides: which operand is left. result: the matmul's own order."""

    terms: tuple[str, str]
    out: str
    sides: tuple[int, int]
    wanted: tuple[str, str]
    result: str
    sizes: dict[str, int | str]


def _order(draft: Draft, op: Op) -> _Order | None:
    """The matmul that an equation comes to, if each side has one letter for its own matrix dim and one is summed.

    Further letters of the left side alone are batch dims that the right side is broadcast along.
    """
    equation = op.attr("equation")
    if op.kind != "matmul" or not isinstance(equation, str) or len(op.inputs) != 2:
        return None
    left, right, out = (*equation.partition("->")[0].split(","), equation.partition("->")[2])
    sizes: dict[str, int | str] = {}
    for term, name in ((left, op.inputs[0]), (right, op.inputs[1])):
        if draft.values[name].role is Role.WEIGHT or len(set(term)) != len(term) or len(out) < 2:
            return None
        if any(sizes.setdefault(c, size) != size for c, size in zip(term, draft.shape(name), strict=True)):
            return None  # a dim of one that is stretched
    swapped = out[-1] in left and out[-1] not in right
    a, b = (right, left) if swapped else (left, right)
    summed = [c for c in a if c not in out]
    rows, columns = [c for c in a if c in out and c not in b], [c for c in b if c in out and c not in a]
    if len(summed) != 1 or any(c not in out and c not in a for c in b) or summed[0] not in b:
        return None
    if len(columns) != 1 or not rows:
        return None
    row = out[-2] if out[-2] in rows and not _follows_softmax(draft, op.inputs[swapped]) else rows[-1]
    inner = (row, columns[0])
    natural = tuple(out[-2:]) == inner
    batch = [c for c in (out if natural else a) if c in a and c in out and c not in inner]
    result = "".join(batch) + row + columns[0]
    wanted = ("".join(batch) + row + summed[0], "".join(batch) + summed[0] + columns[0])
    return _Order((left, right), out, (1, 0) if swapped else (0, 1), wanted, result, sizes)


def _follows_softmax(draft: Draft, value: str) -> bool:
    """Whether a value is a softmax's result, masked or guarded or not: rows are its last axis but one."""
    for _ in range(DEPTH):
        op = draft.maker(value)
        if op is None or op.kind == "softmax" or op.kind not in ("elementwise", "cast"):
            return op is not None and op.kind == "softmax"
        value = op.inputs[0]
    return False


def _kept(op: Op) -> tuple[tuple[str, Attr], ...]:
    return tuple((key, value) for key, value in op.attrs if key in ("arithmetic", "quantised"))


def _arranged(draft: Draft, op: Op, side: int, order: _Order, made: list[Op], place: int) -> str:
    """One side of the product with its letters in order; those that it has not become dims of one."""
    which, wanted = order.sides[side], order.wanted[side]
    name, term = op.inputs[which], order.terms[order.sides[side]]
    here = "".join(c for c in wanted if c in term)
    if here != term:
        shape = tuple(order.sizes[c] for c in here)
        turned = _named(draft, name, f"{op.name}.{which}.turned", shape)
        made.append(_moved(op, f"{which}.turn", name, turned, tuple(term.index(c) for c in here)))
        draft.put(made[-1], place)
        name = turned
    if here != wanted:
        shape = tuple(order.sizes[c] if c in term else 1 for c in wanted)
        widened = _named(draft, name, f"{op.name}.{which}.widened", shape)
        made.append(Op(f"{op.name}.{which}.widen", "view", (name,), (widened,), (), op.origin))
        draft.put(made[-1], place)
        name = widened
    return name


def _named(draft: Draft, like: str, name: str, shape: tuple[int | str, ...]) -> str:
    return draft.add_value(Value(name, shape, draft.values[like].dtype, Role.ACTIVATION))


def _moved(op: Op, suffix: str, source: str, result: str, perm: tuple[int, ...]) -> Op:
    attrs = (("op_type", "Transpose"), ("perm", perm))
    return Op(f"{op.name}.{suffix}", "move", (source,), (result,), attrs, op.origin)
