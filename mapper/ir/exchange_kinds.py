"""Kinds of ops in which the ranks of a group exchange tensors: the graph is that of one rank, all ranks are alike."""

from __future__ import annotations

from math import prod

from mapper.ir.kind import Dims, Kind, OpView, Shapes


def _dims(view: OpView) -> Dims:
    """The elements of the whole tensor: what a rank holds before a reduction and after a gathering."""
    whole = max(map(prod, (*view.inputs[:1], *view.outputs[:1])), default=0)
    return (("elements", whole), ("flops", 0), ("ranks", view.size("ranks")))


def _same(view: OpView) -> Shapes | None:
    return (view.inputs[0],)


def _gathered(view: OpView) -> Shapes | None:
    return (_along(view, view.inputs[0], view.size("ranks"), 1),)


def _scattered(view: OpView) -> Shapes | None:
    return (_along(view, view.inputs[0], 1, view.size("ranks")),)


def _along(view: OpView, shape: tuple[int, ...], times: int, parts: int) -> tuple[int, ...]:
    """The shape with its size along `axis` multiplied and divided; raises ValueError where it does not divide."""
    axis = view.size("axis", 0)
    if not 0 <= axis < len(shape):
        raise ValueError(f"axis {axis} is not one of {len(shape)} dims")
    if shape[axis] * times % parts:
        raise ValueError(f"{parts} ranks do not divide a size of {shape[axis]}")
    return (*shape[:axis], shape[axis] * times // parts, *shape[axis + 1 :])


EXCHANGE_KINDS: dict[str, Kind] = {
    k.name: k
    for k in (
        Kind("all_reduce", "sum over the tensors of all ranks, which all of them get", _dims, _same),
        Kind("all_gather", "the tensors of all ranks one after the other along `axis`", _dims, _gathered),
        Kind("reduce_scatter", "sum over all ranks, of which each gets a part along `axis`", _dims, _scattered),
        Kind("all_to_all", "each rank hands every other one a part of its tensor", _dims, _same),
    )
}
"""Their attributes: ranks, and the axis of what is gathered or scattered. `mapper.hw.collective` prices them."""
