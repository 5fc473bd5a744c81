from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from mapper.ir.codec import Codecs, DataError

Mixed = float | int | str | None


@dataclass(frozen=True)
class Row:
    """A record with what is read as it is, and what is not."""

    name: str
    sizes: tuple[int | str, ...]
    part: float = 0.0


def read(kind: Any, raw: Any) -> Any:
    return Codecs({}).of(kind).read(raw)


def test_a_record_takes_data_as_it_is_and_turns_lists_into_tuples_and_whole_numbers_into_floats() -> None:
    found = read(Row, {"name": "x", "sizes": [1, "seq"], "part": 2})
    assert found == Row("x", (1, "seq"), 2.0)
    assert type(found.part) is float


@pytest.mark.parametrize("raw", [1, 1.5, None])
def test_of_a_union_the_first_member_that_takes_a_value_wins_also_where_a_later_one_has_it_as_it_is(raw: Any) -> None:
    found = read(Mixed, raw)
    assert found == raw
    assert raw is None or type(found) is float


@pytest.mark.parametrize(
    ("kind", "raw", "path"),
    [
        (tuple[int, ...], [1, True], "[1]"),
        (tuple[str, ...], ["a", 1], "[1]"),
        (tuple[float, ...], [0.5, float("inf")], "[1]"),
        (Row, {"name": "x", "sizes": [1, 1.5]}, "sizes[1]"),
        (Row, {"name": None, "sizes": []}, "name"),
    ],
)
def test_a_value_of_another_type_is_refused_where_it_stands(kind: Any, raw: Any, path: str) -> None:
    with pytest.raises(DataError) as refused:
        read(kind, raw)
    assert str(refused.value).startswith(f"{path}: ")


def test_an_unknown_key_is_told_before_a_missing_one() -> None:
    with pytest.raises(DataError, match="unknown key 'nam'"):
        read(Row, {"nam": "x", "sizes": []})
    with pytest.raises(DataError, match="a Row needs the key 'sizes'"):
        read(Row, {"name": "x"})
