"""The table of a comparison as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from answers_of_hand import comparison, found, refused

from mapper.comparison.comparison import KEYS
from mapper.comparison.screen import WIDTH, screen

RATE = KEYS["throughput"]


def test_a_comparison_reads_as_one_table(golden: Callable[[str, str], None]) -> None:
    asked = comparison(
        found("middle", 930.0, joules=0.004),
        found("fast", 1000.0, tpot_s=0.002),
        refused("small"),
        replace(found("slow", 12.0, status="interrupted"), reused=True),
    )
    golden("comparison.txt", screen(asked, RATE, "slow"))


def test_no_line_is_wider_than_the_screen() -> None:
    names = [f"{'a-target-with-a-very-long-name-' * 3}{k}" for k in range(3)]
    asked = comparison(*(found(name, 1e-9 * 1000**k) for k, name in enumerate(names)), refused("x" * 80))
    assert max(map(len, screen(asked, RATE, names[0]).splitlines())) <= WIDTH


def test_where_no_target_has_a_plan_there_is_no_table_only_reasons() -> None:
    text = screen(comparison(refused("a"), refused("b")), RATE)
    assert "requests/s" not in text
    assert "a second memory" in text
