"""The page of a comparison, as data and in a browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from browser import Open
from hostile import EVIL, IMAGE

from mapper.regress.baseline import Baseline
from mapper.regress.chance import Search
from mapper.regress.compared import Compared
from mapper.regress.compared_page import page, verdict_sections
from mapper.regress.record import Ended, Record
from mapper.regress.verdicts import verdict

ONE = Record("bert/edge-npu/throughput", "k", Ended.FOUND, {"throughput_per_s": 100.0, "ttft_s": 0.002, "gap": 0.01})


def found(*names: str) -> Compared:
    slower = replace(ONE, metrics={"throughput_per_s": 90.0, "ttft_s": 0.0021, "gap": 0.01})
    verdicts = [verdict(ONE, slower), verdict(replace(ONE, case="as it was"), replace(ONE, case="as it was"))]
    for name in names:
        crashed = replace(ONE, case=name, ended=Ended.BROKEN, metrics={}, reason=f"KeyError: {name}")
        verdicts.append(verdict(None, crashed))
    baseline = Baseline("nightly").accept(
        [ONE], "Ada", names[0] if names else "first", datetime(2026, 1, 1, tzinfo=UTC)
    )
    return Compared("nightly", "last", baseline, tuple(verdicts), {ONE.case: (f"fc1 moved to {IMAGE}",)})


def test_equal_comparisons_give_equal_pages() -> None:
    assert page(found(*EVIL)) == page(found(*EVIL))


def test_the_worst_comes_first_and_what_is_the_same_has_no_row() -> None:
    headline, verdicts = verdict_sections(found("crashed"), "a run")
    assert [row["said"] for row in verdicts.data["rows"]] == ["broken", "worse"]
    assert [(c["said"], c["count"], c["fails"]) for c in headline.data["counts"]] == [
        ("broken", 1, True), ("worse", 1, True), ("same", 1, False)]  # fmt: skip
    assert headline.data["accepted"]["why"] == "crashed"


def test_a_page_says_what_a_run_is_held_against() -> None:
    against = replace(found(), baseline=replace(found().baseline, accepted=(), source="run of monday"))
    for one, words in ((found(), "what was accepted"), (against, "run of monday")):
        headline, verdicts = verdict_sections(one, "a run")
        assert verdicts.title == f"Against {words}"
        assert f"this run against {words}" in page(one)
    assert "accepted" not in str((headline.data["counts"], verdicts.data))


def test_without_a_baseline_and_without_cases_there_is_a_page() -> None:
    empty = Compared("nightly", "last", Baseline("nightly"), ())
    assert "0 cases of the run last" in page(empty)


@pytest.mark.slow
def test_a_row_tells_the_metric_that_people_ask_for_and_opens_to_all(opened: Open) -> None:
    made = opened(page(found()))
    cells = made.js("[...document.querySelector('tbody tr').cells].map((c) => c.textContent)")
    assert cells == ["worse", ONE.case, "throughput_per_s", "100.00 /s", "90.000 /s", "−10.0 %"]
    made.page.locator(".opener").first.click()
    opens = made.js("document.querySelector('tr.detail').textContent")
    assert "fc1 moved to <img" in opens
    assert "ttft_s2.0000 ms2.1000 ms+5.00 %worse" in opens
    assert "✕ failed" in made.js("document.querySelector('#headline').textContent")


@pytest.mark.slow
def test_hostile_names_run_nothing_and_a_passed_comparison_says_so(opened: Open) -> None:
    made = opened(page(found(*EVIL, "long" * 500)))
    for opener in made.page.locator(".opener").all():
        opener.click()
    assert made.js("document.querySelectorAll('img, svg, main script').length") == 0
    assert not made.js("document.documentElement.scrollWidth > innerWidth")
    same = Compared("nightly", "last", Baseline("nightly"), found().verdicts[1:])
    text = opened(page(same)).js("document.body.textContent")
    assert "✓ passed" in text
    assert "The case is as it was accepted" in text
    together = replace(same, search=Search(20, -0.02, 0.001))
    assert "✕ failedno case alone, but all together" in opened(page(together)).js("document.body.textContent")
