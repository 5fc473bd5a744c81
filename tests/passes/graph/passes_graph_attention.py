"""What fused attention and fused rotations mean, by numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapper.ir.graph import Op

Array = NDArray[Any]
Shape = tuple[int, ...]


def rope(op: Op, x: Array, cos: Array, sin: Array) -> Array:
    """x cos + rotate(x) sin; tables of half a row's width hold for both halves, or for both of a pair."""
    first, width = number(op, "first_row", 0), number(op, "rotary_dim", x.shape[-1])
    rows = x[..., first:, :width]
    paired = bool(op.attr("interleaved", 0))
    a, b = (rows[..., ::2], rows[..., 1::2]) if paired else np.split(rows, 2, -1)
    turned = np.stack([-b, a], -1).reshape(rows.shape) if paired else np.concatenate([-b, a], -1)
    tables = [_widened(t, width, paired) for t in (cos, sin)]
    done = rows * tables[0] + turned * tables[1]
    found = x.copy()
    found[..., first:, :width] = done
    return found


def _widened(table: Array, width: int, paired: bool) -> Array:
    if table.shape[-1] == width:
        return table
    return np.repeat(table, 2, -1) if paired else np.concatenate([table, table], -1)


def attention(op: Op, given: Sequence[Array | None], after: Sequence[Shape]) -> list[Array]:
    """The context, and the keys and values with what was computed before, from the op's attributes alone.

    Causal masks and windows are applied whether or not a mask among the inputs hides the same keys.
    """
    batch, heads, kv_heads, queries, keys, width, v_width = (
        number(op, n) for n in ("batch", "heads", "kv_heads", "q", "kv", "head_dim", "v_dim")
    )
    data = [x for x in given[:3] if x is not None]
    if data[0] is data[1] is data[2]:
        data = np.split(data[0], [heads * width, (heads + kv_heads) * width], -1)
    pasts = (*given[3:5], None, None)[:2]
    query = by_heads(data[0], batch, heads, width)
    key, value = (
        np.concatenate([by_heads(past, batch, kv_heads, w), new], 2) if past is not None else new
        for past, new, w in zip(
            pasts, (by_heads(x, batch, kv_heads, w) for x, w in zip(data[1:], (width, v_width), strict=True)),
            (width, v_width), strict=True,
        )
    )  # fmt: skip
    assert query.shape[2] == queries
    assert key.shape[2] == keys
    wide_key, wide_value = (np.repeat(x, heads // kv_heads, 1) for x in (key, value))
    scores = query @ wide_key.swapaxes(-1, -2) * _real(op, "scale")
    if op.attr("softcap"):
        scores = np.tanh(scores / _real(op, "softcap")) * _real(op, "softcap")
    weights = _weights(op, scores, list(given[5:]))
    context = (weights @ wide_value).swapaxes(1, 2)
    return [_as(x, shape) for x, shape in zip((context, key.swapaxes(1, 2), value.swapaxes(1, 2)), after, strict=False)]


def _weights(op: Op, scores: Array, further: list[Array | None]) -> Array:
    meanings: Any = op.attr("masks", ())
    masks = {m: x for m, x in zip(meanings, further, strict=False) if x is not None}
    ahead = np.arange(scores.shape[-1]) - np.arange(scores.shape[-2])[:, None] - scores.shape[-1] + scores.shape[-2]
    for meaning, mask in masks.items():
        match meaning:
            case "add":
                scores = scores + mask
            case "scale":
                scores = scores * mask
            case "keep":
                scores = np.where(mask != 0, scores, -np.inf)
            case "drop":
                scores = np.where(mask != 0, -np.inf, scores)
    window = number(op, "window", 0)
    if op.attr("causal"):
        scores = np.where(ahead > 0, -np.inf, scores)
        scores = np.where(ahead <= -window, -np.inf, scores) if window else scores
    elif window:
        scores = np.where(np.abs(ahead) > window // 2, -np.inf, scores)
    if op.attr("sink"):
        sink = further[len(meanings)]
        assert sink is not None
        scores = np.concatenate([scores, np.broadcast_to(sink, (*scores.shape[:-1], 1))], -1)
    grown = np.exp(scores - scores.max(-1, keepdims=True))
    found = grown / grown.sum(-1, keepdims=True)
    found = found[..., :-1] if op.attr("sink") else found
    return np.asarray(found * masks["weights"] if "weights" in masks else found)


def by_heads(x: Array, batch: int, heads: int, width: int) -> Array:
    """The operand as [batch, heads, positions, width], from whatever layout it has."""
    if x.ndim == 4 and x.shape[1] == heads and x.shape[3] == width:
        return x
    return x.reshape(batch, -1, heads, width).swapaxes(1, 2)


def _as(x: Array, shape: Shape) -> Array:
    """[batch, positions, heads, width] in the shape in which it leaves the op."""
    if x.ndim == len(shape) and x.swapaxes(1, 2).shape == shape:
        return x.swapaxes(1, 2)
    return x.reshape(shape)


def number(op: Op, name: str, default: int | None = None) -> int:
    """An attribute that is a whole number."""
    found = op.attr(name, default)
    assert isinstance(found, int), (name, found)
    return found


def _real(op: Op, name: str) -> float:
    found = op.attr(name)
    assert isinstance(found, float), (name, found)
    return found
