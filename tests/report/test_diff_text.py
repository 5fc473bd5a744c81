"""A difference in words: what a reader sees first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from diff_pairs import between, judged
from hostile import hostile_plan

from mapper.cost.judge import judge
from mapper.report.diff.difference import difference
from mapper.report.diff.screen import diff_screen, op_screen
from mapper.report.diff.words import added, sentence, signed, told
from mapper.report.screen import WIDTH

Golden = Callable[[str, str], None]


def test_the_screen_of_two_placements(golden: Golden) -> None:
    golden("diff.txt", diff_screen(between("greedy", "round-robin")) + "\n")


def test_the_screen_of_a_slower_link(golden: Golden) -> None:
    golden("diff-slow-link.txt", diff_screen(between("greedy", "slow link")) + "\n")


@pytest.mark.parametrize("pair", [("greedy", "round-robin"), ("greedy", "slow link"), ("greedy", "swapped")])
def test_no_line_is_wider_than_a_screen(pair: tuple[str, str]) -> None:
    assert max(map(len, diff_screen(between(*pair)).splitlines())) <= WIDTH


def test_a_sentence_names_the_largest_parts_and_the_sum_of_the_rest() -> None:
    found = between("greedy", "round-robin").objective
    text = sentence(found, most=2)
    parts = told(found)
    assert text.startswith("79 % fewer requests/s (an interval 369 % longer): ")
    assert all(part.text in text for part in parts[:2])
    assert f"{len(parts) - 2} smaller parts" in text


def test_a_multiple_is_told_as_one() -> None:
    found = between("greedy", "round-robin").objective
    fewer = replace(found, before=found.after, after=found.after // 50, rows=())
    assert sentence(fewer).startswith("50 times the requests/s (an interval 98 % shorter)")
    longer = replace(found, after=50 * found.before, rows=())
    assert sentence(longer).startswith("98 % fewer requests/s (an interval x 50)")


def test_parts_in_words_are_the_whole_change() -> None:
    for found in between("greedy", "round-robin").decompositions:
        assert sum(part.delta for part in told(found)) == found.delta


@pytest.mark.parametrize(
    ("part", "words"),
    [(0.0, "0 %"), (0.5, "+50 %"), (-0.034, "-3.4 %"), (0.0001, "+0.01 %"), (49.0, "x 50"), (-0.9999, "x 0.0001")],
)
def test_relative_changes_keep_their_sign(part: float, words: str) -> None:
    assert signed(part) == words


def test_parts_of_a_change_are_never_multiples() -> None:
    assert [added(part) for part in (49.0, -0.9999, -1.0)] == ["+4900 %", "-100 %", "-100 %"]


def test_one_op_is_told_before_and_after_with_its_part_of_each_change() -> None:
    text = op_screen(between("greedy", "round-robin"), "lm_head")
    assert "before  cim0" in text
    assert "after   gpu0" in text
    assert "energy: " in text


def test_hostile_names_steer_no_terminal() -> None:
    text = diff_screen(difference(judged("round-robin"), judge(hostile_plan())))
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "alert(2)" in text
