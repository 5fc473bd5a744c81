"""Published end-to-end figures beside ours: rows as they are read, kinds that take them, and bars over their means."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.end_to_end_facts import line, means, summary
from benchmarks.facts.kinds import KINDS, answered
from benchmarks.facts.rows import Answer, Fact, Uncovered, facts

HEAD = "target,hardware,model,workload,value,unit,source,tier\n"


def _fact(name: str, value: str = "100", **cells: str) -> Fact:
    return Fact("end_to_end_llm.csv", {"target": name, "value": value, "tier": "measured", **cells})


def _answer(ours: float, limit: float | None = 0.1, fitted: bool = False) -> Answer:
    return Answer("request, s", "a100-80", 1.0, ours, "a runtime", limit, fitted)


def test_rows_are_read_from_the_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "end_to_end_llm.csv").write_text(HEAD + "X-1,1xA100,GPT,b1,12.5,ms,a table,measured\n")
    (row,) = facts(tmp_path)
    assert (row.name, row.tier, row.numbers) == ("X-1", "measured", (12.5,))


def test_a_value_of_two_parts_has_two_numbers() -> None:
    assert _fact("X", "63.17 prefill; 22.0 per token").numbers == (63.17, 22.0)
    assert _fact("X", "18.13 / 13.75").numbers == (18.13, 13.75)
    assert _fact("X", "see a table").numbers == ()


def test_no_row_is_taken_by_two_kinds() -> None:
    assert max(Counter(name for kind in KINDS for name in kind.names).values()) == 1


def test_a_row_that_no_kind_takes_says_so() -> None:
    assert list(answered(_fact("nobody knows this"))) == [Uncovered("nothing here takes this row")]


def test_a_row_that_cannot_be_covered_says_why() -> None:
    (found,) = answered(_fact("CER-8B"))
    assert isinstance(found, Uncovered)
    assert "not covered: the library has no wafer-scale chip" in line(_fact("CER-8B"), found)


def test_the_bar_is_for_the_mean_of_rows_that_no_constant_has_seen() -> None:
    found = [(_fact(str(i)), a) for i, a in enumerate((_answer(1.16), _answer(1.0), _answer(9.0, fitted=True)))]
    assert means(found) == [("a runtime", pytest.approx(0.08), 0.1)]
    assert "3 of 3 rows covered" in summary(found)
    assert "8.0 % on rows not fitted, at most 10 %: met" in summary(found)
    assert "bar 10 % exceeded" in line(*found[0])


@pytest.mark.parametrize(("other", "between"), [(0.6, False), (2.0, True)])
def test_what_a_row_leaves_open_is_told_and_moves_no_bar(other: float, between: bool) -> None:
    found = replace(_answer(0.8), ends=(0.8, other), note="nobody says how")
    said = line(_fact("X"), found)
    assert f"{min(0.8, other):.4g} to {max(0.8, other):.4g} by what is assumed" in said
    assert ("lies between" in said) == between
    assert "bar 10 % exceeded" in said
    assert said.endswith("; nobody says how")
    assert means([(_fact("X"), found)]) == [("a runtime", pytest.approx(0.2), 0.1)]


def test_a_figure_without_a_bar_misses_none() -> None:
    assert means([(_fact("X"), _answer(3.0, limit=None))]) == []


@pytest.mark.slow
def test_a_request_of_fastertransformer_is_within_its_bar() -> None:
    asked = _fact("FT-530B-1", "1379", hardware="16xA100 TP16 fp16", model="Megatron 530B", workload="b1 in60 out20")
    (found,) = answered(asked)
    assert isinstance(found, Answer)
    assert abs(found.error) < 0.1
