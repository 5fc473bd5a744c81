"""Einsum in general: operands meet in pairs, each pair a batched matrix product."""

from __future__ import annotations

from math import prod

from mapper.frontend.lowering.composite_parts import Parts, type_of
from mapper.frontend.lowering.einsum import Contraction, Equation
from mapper.frontend.lowering.known import size_of
from mapper.ir.graph import Attr


def _sized(parts: Parts, contraction: Contraction, sizes: dict[str, list[int]]) -> dict[str, Attr]:
    """The sizes of a matmul whose operands lie in another order than numpy's."""
    found: dict[str, Attr] = {}
    samples = range(len(next(iter(sizes.values()), [1])))
    for name in ("batch", "m", "n", "k"):
        letters = getattr(contraction, name)
        found[name] = size_of(parts.store, [prod(sizes[c][i] for c in letters) for i in samples])
    return found


def einsum(parts: Parts) -> None:
    """Einsum: operands meet in pairs from the left, each pair a batched matrix product; one alone is rearranged."""
    node, store = parts.node, parts.store
    shapes = [store.shapes(n) for n in node.inputs]
    equation = Equation.of(node.attr("equation", ""), [len(s[0]) for s in shapes])
    sizes = _letter_sizes(equation, shapes)
    left, data, dtype = equation.terms[0], parts.input(0), type_of(parts, 0)
    if len(equation.terms) == 1:
        _rearrange(parts, equation)
    for index, right in enumerate(equation.terms[1:], start=1):
        later = "".join(equation.terms[index + 1 :]) + equation.out
        last = index == len(equation.terms) - 1
        contraction = Contraction.of(left, right, later)
        kept = equation.out if last else contraction.batch + contraction.m + contraction.n
        suffix = "" if last else f"pair{index}"
        shape = tuple(size_of(store, sizes[c]) for c in kept)
        out = node.outputs[0] if last else parts.between(suffix, shape, dtype)
        operands = (data, parts.input(index))
        if contraction.k:
            spelled: dict[str, Attr] = {"equation": f"{left},{right}->{kept}"}
            parts.add(suffix, "matmul", operands, (out,), **_sized(parts, contraction, sizes), **spelled)
        else:
            parts.add(suffix, "elementwise", operands, (out,), fn="mul", shape="own")
        left, data = kept, out


def _letter_sizes(equation: Equation, shapes: list[list[tuple[int, ...]]]) -> dict[str, list[int]]:
    """The size of each letter at each sample; a dim of 1 is stretched."""
    sizes: dict[str, list[int]] = {}
    for term, samples in zip(equation.terms, shapes, strict=True):
        for place, letter in enumerate(term):
            column = [shape[place] for shape in samples]
            sizes[letter] = [max(a, b) for a, b in zip(sizes.get(letter, column), column, strict=True)]
    return sizes


def _rearrange(parts: Parts, equation: Equation) -> None:
    term, out = equation.terms[0], equation.out
    if sorted(term) == sorted(out):
        parts.add("", "move", parts.inputs(0), parts.node.outputs, perm=tuple(term.index(c) for c in out))
    elif len(set(term)) == len(term):
        axes = tuple(i for i, c in enumerate(term) if c not in out)
        parts.add("", "reduce", parts.inputs(0), parts.node.outputs, axes=axes, keepdims=0)
    else:
        parts.add("", "gather", parts.inputs(0), parts.node.outputs, axis=0)
