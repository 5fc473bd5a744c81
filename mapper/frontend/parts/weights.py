"""Which weights of two files are the same: by what they hold, by name, by their place in equal structures."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mapper.errors import ModelError
from mapper.hw.work import DType, Role
from mapper.ir.graph import Graph, Value, static_elements

_MADE_UP = re.compile(
    r"^(onnx::|val_|_val_|/|const(ant)?_|\d+$|_to_copy|unsqueeze|embedding$)|_output_\d+$", re.IGNORECASE
)
"""Names that an exporter counts up: they name different weights in different files."""

_NO_PARAMETERS = frozenset({DType.I64, DType.I32, DType.BOOL, DType.STRING})


@dataclass(frozen=True)
class Match:
    """Weights of a later file that are weights of an earlier one, by name, and how many were found in which way."""

    same: Mapping[str, str]
    ways: Mapping[str, int] = field(default_factory=dict)


def match_weights(
    earlier: Graph, later: Graph, before: Mapping[str, str], after: Mapping[str, str], *, one_model: bool
) -> Match:
    """The weights of `later` that `earlier` holds too.

    before, after: digests of what weights hold, where that is known. Equal digests decide; different ones forbid. Then
    names count: of all weights where both files are of one model (one continues the other's states), else only of
    tables of words, which an encoder and a decoder may share. Last, in files of one model, weights of a shape and use
    that both have equally often, in the order of their use. Raises ModelError for one name with two shapes.
    """
    pool, wanted = _weights(earlier), _weights(later)
    found: dict[str, str] = {}
    ways: dict[str, int] = {}
    by_digest = {digest: name for name, digest in reversed(list(before.items())) if name in pool}

    def take(name: str, other: str, way: str) -> None:
        found[name] = other
        ways[way] = ways.get(way, 0) + 1

    for name in wanted:
        other = by_digest.get(after.get(name, ""))
        if other is not None and _fits(pool[other], wanted[name]):
            take(name, other, "content")
    for name, value in wanted.items():
        if name in found or name not in pool or not (one_model or _is_table(earlier, later, name)):
            continue
        if _differ(before, after, name, name) or _MADE_UP.search(name):
            continue
        if not _fits(pool[name], value):
            if one_model and len(value.shape) > 1:
                raise _two_shapes(earlier, later, name)
            continue
        take(name, name, "name")
    if one_model:
        for name, other in _by_position(earlier, later, pool, wanted, found):
            if not _differ(before, after, other, name):
                take(name, other, "position")
    return Match(found, ways)


def _weights(graph: Graph) -> dict[str, Value]:
    """The parameters that ops read, in the order of their first use."""
    names = dict.fromkeys(n for op in graph.ops for n in op.inputs if n)
    values = (graph.value[n] for n in names)
    return {
        v.name: v for v in values if v.role is Role.WEIGHT and v.dtype not in _NO_PARAMETERS and static_elements(v) > 1
    }


def _fits(one: Value, other: Value) -> bool:
    return (one.shape, one.dtype) == (other.shape, other.dtype)


def _differ(before: Mapping[str, str], after: Mapping[str, str], one: str, other: str) -> bool:
    """Whether both hold numbers that are known, and not the same."""
    return one in before and other in after and before[one] != after[other]


def _is_table(earlier: Graph, later: Graph, name: str) -> bool:
    return all(any(op.kind == "embedding" for op in graph.users.get(name, ())) for graph in (earlier, later))


def _two_shapes(earlier: Graph, later: Graph, name: str) -> ModelError:
    one, other = earlier.value[name], later.value[name]
    return ModelError(
        f"weight '{name}' is {list(one.shape)} of {one.dtype} in {earlier.name}, {list(other.shape)} of {other.dtype} "
        f"in {later.name}",
        hint="files of one model hold the same weights: export both from one, or compile them as two with --mix",
    )


def _by_position(
    earlier: Graph, later: Graph, pool: Mapping[str, Value], wanted: Mapping[str, Value], found: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Weights without a partner, paired in order of use where shape, type and use leave as many in both files."""
    taken = set(found.values())
    left, right = _grouped(earlier, pool, taken), _grouped(later, wanted, set(found))
    return [
        (name, other)
        for key, names in right.items()
        if len(names) == len(left.get(key, ()))
        for name, other in zip(names, left[key], strict=True)
    ]


def _grouped(graph: Graph, weights: Mapping[str, Value], without: set[str]) -> dict[object, Sequence[str]]:
    found: dict[object, list[str]] = defaultdict(list)
    for name, value in weights.items():
        if name not in without and static_elements(value) >= _LEAST:
            found[value.shape, value.dtype, graph.users[name][0].kind].append(name)
    return dict(found)


_LEAST = 64
"""Elements of a weight that is worth a partner by position: smaller constants are no parameters."""
