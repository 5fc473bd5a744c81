"""Einsum equations: which are a plain matrix product, and what the others come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class Equation:
    """An Einsum equation with a letter for each dim: ellipses are spelled out in capitals of their own."""

    terms: tuple[str, ...]
    out: str

    @classmethod
    def of(cls, text: str, ranks: Sequence[int]) -> Equation:
        """The equation for operands of these ranks; ValueError if it does not fit them."""
        left, arrow, right = "".join(text.split()).partition("->")
        written = left.split(",")
        if len(written) != len(ranks):
            raise ValueError(f"equation '{text}' has {len(written)} operands, the node {len(ranks)}")
        hidden = max((rank - len(t) + 3 for t, rank in zip(written, ranks, strict=True) if "..." in t), default=0)
        spare = [letter for letter in _SPARE if letter not in text][:hidden]
        terms = []
        for term, rank in zip(written, ranks, strict=True):
            count = rank - len(term) + 3 if "..." in term else 0
            spelled = term.replace("...", "".join(spare[hidden - count :])) if count >= 0 else term
            if len(spelled) != rank:
                raise ValueError(f"equation '{text}' does not fit an operand of {rank} dims")
            terms.append(spelled)
        if not arrow:
            every = "".join(terms)
            once = sorted(c for c in set(every) if every.count(c) == 1 and c not in spare)
            return cls(tuple(terms), "".join(spare) + "".join(once))
        return cls(tuple(terms), right.replace("...", "".join(spare)))


_SPARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Contraction:
    """Two operands of an equation as a batched matrix product: which letters are its batch, rows, columns, depth."""

    batch: str
    m: str
    n: str
    k: str

    @classmethod
    def of(cls, left: str, right: str, kept: str) -> Contraction:
        """The product of two terms of which the letters `kept` remain; letters of one term alone are summed before."""
        both = [c for c in dict.fromkeys(left) if c in right]
        return cls(
            "".join(c for c in both if c in kept),
            "".join(c for c in dict.fromkeys(left) if c not in right and c in kept),
            "".join(c for c in dict.fromkeys(right) if c not in left and c in kept),
            "".join(c for c in both if c not in kept),
        )
