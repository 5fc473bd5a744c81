"""Dim expressions such as `past_seq + 1`: names, whole numbers, + - * // and parentheses, nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][\w.]*")
_MAX_LENGTH = 500


def names_in(text: str) -> tuple[str, ...]:
    """The names that an expression mentions, each once."""
    return tuple(dict.fromkeys(_NAME.findall(text)))


def is_name(text: str) -> bool:
    """Whether the text is one plain name."""
    return _NAME.fullmatch(text) is not None


def evaluate(text: str, sizes: Mapping[str, int]) -> int | None:
    """The expression's value; None if it is none or a name has no size."""
    if text in sizes:
        return sizes[text]
    names = names_in(text)
    if len(text) > _MAX_LENGTH or any(n not in sizes for n in names):
        return None
    places = {name: f"v{i}" for i, name in enumerate(names)}
    try:
        tree = ast.parse(_NAME.sub(lambda m: places[m.group()], text), mode="eval")
        return _value(tree.body, {places[n]: sizes[n] for n in names})
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
        return None


def _value(node: ast.expr, sizes: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return number
        case ast.Name(id=name):
            if name in sizes:
                return sizes[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, sizes)
        case ast.BinOp(left=left, op=operator, right=right):
            a, b = _value(left, sizes), _value(right, sizes)
            match operator:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.FloorDiv():
                    return a // b
    raise ValueError("not an expression over + - * //")
