from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

from mapper.emit.shards.layouts import WHOLE, Lay, Split, even
from mapper.emit.shards.program import RULES
from mapper.emit.shards.rules import Answer, Asked, Division
from mapper.emit.shards.sizes import PhaseFacts, Sizes

SHAPES: Mapping[str, Sizes] = {"x": (2, 6, 8), "image": (2, 6, 8, 8), "skip": (6, 8), "one": (1, 6, 8), "w": (8,)}


class Facts(PhaseFacts):
    """Shapes of operands as SHAPES says, of results that of the first operand; numbers of some operands."""

    def __init__(self, proto: onnx.NodeProto, numbers: Mapping[str, Any]) -> None:
        self.anatomy: Any = SimpleNamespace(model=onnx.helper.make_model(onnx.GraphProto()))
        self._numbers = numbers
        self._shapes = {**SHAPES, **dict.fromkeys(proto.output, SHAPES[proto.input[0]])}

    def shape(self, name: str) -> Sizes | None:
        return self._shapes.get(name)

    def numbers(self, name: str) -> Any:
        return self._numbers.get(name)


def asked(
    kind: str,
    inputs: Sequence[str],
    lays: Mapping[int, Lay],
    outputs: Sequence[str] = ("y",),
    numbers: Mapping[str, Any] | None = None,
    **attributes: Any,
) -> Answer:
    """What the rule of an operator answers two ranks."""
    proto = onnx.helper.make_node(kind, inputs, outputs, **attributes)
    held = tuple(lays.get(i, WHOLE) for i in range(len(inputs)))
    return RULES[kind](Asked(proto, held, Facts(proto, numbers or {}), 2))


def wants(answer: Answer) -> tuple[Lay, ...]:
    assert isinstance(answer, Division), answer
    return answer.wants


FIRST, SECOND = Split(0, even(2, 2)), Split(1, even(6, 2))


def test_a_resize_by_factors_is_divided_by_images_and_one_to_stated_sizes_is_not() -> None:
    assert wants(asked("Resize", ["image", "", "scales"], {0: FIRST}))[0] == FIRST
    assert asked("Resize", ["image", "", "", "sizes"], {0: FIRST}) == "it states the sizes of the whole"


def test_a_pool_that_also_says_where_its_maxima_lie_is_not_divided() -> None:
    assert wants(asked("MaxPool", ["image"], {0: SECOND}, kernel_shape=[2, 2])) == (SECOND,)
    assert wants(asked("MaxPool", ["image"], {0: SECOND}, ["y", ""], kernel_shape=[2, 2])) == (SECOND,)
    assert asked("MaxPool", ["image"], {0: SECOND}, ["y", "i"], kernel_shape=[2, 2]) == (
        "its second result counts places in the whole"
    )


def test_a_sum_along_no_stated_axes_is_one_along_all() -> None:
    known = {"some": np.array([2]), "none": np.zeros(0, np.int64)}
    assert wants(asked("ReduceSum", ["x", "some"], {0: SECOND}, numbers=known))[0] == SECOND
    assert isinstance(asked("ReduceSum", ["x", "none"], {0: SECOND}, numbers=known), str)


@pytest.mark.parametrize(
    ("skip", "lay", "want"),
    [("skip", SECOND, Split(0, SECOND.ranges)), ("one", SECOND, SECOND), ("one", FIRST, WHOLE), ("skip", FIRST, WHOLE)],
)
def test_a_skip_that_is_broadcast_is_cut_along_the_axes_that_it_has(skip: str, lay: Split, want: Lay) -> None:
    assert wants(asked("SkipLayerNormalization", ["x", skip, "w"], {0: lay})) == (lay, want, WHOLE)


def test_a_skip_that_is_divided_divides_the_norm_along_its_own_axis() -> None:
    found = asked("SkipLayerNormalization", ["x", "skip", "w"], {1: Split(0, SECOND.ranges)})
    assert wants(found) == (SECOND, Split(0, SECOND.ranges), WHOLE)


def test_a_cut_along_the_divided_axis_is_cut_again_by_each_rank() -> None:
    known = {"from": np.array([1]), "to": np.array([5]), "axis": np.array([1])}
    found = asked("Slice", ["x", "from", "to", "axis"], {0: SECOND}, numbers=known)
    assert isinstance(found, Division)
    assert found.leaves == (Split(1, (((0, 2),), ((2, 4),))),)
    assert [[array.tolist() for array in found.fixed[i]] for i in (1, 2)] == [[[1], [0]], [[3], [2]]]
