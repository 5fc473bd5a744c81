"""The page of a difference: the same bytes each time, drawn in a browser, searched, and safe with hostile names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from browser import Open
from diff_pairs import between, judged

from mapper.report.diff.difference import difference
from mapper.report.diff.page import diff_page

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=alert(1)>"


def test_equal_differences_give_equal_bytes() -> None:
    html = diff_page(between("greedy", "round-robin"), ["throughput<-2%: 1 -> 0, -100 %"])
    assert html == diff_page(between("greedy", "round-robin"), ["throughput<-2%: 1 -> 0, -100 %"])
    assert len(html) < 2_000_000


def test_the_page_of_the_same_plan_has_its_figures_only() -> None:
    html = diff_page(between("greedy", "greedy"))
    assert '"name":"totals"' in html
    assert '"name":"why"' not in html


def test_charts_are_drawn_and_moves_are_searched(opened: Open) -> None:
    found = opened(diff_page(between("greedy", "round-robin")))
    assert found.js("mapper !== undefined")
    found.page.locator("#why").scroll_into_view_if_needed()
    found.page.wait_for_selector("#why canvas")
    shown = found.page.locator("#moved tbody tr")
    before = shown.count()
    found.page.locator("#moved input[type=search]").fill("c_proj decode")
    assert 0 < shown.count() < before
    assert "c_proj" in (shown.first.text_content() or "")
    shown.first.locator("button").click()
    assert "decode" in (found.page.locator("#moved").text_content() or "")


def test_hostile_names_are_text(opened: Open) -> None:
    verdict = judged("round-robin")
    plan = replace(verdict.plan, graph=replace(verdict.plan.graph, name=EVIL), source=(("seed", EVIL),))
    found = opened(diff_page(difference(judged("greedy"), replace(verdict, plan=plan)), [EVIL]))
    assert EVIL in (found.page.text_content("h1") or "")
    assert EVIL in (found.page.text_content("#headline") or "")
    assert found.page.locator("img").count() == 0
