"""Dim expressions such as `past_seq + 1` or `Max(1, s0//2)`: parsed, evaluated, and solved for one open name."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor

Number = Fraction

_NAME = re.compile(r"[A-Za-z_][\w.]*")
_DASHED = re.compile(r"[A-Za-z_][\w.]*([-/][A-Za-z_][\w.]*)+")
_PLACE = re.compile(r"v[0-9]+")
_MAX_LENGTH = 500
_MAX_EXPONENT = 4
_MAX_MAGNITUDE = 2**200
"""Beyond any tensor; keeps nested powers from growing without end."""

_FUNCTIONS: dict[str, Callable[..., Number]] = {
    "Max": max,
    "Min": min,
    "max": max,
    "min": min,
    "floor": lambda a: Fraction(floor(a)),
    "ceiling": lambda a: Fraction(ceil(a)),
    "ceil": lambda a: Fraction(ceil(a)),
    "Abs": abs,
    "abs": abs,
    "FloorDiv": lambda a, b: Fraction(a // b),
    "CleanDiv": lambda a, b: Fraction(a // b),
    "CeilDiv": lambda a, b: Fraction(-(-a // b)),
    "IntTrueDiv": lambda a, b: a / b,
    "FloatTrueDiv": lambda a, b: a / b,
    "ToFloat": lambda a: a,
    "FloorToInt": lambda a: Fraction(floor(a)),
    "CeilToInt": lambda a: Fraction(ceil(a)),
    "TruncToInt": lambda a: Fraction(int(a)),
    "Mod": lambda a, b: a % b,
    "PythonMod": lambda a, b: a % b,
    "ModularIndexing": lambda a, b, c: (a // b) % c,
}
"""Functions that sympy, torch.export and onnxruntime write into dims."""

_FAILURES = (SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression over names; `tree` calls the i-th name `v<i>`."""

    text: str
    names: tuple[str, ...]
    tree: ast.expr

    @classmethod
    def of_name(cls, name: str) -> Expression:
        """The expression that is one name, whatever characters that has."""
        return cls(name, (name,), ast.Name("v0"))

    def value(self, sizes: Mapping[str, int]) -> Number | None:
        """The value, perhaps no whole number; None where a name has no size or a division is by zero."""
        try:
            return _value(self.tree, [sizes[name] for name in self.names])
        except (KeyError, *_FAILURES):
            return None

    def solve(self, name: str, target: Number, sizes: Mapping[str, int]) -> Number | None:
        """What the open name must be for the expression to be `target`; None where that is not one number."""
        index = self.names.index(name)
        known = [Fraction(sizes.get(n, 0)) for n in self.names]
        try:
            found = _invert(self.tree, index, target, known)
        except _FAILURES:
            return None
        return found

    def with_sizes(self, sizes: Mapping[str, int]) -> str:
        """The text with the known sizes after their names, for messages: `past 3 + seq 1`."""
        if self.text in self.names:
            return f"{self.text} {sizes[self.text]}" if self.text in sizes else self.text
        return _NAME.sub(lambda m: f"{m[0]} {sizes[m[0]]}" if m[0] in sizes else m[0], self.text)


def names_in(text: str) -> tuple[str, ...]:
    """The names that an expression mentions, each once; functions are none."""
    found = (m[0] for m in _NAME.finditer(text) if not _is_call(text, m))
    return tuple(dict.fromkeys(found))


def is_name(text: str) -> bool:
    """Whether the text is one plain name."""
    return _NAME.fullmatch(text) is not None


def could_be_name(text: str) -> bool:
    """Whether the text reads as a name just as well: `seq-len`, `encoder/length`."""
    return is_name(text) or _DASHED.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression | None:
    """The expression in the text; None if it is none."""
    if len(text) > _MAX_LENGTH:
        return None
    names = names_in(text)
    places = {name: f"v{i}" for i, name in enumerate(names)}
    plain = _NAME.sub(lambda m: m[0] if _is_call(text, m) else places[m[0]], text)
    try:
        tree = ast.parse(plain.strip(), mode="eval").body
        return Expression(text, names, tree) if _is_arithmetic(tree) else None
    except _FAILURES:
        return None


def evaluate(text: str, sizes: Mapping[str, int]) -> int | None:
    """The expression's value; None if it is none, a name has no size, or the value is not whole."""
    if text in sizes:
        return sizes[text]
    expression = parse(text)
    value = None if expression is None else expression.value(sizes)
    return int(value) if value is not None and value.denominator == 1 else None


def _is_call(text: str, found: re.Match[str]) -> bool:
    return found[0] in _FUNCTIONS and text[found.end() :].lstrip().startswith("(")


def _is_arithmetic(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool()):
            return False
        case ast.Constant(value=int() | float()):
            return True
        case ast.Name(id=place):
            return _PLACE.fullmatch(place) is not None
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _is_arithmetic(operand)
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.FloorDiv() | ast.Mod() | ast.Pow()):
            return _is_arithmetic(node.left) and _is_arithmetic(node.right)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return name in _FUNCTIONS and bool(args) and all(_is_arithmetic(a) for a in args)
    return False


def _value(node: ast.expr, sizes: list[int]) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number):
            return _bounded(Fraction(str(number)))
        case ast.Name(id=place):
            return Fraction(sizes[int(place[1:])])
        case ast.UnaryOp(op=operator, operand=operand):
            value = _value(operand, sizes)
            return -value if isinstance(operator, ast.USub) else value
        case ast.BinOp(left=left, op=operator, right=right):
            return _bounded(_apply(operator, _value(left, sizes), _value(right, sizes)))
        case ast.Call(func=ast.Name(id=name), args=args):
            return _bounded(_FUNCTIONS[name](*(_value(a, sizes) for a in args)))
    raise ValueError("not an expression")


def _apply(operator: ast.operator, a: Number, b: Number) -> Number:
    match operator:
        case ast.Add():
            return a + b
        case ast.Sub():
            return a - b
        case ast.Mult():
            return a * b
        case ast.Div():
            return a / b
        case ast.FloorDiv():
            return Fraction(a // b)
        case ast.Mod():
            return a % b
        case ast.Pow() if b in range(_MAX_EXPONENT + 1):
            return Fraction(a ** int(b))
    raise ValueError("not an operator of expressions")


def _bounded(value: Number) -> Number:
    if max(abs(value.numerator), value.denominator) > _MAX_MAGNITUDE:
        raise OverflowError("beyond any size")
    return value


def _invert(node: ast.expr, index: int, target: Number, known: list[Number]) -> Number | None:
    """The value of the open name in a tree that mentions it once, through operations with one inverse."""
    sizes = [int(k) for k in known]
    match node:
        case ast.Name():
            return target
        case ast.UnaryOp(op=operator, operand=operand):
            return _invert(operand, index, -target if isinstance(operator, ast.USub) else target, known)
        case ast.BinOp(left=left, op=operator, right=right):
            in_left, in_right = _mentions(left, index), _mentions(right, index)
            if in_left and in_right:
                return None
            other = _value(right if in_left else left, sizes)
            inner = _undo(operator, target, other, in_left)
            return None if inner is None else _invert(left if in_left else right, index, inner, known)
        case ast.Call(func=ast.Name(id="Max" | "max" | "Min" | "min" as name), args=args):
            inside = [a for a in args if _mentions(a, index)]
            others = [_value(a, sizes) for a in args if not _mentions(a, index)]
            if len(inside) == 1 and all(target > o if name.lower() == "max" else target < o for o in others):
                return _invert(inside[0], index, target, known)
    return None


def _undo(operator: ast.operator, target: Number, other: Number, in_left: bool) -> Number | None:
    """The operand that makes `operand op other` (or `other op operand`) the target."""
    match operator:
        case ast.Add():
            return target - other
        case ast.Sub():
            return target + other if in_left else other - target
        case ast.Mult() if other:
            return target / other
        case ast.Div() if in_left and other:
            return target * other
    return None


def _mentions(node: ast.expr, index: int) -> bool:
    return any(isinstance(n, ast.Name) and n.id == f"v{index}" for n in ast.walk(node))
