"""Einsum equations that are a matrix product."""

from __future__ import annotations


def as_matmul(equation: str) -> tuple[int, int] | None:
    """Whether to transpose the left and the right operand of the equivalent matmul; None if there is none.

    Both operands end in their two matrix dims; the right one has all leading dims of the result or none.
    """
    left, comma, rest = "".join(equation.split()).replace("...", "@").partition(",")
    right, arrow, out = rest.partition("->")
    if not comma or not arrow or len(out) < 2 or "," in right:
        return None
    batch, row, column = out[:-2], out[-2], out[-1]
    for trans_a in (0, 1):
        inner = left[-2] if trans_a and len(left) > 1 else left[-1:]
        if left != batch + (inner + row if trans_a else row + inner) or inner in out or not inner:
            continue
        for trans_b in (0, 1):
            ending = column + inner if trans_b else inner + column
            if right in (batch + ending, ending):
                return trans_a, trans_b
    return None
