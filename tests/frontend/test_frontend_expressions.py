from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.frontend.dims.expressions import evaluate, names_in, parse
from mapper.frontend.lowering.einsum import as_matmul


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("past_seq + 1", 17),
        ("2*(past_seq - 1)//3", 10),
        ("p2o.Dim.0", 5),
        ("-seq + 8", 4),
        ("a b=c", 9),
        ("Max(1, seq)", 4),
        ("Min(past_seq, seq + 3, 100)", 7),
        ("((past_seq + 15)//16)", 1),
        ("floor(seq/3 - 1/2) + 1", 1),
        ("ceiling(seq/3)", 2),
        ("past_seq / 4", 4),
        ("seq**2", 16),
        ("Mod(past_seq, 3) + FloorDiv(seq, 3)", 2),
        ("CeilToInt(IntTrueDiv(seq, 3))", 2),
        ("(((past_seq - 1)//2)) + 1", 8),
        ("16", 16),
    ],
)
def test_arithmetic_of_sizes_is_evaluated(text: str, value: int) -> None:
    assert evaluate(text, {"past_seq": 16, "p2o.Dim.0": 5, "seq": 4, "a b=c": 9}) == value


@pytest.mark.parametrize(
    "text",
    [
        "seq ** 99",
        "f(seq)",
        "seq + x",
        "seq.real",
        "1 if seq else 2",
        "seq +",
        "seq//0",
        "",
        "seq/3",
        "open('x')",
        "Max()",
        "Max",
        "[seq]",
        "seq, seq",
        "lambda: 1",
        "True",
        "'seq'",
        "((seq**4)**4)**4 ** 4" * 9,
        "(" * 400,
        "seq" * 300,
        "9" * 5000,
    ],
)
def test_anything_else_has_no_value(text: str) -> None:
    assert evaluate(text, {"seq": 4}) is None


@examples(30, 100)
@given(st.text(max_size=40))
def test_no_text_breaks_the_evaluator(text: str) -> None:
    evaluate(text, {"seq": 4, "x": 2})


NAMES = {"s0": 3, "past_seq": 16, "p2o.D.0": 1}
LEAVES = st.sampled_from([*NAMES, "1", "2", "7"])
TREES = st.recursive(
    LEAVES,
    lambda t: st.one_of(
        st.tuples(t, st.sampled_from([" + ", "-", "*", "//", " % "]), t).map(lambda p: f"({''.join(p)})"),
        st.tuples(st.sampled_from(["Max", "Min", "FloorDiv", "Mod"]), t, t).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
        t.map(lambda x: f"-{x}"),
    ),
    max_leaves=8,
)
PYTHON = {"Max": max, "Min": min, "FloorDiv": lambda a, b: a // b, "Mod": lambda a, b: a % b}


@examples(30, 100)
@given(TREES)
def test_expressions_have_the_value_that_python_gives_them(text: str) -> None:
    plain = text.replace("p2o.D.0", "p2o_D_0")
    try:
        wanted = eval(plain, {}, {**PYTHON, **{n.replace(".", "_"): v for n, v in NAMES.items()}})  # safe: made above
    except ZeroDivisionError:
        wanted = None
    assert evaluate(text, NAMES) == wanted


@examples(30, 100)
@given(TREES, st.integers(1, 50))
def test_solving_for_the_one_open_name_finds_its_size_or_nothing(text: str, size: int) -> None:
    expression = parse(text)
    assert expression is not None
    if "s0" not in names_in(text) or text.count("s0") > 1:
        return
    value = expression.value({**NAMES, "s0": size})
    if value is None:
        return
    found = expression.solve("s0", value, {n: v for n, v in NAMES.items() if n != "s0"})
    assert found is None or found == size or expression.value({**NAMES, "s0": int(found)}) == value


@pytest.mark.parametrize(
    ("text", "value", "size"),
    [
        ("past_seq + 1", 17, 16),
        ("2*(s0 - 3)", 8, 7),
        ("1 - -s0", 8, 7),
        ("s0/4", 3, 12),
        ("Max(1, s0)", 9, 9),
        ("Max(1, s0)", 1, None),
        ("s0//2", 4, None),
        ("s0 - s0", 0, None),
        ("12/s0", 3, None),
    ],
)
def test_only_what_has_one_answer_is_solved_backwards(text: str, value: int, size: int | None) -> None:
    expression = parse(text)
    assert expression is not None
    assert expression.solve(expression.names[0], Fraction(value), {}) == size


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
