"""Products with a stack of expert matrices: how many are used, the sizes of such a product, the stack as stored."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from mapper.hw.work import Operand, Work
from mapper.ir.kind import Dims, OpView


def expected_experts(experts: int, picked: int, tokens: int) -> int:
    """How many distinct of `experts` are expected where each of `tokens` picks `picked` of them, evenly spread.

    E (1 - (1 - k/E)^tokens), rounded, at least one and as many as one token picks.
    """
    if experts <= 0 or tokens <= 0:
        return 0
    share = min(1.0, picked / experts)
    return max(1, min(picked, experts), round(experts * (1 - (1 - share) ** tokens)))


def expert_dims(view: OpView, n: int, k: int) -> Dims:
    """A product of rows with the matrices of their experts: as many equal groups of rows as about `active` of them.

    MACs count every row once; groups divide the rows evenly, so their number is the divisor nearest to `active`.
    """
    rows, experts = prod(view.outputs[0] if view.outputs else ()) // max(n, 1), view.size("experts")
    active = min(experts, view.size("active", 0) or expected_experts(experts, view.size("picked"), _tokens(view, rows)))
    groups = min((d for d in range(1, experts + 1) if rows % d == 0), key=lambda d: abs(d - active), default=1)
    sizes = {"batch": groups, "m": rows // groups, "n": n, "k": k, "experts": experts, "active": active}
    return tuple(sizes.items())


def _tokens(view: OpView, rows: int) -> int:
    return -(-rows // max(1, view.size("picked")))


def used_of_stack(stack: Operand, experts: int, active: int) -> Operand:
    """What a product reads of the stack: the matrices of the experts that some row goes to."""
    return replace(stack, elements=stack.elements // max(experts, 1) * active)


def whole_stack(work: Work, stack: Operand | None) -> Work:
    """Work with some experts of a stack as work with all of them: what storing them takes.

    stack: the operand of `work` that is it, None where the stack is no weight.
    """
    experts, active = work.dim("experts", 0), work.dim("active")
    if not experts or stack is None:
        return work
    whole = replace(stack, elements=stack.elements // max(active, 1) * experts)
    dims = tuple((name, {"batch": experts, "m": 1, "active": experts}.get(name, size)) for name, size in work.dims)
    return replace(work, dims=dims, inputs=tuple(whole if o is stack else o for o in work.inputs))
