from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.ir.codec import DataError
from mapper.ir.repeated import folded, line, unfolded


def layer(i: int) -> list[dict[str, Any]]:
    return [
        {"name": f"h.{i}.norm_{4 + 3 * i}", "inputs": [f"h.{i - 1}.out" if i else "embedded"], "scale": 0.5},
        {"name": f"h.{i}.matmul", "shape": [768, 3072], "start": [7, 90, 11, 300, 5, 60][i % 6]},
    ]


def test_layers_become_one_pattern_between_what_does_not_repeat() -> None:
    rows = [{"name": "embed"}, *(row for i in range(12) for row in layer(i)), {"name": "head"}]
    found = folded(rows)
    (pattern,) = (row for row in found if "pattern" in row)
    assert pattern["instances"] == 11  # the first reads something else
    assert len(pattern["pattern"]) == 2
    assert found[0] == {"name": "embed"}
    assert found[-1] == {"name": "head"}
    assert unfolded(found) == rows


def test_numbers_that_grow_evenly_are_a_step_and_others_a_list() -> None:
    (element,) = folded([row for i in range(1, 25) for row in layer(i)])
    assert [0, 1, 3] in element["vary"]  # norm_7, norm_10, ...
    assert any(isinstance(change[2], list) and change[2][:3] == [90, 11, 300] for change in element["vary"])


def test_rows_that_would_not_get_shorter_stay() -> None:
    rows = [{"a": i * i} for i in range(4)]
    assert folded(rows) == rows


numbers = (
    st.integers(0, 40)
    | st.floats(0, 2)
    | st.sampled_from(["x.0.y", "l.7.8", "007", "1e-07", "-3", "v1.2.3", "{0}", "é"])
)


@examples(30, 100)
@given(
    st.lists(st.fixed_dictionaries({"name": numbers, "n": st.integers(-5, 9)}), min_size=1, max_size=4),
    st.integers(1, 9),
)
def test_nothing_is_lost(block: list[dict[str, Any]], times: int) -> None:
    rows = [{**row, "layer": f"h.{i}.w", "at": [i * i, 5 * i]} for i in range(times) for row in block]
    found = folded(rows)
    assert unfolded(json.loads(line(found))) == rows
    assert [list(row) for row in unfolded(found)] == [list(row) for row in rows]  # the order of keys as well


GOOD = {"instances": 3, "vary": [[0, 0, 2]], "pattern": [{"a": 1}]}


def test_a_pattern_written_by_hand_unfolds() -> None:
    assert unfolded([GOOD, {"b": 1}]) == [{"a": 1}, {"a": 3}, {"a": 5}, {"b": 1}]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"instances": 0}, r"\[0\]: expected a pattern with instances"),
        ({"instances": True}, "expected a pattern"),
        ({"instances": 10**9}, "expected a pattern"),
        ({"pattern": "x"}, "expected a pattern"),
        ({"pattern": [{"a": 1}] * 1000, "instances": 10**6}, "more than a plan holds"),
        ({"vary": [[0, 1, 2]]}, r"\[0\].vary\[0\]: expected \[row, number, step\]"),
        ({"vary": [[1, 0, 2]]}, r"vary\[0\]"),
        ({"vary": [[0, 0, [1, 2]]]}, "3 whole numbers"),
        ({"vary": [[0, 0, [1, 2, -3]]]}, "3 whole numbers"),
        ({"vary": [[0, 0, -1]]}, "expected"),
        ({"vary": [[0, 0, 1.5]]}, "expected"),
        ({"vary": [7]}, "expected"),
    ],
)
def test_a_wrong_pattern_is_named(change: dict[str, Any], why: str) -> None:
    with pytest.raises(DataError) as caught:
        unfolded([{**GOOD, **change}])
    assert re.search(why, str(caught.value))
