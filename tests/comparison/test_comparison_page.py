"""The page of a comparison, in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from answers_of_hand import comparison, found, refused
from browser import Open
from hostile import EVIL, SCRIPT

from mapper.comparison.comparison import KEYS
from mapper.comparison.page import html

HOSTILE = "<img src=x onerror=alert(1)>"


def data() -> dict[str, Any]:
    """Three targets with plans, one of a hostile name, one without a plan."""
    hostile = found("hostile", 12.0, limited_by=[{"what": HOSTILE, "part": 0.5}])
    asked = comparison(found("fast", 1000.0, tpot_s=0.002), found("middle", 930.0, joules=0.004), hostile, refused("x"))
    return asked.data(KEYS["throughput"], "fast")


def test_equal_comparisons_give_equal_pages() -> None:
    assert html(data()) == html(data())


@pytest.mark.slow
def test_the_page_draws_charts_and_lists_every_target_as_text(opened: Open) -> None:
    page = opened(html(data()))
    assert page.js("document.querySelectorAll('.chart canvas').length") == 2
    rows = page.js("[...document.querySelectorAll('tbody tr')].map((r) => r.cells[0].textContent)")
    assert rows == [*["fast", "middle", "hostile"] * 2, "x"]
    assert HOSTILE in page.js("document.body.textContent")
    assert page.js("document.images.length") == 0
    links = page.js("[...document.querySelectorAll('td a')].map((a) => a.getAttribute('href'))")
    assert links == [f"./{name}/report.html" for name in ("fast", "middle", "hostile")]


@pytest.mark.slow
def test_names_of_targets_run_nothing_and_lead_nowhere_else(opened: Open) -> None:
    names = (*EVIL, "javascript:alert(4)", "../../x", "__proto__", "a\nb", "long" * 1000)
    asked = comparison(*(found(name, 10.0**k) for k, name in enumerate(names)), refused(SCRIPT))
    page = opened(html(asked.data(KEYS["throughput"], names[0])))
    for box in page.page.locator(".chart").all():
        for part in range(1, 10):
            box.hover(position={"x": 400, "y": 40 * part}, force=True)
    assert page.js("[...document.querySelectorAll('td a')].every((a) => a.getAttribute('href').startsWith('./'))")
    assert page.js("document.querySelectorAll('img, svg, main script').length") == 0
    assert not page.js("document.documentElement.scrollWidth > innerWidth")


@pytest.mark.slow
def test_a_figure_without_ratios_has_a_dash_over_the_baseline(opened: Open) -> None:
    asked = comparison(found("fast", 10.0), found("slow", 5.0))
    page = opened(html(asked.data(KEYS["gap"], "fast")))
    cells = page.js("[...document.querySelector('tbody').rows].map((r) => r.cells[r.cells.length - 1].textContent)")
    assert cells == ["–", "–"]


@pytest.mark.slow
def test_a_comparison_without_any_plan_is_a_table_of_reasons(opened: Open) -> None:
    page = opened(html(comparison(refused("a"), refused("b")).data(KEYS["latency"])))
    assert page.js("document.querySelectorAll('.chart').length") == 0
    assert "tiny does not fit a" in page.js("document.body.textContent")


@pytest.mark.slow
def test_figures_of_zero_and_figures_that_are_not_there_do_not_disturb_the_charts(opened: Open) -> None:
    zero = found("zero", 0.0, joules=0.0, gap=None, power_limit_w=None)
    page = opened(html(comparison(zero, found("one", 1e9)).data(KEYS["tpot"])))
    assert page.js("document.querySelectorAll('tbody tr').length") == 4
