"""Products with matrices that a router picked from a stack read the stack itself: experts of a mixture."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.hw.work import Role
from mapper.ir.graph import Op, Value
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins, with_attrs
from passes.graph.expression import is_weight


@dataclass(frozen=True)
class FuseExperts(Pass):
    """Turns a gather of expert matrices by token and the product with them into one matmul with the whole stack.

    Inputs: rows, stack [experts, k, n] (or [experts, n, k] with trans_b), no bias, the picked indices. Attributes:
    `experts`, `picked` (by each token). Work reads the matrices that are expected to be picked, storage holds all.
    """

    name = "fuse-experts"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        for op in draft.ops():
            if op.kind == "matmul" and draft.has(op) and len(op.inputs) == 2:
                picks = [_picked(draft, n) for n in op.inputs]
                if picks[1] is not None:
                    _replace(draft, op, picks[1])
                elif picks[0] is not None:
                    _turn(draft, op, picks[0])
        return replace(plan, graph=draft.graph())


@dataclass(frozen=True)
class Picked:
    """Matrices gathered from a stack of weights, and whether they are read transposed."""

    stack: str
    index: str
    ops: tuple[Op, ...]
    turned: bool


def _picked(draft: Draft, value: str) -> Picked | None:
    """The gather behind a value, through ops that transpose its matrices, if only one product reads it."""
    ops: list[Op] = []
    turned = False
    while draft.reader(value) is not None and (op := draft.maker(value)) is not None:
        ops.insert(0, op)
        if op.kind in ("gather", "embedding"):
            stack, rank = op.inputs[0], len(draft.shape(op.inputs[0]))
            first = op.attr("axis", 0) == 0 and not op.attr("batch_dims", 0) and _is_matrices(draft, op)
            picks = rank == 3 and is_weight(draft, stack) and first and op.attr("op_type") in ("Gather", "GatherND")
            return Picked(stack, op.inputs[1], tuple(ops), turned) if picks else None
        if _turns_matrices(op):
            turned = not turned
        elif op.kind != "view" or draft.shape(op.inputs[0])[-2:] != draft.shape(op.outputs[0])[-2:]:
            return None
        value = op.inputs[0]
    return None


def _turns_matrices(op: Op) -> bool:
    """Whether a transpose exchanges the last two dims alone."""
    perm = op.attr("perm")
    if op.kind != "move" or not isinstance(perm, tuple):
        return False
    rank = len(perm)
    return perm == (*range(rank - 2), rank - 1, rank - 2)


def _is_matrices(draft: Draft, gather: Op) -> bool:
    """Whether whole matrices are gathered, each by one index."""
    stack, made, index = (draft.shape(n) for n in (gather.inputs[0], gather.outputs[0], gather.inputs[1]))
    leading = index[:-1] if gather.attr("op_type") == "GatherND" else index
    return made == (*leading, *stack[1:])


def _replace(draft: Draft, op: Op, found: Picked) -> None:
    """The product with the stack in place of what was gathered from it, on its right."""
    flipped = int(bool(op.attr("trans_b", 0)) != found.turned)
    attrs = with_attrs(op, trans_b=flipped, **_sizes(draft, found))
    merged = origins((*found.ops, op))
    draft.put(replace(op, inputs=(op.inputs[0], found.stack, "", found.index), attrs=attrs, origin=merged))
    draft.prune(found.ops)


def _turn(draft: Draft, op: Op, found: Picked) -> None:
    """A product of gathered matrices with one column each, as that of one row each with the matrices turned."""
    column, result = op.inputs[1], op.outputs[0]
    before, after = draft.shape(column), draft.shape(result)
    if before[-1] != 1 or op.attr("trans_a", 0) or op.attr("trans_b", 0):
        return
    place = draft.place(op)
    row, made = f"{column}.row of {op.name}", f"{result}.row"
    dtype = draft.values[result].dtype
    draft.add_value(Value(row, (*before[:-2], 1, before[-2]), draft.values[column].dtype, Role.ACTIVATION))
    draft.add_value(Value(made, (*after[:-2], 1, after[-2]), dtype, Role.ACTIVATION))
    attrs = with_attrs(op, trans_b=int(not found.turned), **_sizes(draft, found))
    draft.put(Op(f"{op.name}.row", "view", (column,), (row,)), place)
    merged = origins((*found.ops, op))
    draft.put(replace(op, inputs=(row, found.stack, "", found.index), outputs=(made,), attrs=attrs, origin=merged))
    draft.put(Op(f"{op.name}.column", "view", (made,), (result,)), place)
    draft.prune(found.ops)


def _sizes(draft: Draft, found: Picked) -> dict[str, int]:
    """The size of the stack and how many of its matrices each token meets."""
    experts = draft.shape(found.stack)[0]
    assert isinstance(experts, int)
    return {"experts": experts, "picked": _per_token(draft, found.index)}


def _per_token(draft: Draft, index: str) -> int:
    """The number of experts that the router picks for a token: the width of the top-k that the indices come from."""
    for _ in range(8):
        op = draft.maker(index)
        if op is None:
            break
        if op.attr("op_type") == "TopK":
            width = draft.shape(next(filter(None, op.outputs)))[-1]  # its values may be left out
            return width if isinstance(width, int) else 1
        index = next((n for n in op.inputs if n and not is_weight(draft, n)), "")
    return 1
