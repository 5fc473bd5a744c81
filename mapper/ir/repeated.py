"""Tables with repeated stretches, as JSON data: a pattern and its instances in place of the rows of every layer.

The rows of layer 17 are those of layer 0 with other numbers. So of equal blocks of rows only the first is kept, with
every number that varies: `vary` lists [row, k, step] where the k-th number in the row's text grows by `step` from block
to block, or [row, k, [a number for each block]] where it does not. Nothing is lost: what was folded unfolds to the same
rows. Numbers with a point or leading zeros are text and never vary.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import count, pairwise
from typing import Any

from mapper.ir.codec import DataError

_NUMBER = re.compile(r"(?<!\d)(?<!\d\.)(?:0|[1-9]\d*)(?!\d)(?!\.\d)")

_FEWEST = 3
"""Blocks of a stretch at least: two are no pattern."""

_STRETCHES = 64
"""Stretches of one table at most."""

_MOST = 10**6
"""Blocks of a stretch at most, and numbers of a block: a text cannot unfold to more than memory holds."""


def line(value: Any) -> str:
    """A value as one line of JSON."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def folded(rows: Sequence[Any]) -> list[Any]:
    """The rows with every repeated stretch as one element, where that is shorter."""
    if len(rows) < _FEWEST or not isinstance(rows[0], dict | list):
        return list(rows)
    from mapper.ir.runs import runs  # rests on numpy, which no reader of plans needs

    texts = [line(row) for row in rows]
    found: list[Any] = []
    done = 0
    for run in runs([_NUMBER.sub("0", text) for text in texts], _STRETCHES):
        if run.times < _FEWEST:
            continue
        element = _element(rows, texts, run.start, run.length, run.times)
        if 2 * len(line(element)) > sum(len(text) + 1 for text in texts[run.start : run.end]):
            continue
        found += [*rows[done : run.start], element]
        done = run.end
    return [*found, *rows[done:]]


def _element(rows: Sequence[Any], texts: Sequence[str], start: int, length: int, times: int) -> dict[str, Any]:
    vary: list[list[Any]] = []
    for row in range(length):
        numbers = [list(map(int, _NUMBER.findall(texts[start + i * length + row]))) for i in range(times)]
        for k, values in enumerate(zip(*numbers, strict=True)):
            steps = {b - a for a, b in pairwise(values)}
            if steps != {0}:
                vary.append([row, k, steps.pop() if len(steps) == 1 else list(values)])
    return {"instances": times, "vary": vary, "pattern": list(rows[start : start + length])}


def unfolded(rows: Sequence[Any]) -> list[Any]:
    """The rows that folded ones stand for; DataError tells which element is no such thing."""
    found: list[Any] = []
    for i, row in enumerate(rows):
        if isinstance(row, dict) and "pattern" in row:
            found += _instances(row, f"[{i}]")
        else:
            found.append(row)
    return found


def _instances(element: dict[str, Any], path: str) -> list[Any]:
    times, vary, pattern = (element.get(key) for key in ("instances", "vary", "pattern"))
    fits = isinstance(times, int) and not isinstance(times, bool) and 0 < times <= _MOST
    if not (fits and isinstance(vary, list) and isinstance(pattern, list)):
        raise DataError("expected a pattern with instances (a number) and vary (a list)", path=path)
    assert isinstance(times, int)
    texts = [line(row) for row in pattern]
    numbers = [list(map(int, _NUMBER.findall(text))) for text in texts]
    if times * sum(1 + len(n) for n in numbers) > 100 * _MOST:
        raise DataError(f"{times} instances of {len(pattern)} rows are more than a plan holds", path=path)
    changes = [_change(change, numbers, times, f"{path}.vary[{n}]") for n, change in enumerate(vary)]
    return _filled(texts, changes, times)


def _change(change: Any, numbers: Sequence[Sequence[int]], times: int, path: str) -> tuple[int, int, int | list[int]]:
    match change:
        case [int(row), int(k), values] if 0 <= row < len(numbers) and 0 <= k < len(numbers[row]):
            listed = isinstance(values, list) and len(values) == times and all(_whole(v) and v >= 0 for v in values)
            if listed or (_whole(values) and numbers[row][k] + (times - 1) * values >= 0):
                return row, k, values
    raise DataError(f"expected [row, number, step] or [row, number, {times} whole numbers]", path=path)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _filled(texts: Sequence[str], changes: Sequence[tuple[int, int, int | list[int]]], times: int) -> list[Any]:
    """The rows of all instances: the texts with the numbers that change replaced."""
    parts: list[str] = []
    first = []  # for each row, where its first number stands among the parts; every second part is a number
    for text in texts:
        first.append(len(parts) + 1)
        numbers, around = _NUMBER.findall(text), _NUMBER.split(text)
        parts += [part for pair in zip(around, numbers, strict=False) for part in pair]
        parts += [around[-1], ","]
    places = [(first[row] + 2 * k, values) for row, k, values in changes]
    columns = [(p, map(str, v if isinstance(v, list) else count(int(parts[p]), v))) for p, v in places]
    blocks: list[str] = []
    for _ in range(times):
        for place, column in columns:
            parts[place] = next(column)
        blocks.append("".join(parts))
    found: list[Any] = json.loads(f"[{''.join(blocks).removesuffix(',')}]")
    return found
