from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapper.frontend.einsum import as_matmul
from mapper.frontend.expressions import evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [("past_seq + 1", 17), ("2*(past_seq - 1)//3", 10), ("p2o.Dim.0", 5), ("-seq + 8", 4), ("a b=c", 9)],
)
def test_sums_and_products_of_sizes_are_evaluated(text: str, value: int) -> None:
    assert evaluate(text, {"past_seq": 16, "p2o.Dim.0": 5, "seq": 4, "a b=c": 9}) == value


@pytest.mark.parametrize(
    "text", ["seq ** 99", "f(seq)", "seq + x", "seq.real", "1 if seq else 2", "seq +", "seq//0", ""]
)
def test_anything_else_has_no_value(text: str) -> None:
    assert evaluate(text, {"seq": 4}) is None


@given(st.text(max_size=40))
def test_no_text_breaks_the_evaluator(text: str) -> None:
    evaluate(text, {"seq": 4, "x": 2})


@pytest.mark.parametrize(
    ("equation", "transposed"),
    [
        ("bhid,bhjd->bhij", (0, 1)),
        ("bij,jk->bik", (0, 0)),
        ("...ki, ...kj -> ...ij", (1, 0)),
        ("bij,bij->b", None),
        ("ij,jk->ki", None),
        ("ij->ji", None),
    ],
)
def test_einsum_equations_that_are_matrix_products_are_seen(equation: str, transposed: tuple[int, int] | None) -> None:
    assert as_matmul(equation) == transposed
