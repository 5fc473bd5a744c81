"""Expected sizes of what text, pictures and searches come to: how many tokens, pixels or steps is data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from mapper.frontend.facts import Fact, Node
from mapper.frontend.inference.rule_parts import I32, I64, U8
from mapper.ir.graph import Shape

Inputs = Sequence[Fact | None]
Typed = tuple[int, Shape]
Found = tuple[str, int, int | None, str, Callable[[int], list[Typed]]]
"""What is counted, the number assumed, the largest possible, why, and the outputs for a number: see `sizes.Size`."""

_TOKENS = 16
_PIXELS = 224


def _data(inputs: Inputs, index: int = 0) -> tuple[int, Shape]:
    fact = inputs[index] if index < len(inputs) else None
    return (0, ()) if fact is None or fact.shape is None else (fact.elem, fact.shape)


def _split(node: Node, inputs: Inputs) -> Found:
    elem, shape = _data(inputs)
    default = f"{_TOKENS} words in a text"
    return "words of the longest text", _TOKENS, None, default, lambda n: [(elem, (*shape, n)), (I64, shape)]


def _tokens(node: Node, inputs: Inputs) -> Found:
    elem, shape = _data(inputs)
    default = f"{_TOKENS} tokens in a text"
    return "tokens of the longest text", _TOKENS, None, default, lambda n: [(elem, (*shape, n))]


def _normalised(node: Node, inputs: Inputs) -> Found:
    elem, shape = _data(inputs)
    most = shape[-1] if shape else 1
    return "texts left after stop words", most, most, "all of them", lambda n: [(elem, (*shape[:-1], n))]


def _picture(node: Node, inputs: Inputs) -> Found:
    channels = 1 if node.attr("pixel_format", "RGB") == "Grayscale" else 3
    default = f"a square of {_PIXELS} pixels"
    return "pixels of each side of the picture", _PIXELS, None, default, lambda n: [(U8, (n, n, channels))]


def _path(node: Node, inputs: Inputs) -> Found:
    _, shape = _data(inputs)
    sides = shape[-2:]
    return "steps of the path", max(sides, default=1), sum(sides), "the least possible", lambda n: [(I32, (2, n))]


def _merged(node: Node, inputs: Inputs) -> Found:
    elem, current = _data(inputs, 1)
    most = prod(current) + prod(_data(inputs, 3)[1])
    return "tokens after the merge", most, most, "the largest possible", lambda n: [(elem, (n,)), (elem, ())]


def _block_bytes(node: Node, inputs: Inputs) -> Found:
    _, shape = _data(inputs)
    rank = (len(shape),)
    count = prod(shape) + prod(shape) // 16
    default = "a byte per element and one per 16"
    return "bytes of the blocks", count, None, default, lambda n: [(U8, (n,)), (I64, rank), (I64, rank)]


TEXT_SIZES: dict[tuple[str, str], Callable[[Node, Inputs], Found]] = {
    ("", "ImageDecoder"): _picture,
    ("", "StringNormalizer"): _normalised,
    ("", "StringSplit"): _split,
    ("com.microsoft", "BifurcationDetector"): _merged,
    ("com.microsoft", "DynamicTimeWarping"): _path,
    ("com.microsoft", "QuantizeBFP"): _block_bytes,
    ("com.microsoft", "Tokenizer"): _tokens,
}
"""By domain and operator."""
