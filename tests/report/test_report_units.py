from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.report.units import bar, figure, listed, percent, shorten, si, times


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0, "s", "0 s"),
        (3.91e-3, "s", "3.91 ms"),
        (6150, "B", "6.15 kB"),
        (0.99999, "s", "1.00 s"),
        (27.2e3, "", "27.2 k"),
        (0.25, "", "0.25"),
    ],
)
def test_si(value: float, unit: str, said: str) -> None:
    assert si(value, unit) == said


@pytest.mark.parametrize(
    ("ratio", "said"), [(2.5e7, ">1000x"), (160.4, "160x"), (4.12, "4.1x"), (0.62, "0.62x"), (1e-5, "<0.001x")]
)
def test_times(ratio: float, said: str) -> None:
    assert times(ratio) == said


def test_a_figure_has_a_prefix_only_where_its_unit_of_measure_has_none() -> None:
    assert [figure(8e8, "Hz"), figure(0.7, "pJ/bit"), figure(32.0)] == ["800 MHz", "0.7 pJ/bit", "32"]
    assert figure(2.828427, digits=4) == "2.828"


def test_percent_and_bar() -> None:
    assert (percent(0.0123), percent(0.76)) == ("1.2 %", "76 %")
    assert bar(0.002, 4) == "█░░░"
    assert bar(0, 4) == "░░░░"


def test_shorten_keeps_both_ends_or_the_start() -> None:
    assert shorten("a-very-long-model-name", 11) == "a-ver…-name"
    assert shorten("a-very-long-model-name", 7, end=True) == "a-very…"


@given(st.text(alphabet="ab c", max_size=40), st.integers(1, 50), st.booleans())
def test_shortened_text_fits(text: str, room: int, end: bool) -> None:
    assert len(shorten(text, room, end)) <= room or len(text) <= room


@examples(30, 100)
@given(st.lists(st.sampled_from(["12 matmul", "1 norm", "24 casts"]), max_size=9), st.integers(14, 80))
def test_listed_fits_and_says_when_it_leaves_out(items: list[str], room: int) -> None:
    text = listed(items, room)
    assert len(text) <= room
    assert text.endswith("...") == (len(text.replace(" ...", "").split(", ")) < len(items))
