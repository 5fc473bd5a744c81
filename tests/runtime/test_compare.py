from __future__ import annotations

from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from folders import OPSET, tensor, two_units
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from mapper.emit.manifest import Part
from mapper.runtime.compare import Comparison, Kept, compared_requests, difference, rounding_bound
from mapper.runtime.program import Part as Phase
from mapper.runtime.run import opened


def array(*numbers: float, dtype: str = "float32") -> np.ndarray:  # type: ignore[type-arg]
    return np.array(numbers, dtype)


@pytest.mark.parametrize("numbers", [(1.0, 2.0), (nan, 1.0), (inf, -inf), ()])
def test_equal_results_are_exact(numbers: tuple[float, ...]) -> None:
    assert difference(array(*numbers), array(*numbers)) == (True, 0.0, 0.0)


def test_the_relative_error_is_that_of_the_largest_number() -> None:
    assert difference(array(4.0, 1.5), array(4.0, 1.0)) == (False, 0.5, 0.125)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (array(nan), array(1.0)),
        (array(inf), array(1.0)),
        (array(inf), array(-inf)),
        (array(1.0, 2.0), array(1.0)),
        (array(1.0), array(1.0, dtype="float64")),
        (array(1.0), array(0.0)),
    ],
)
def test_what_cannot_be_compared_differs_without_bound(got: np.ndarray, want: np.ndarray) -> None:  # type: ignore[type-arg]
    exact, _, relative = difference(got, want)
    assert not exact
    assert relative == inf


@given(st.lists(st.floats(width=32), min_size=1, max_size=5), st.lists(st.floats(width=32), min_size=1, max_size=5))
def test_only_equal_results_are_exact(got: list[float], want: list[float]) -> None:
    a, b = array(*got), array(*want)
    exact, largest, relative = difference(a, b)
    assert exact == (a.shape == b.shape and np.array_equal(a, b, equal_nan=True))
    assert not (exact and (largest or relative))
    assert largest >= 0
    assert not np.isnan(relative)


def test_the_worst_call_counts_and_the_bound_decides(tmp_path: Path) -> None:
    part = opened(two_units(tmp_path)).program.parts[0]
    found = Comparison(0.1)
    for got in (1.0, 1.05, 1.0):
        found.add(part, {"y": array(got)}, {"y": array(1.0)})
    assert found.passed
    assert (found.errors[0].values, found.errors[0].exact) == (3, False)
    assert found.errors[0].relative == pytest.approx(0.05, rel=1e-5)
    found.add(part, {"y": array(1.2)}, {"y": array(1.0)})
    assert not found.passed


def test_nothing_compared_is_no_success() -> None:
    assert not Comparison(0.1).passed


def test_parts_of_ranks_are_held_to_their_stretch(tmp_path: Path) -> None:
    line = opened(two_units(tmp_path)).program.parts[0].line
    cut = Part(rank=1, ranks=2, layout="features", axis=0, start=2, stop=4)
    half = tensor("y [1/2]", 2).model_copy(update={"of": "y", "part": cut})
    found = Comparison(0.0)
    found.add(Phase(line.model_copy(update={"values": (half,)})), {"y [1/2]": array(3, 4)}, {"y": array(1, 2, 3, 4)})
    assert found.passed
    assert [e.name for e in found.errors] == ["y"]


def test_the_first_requests_and_the_last_are_compared() -> None:
    assert [sorted(compared_requests(n)) for n in (1, 3, 9)] == [[0], [0, 1, 2], [0, 1, 2, 8]]


def test_results_are_copied_when_they_are_kept_and_only_of_requests_wanted() -> None:
    kept, here = Kept(frozenset([0])), array(1.0)
    for request in (0, 1):
        kept(request, 0, {"y": here})
    here[0] = 2.0
    assert {key: found["y"].tolist() for key, found in kept.results.items()} == {(0, 0): [1.0]}


def test_the_bound_of_reordered_sums_grows_with_their_length_and_holds_for_a_product(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    bounds = []
    for k in (64, 1024):
        weight = helper.make_tensor("w", TensorProto.FLOAT, (k, k), np.zeros((k, k), np.float32).tobytes(), raw=True)
        ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [4, k]) for n in "xy"]
        graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", ports[:1], ports[1:], [weight])
        path = tmp_path / f"{k}.onnx"
        path.write_bytes(helper.make_model(graph, opset_imports=OPSET).SerializeToString())
        bounds.append(rounding_bound([path]))
        a, b = random.standard_normal((8, k), np.float32), random.standard_normal((k, 8), np.float32)
        halves = a[:, : k // 2] @ b[: k // 2] + a[:, k // 2 :] @ b[k // 2 :]
        assert difference(halves, a @ b)[2] <= bounds[-1] < 1e-4
    assert bounds[0] < bounds[1]
