"""The site in a browser, from disk: strips and movers, filters, a case that opens, zooms and tells what happened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from browser import Open, Opened
from hostile import EVIL
from nights import Nights

from mapper.regress.baseline import load_baseline
from mapper.regress.cases import MappingCase
from mapper.regress.compared import compared
from mapper.regress.record import Ended
from mapper.regress.site import site
from mapper.regress.suite import Asked, Workload
from mapper.regress.trends import Trend, Trends, trends

pytestmark = pytest.mark.slow

CASE = "model-00/superhet/throughput"
CHART = "echarts.getInstanceByDom(document.querySelector('.trends .chart'))"
SCROLLS = "document.documentElement.scrollWidth > innerWidth"


@pytest.fixture(scope="module")
def path(made: Nights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the small history, on disk."""
    known = trends(made.history, "nightly", [case.name for case in made.cases])
    records, baseline = made.history.records(known.nights[-1]), load_baseline(made.path.parent / "baseline.json")
    found = compared("nightly", "last", made.cases, records, baseline, made.out, {})
    written = tmp_path_factory.mktemp("site") / "index.html"
    written.write_text(site(known, found, made.cases), encoding="utf-8")
    return written


def shown(page: Opened) -> list[str]:
    found: list[str] = page.js(
        "[...document.querySelectorAll('main > section')].filter((s) => !s.hidden).map((s) => s.id)"
    )
    return found


def at_case(page: Opened, name: str = CASE) -> None:
    page.js("(name) => { location.hash = `case=${encodeURIComponent(name)}`; }", name)
    page.page.wait_for_selector(".trends canvas")


def zoom(page: Opened) -> tuple[float, float]:
    found: Any = page.js(f"(({CHART}).getOption().dataZoom).map((z) => [z.startValue, z.endValue])[0]")
    return round(found[0]), round(found[1])


def test_the_index_shows_verdicts_movers_and_a_strip_for_each_case(path: Path, opened: Open) -> None:
    page = opened(path)
    assert shown(page) == ["headline", "verdicts", "movers", "cases"]
    assert page.js("document.querySelectorAll('.strip svg').length") == 10
    assert "✕ failed" in page.js("document.querySelector('#headline').textContent")
    movers = page.js("[...document.querySelectorAll('#movers tbody tr')].map((r) => r.textContent)")
    assert "timeout" in movers[0]
    assert all("worse" in row for row in movers[:3])
    assert not page.js(SCROLLS)


def test_strips_have_a_shape_for_each_way_to_end(path: Path, opened: Open) -> None:
    page = opened(path)
    page.page.get_by_role("combobox", name="order").select_option("suite")
    strip = "document.querySelectorAll('.strip')[{}].querySelector('path.{}')?.getAttribute('d') ?? ''"
    assert re.match(r"M20 0h1v20", page.js(strip.format(2, "broken")))  # one night, its whole height
    assert re.match(r"M15 9h2v2", page.js(strip.format(5, "infeasible")))  # two nights, a thin line
    assert page.js(strip.format(3, "same")).startswith("M8 ")  # blank before it was first run
    assert "worse" in page.js(
        "[...document.querySelectorAll('.strip svg')].map((s) => s.getAttribute('aria-label')).join()"
    )


def test_the_filter_and_the_metric_choose_what_strips_show(path: Path, opened: Open) -> None:
    page = opened(path)
    page.page.get_by_label("filter cases").fill("superhet lat")
    assert page.js("[...document.querySelectorAll('.strip-name')].map((n) => n.textContent)") == [
        "model-00/superhet/latency"
    ]
    assert page.js("document.querySelector('#cases .count').textContent") == "1 of 10 cases"
    page.page.get_by_label("filter cases").fill("")
    page.page.get_by_role("combobox", name="metric", exact=True).select_option(label="latency_s")
    page.page.get_by_role("combobox", name="colour").select_option("before")
    assert page.js("document.querySelector('.strip-now:not(.bad)').textContent").count("-") == 2  # a date in the head
    assert page.js("[...document.querySelectorAll('.strip-row .strip-now')].some((n) => /s$/.test(n.textContent))")


def test_pointing_at_a_strip_tells_night_value_and_change(path: Path, opened: Open) -> None:
    page = opened(path)
    box = page.page.locator(".strip").nth(2)
    box.scroll_into_view_if_needed()
    box.hover(position={"x": 5, "y": 10})
    text = page.js("document.querySelector('.strip-tip').textContent")
    assert "2025-11-24" in text
    assert "against what was accepted" in text
    box.click()
    page.page.wait_for_function("document.getElementById('cases').hidden")  # what a hash brings comes a moment later
    assert shown(page) == ["case"]


def test_movers_are_those_of_the_nights_that_are_chosen(path: Path, opened: Open) -> None:
    page = opened(path)
    one = page.js("document.querySelectorAll('#movers tbody tr').length")
    page.page.get_by_role("combobox", name="metrics").select_option("*")
    assert page.js("document.querySelector('#movers .count').textContent") != f"{one} rows"
    page.page.get_by_role("button", name="7 nights").click()
    assert "2025-12-17 against 2025-12-10" in page.js("document.querySelector('#movers .lead').textContent")


def test_a_case_shows_its_trends_with_marks_for_versions_and_acceptances(path: Path, opened: Open) -> None:
    page = opened(path)
    page.page.get_by_role("link", name=CASE).first.click()
    page.page.wait_for_selector(".trends canvas")
    assert shown(page) == ["case"]
    marks = page.js(f"({CHART}).getOption().series[0].markLine.data.map((m) => m.label.formatter ?? '')")
    assert [m for m in marks if m] == ["✓1", "A", "✓2", "B", "✓3", "C", "✓4", "D"]
    legend = page.js("document.querySelector('.events').textContent")
    assert "onnx 1.22.0 → 1.23.2" in legend
    assert "costs measured anew" in legend
    page.page.go_back()
    page.page.wait_for_function("!document.getElementById('cases').hidden")
    assert shown(page) == ["headline", "verdicts", "movers", "cases"]


def test_dragging_zooms_all_charts_and_a_double_click_shows_all(path: Path, opened: Open) -> None:
    page = opened(path)
    at_case(page)
    box = page.page.locator(".trends .chart").first.bounding_box()
    assert box is not None
    mouse, wide = page.page.mouse, box["width"] - 88
    mouse.move(box["x"] + 74 + wide * 0.25, box["y"] + 80)
    mouse.down()
    mouse.move(box["x"] + 74 + wide * 0.5, box["y"] + 80, steps=4)
    mouse.up()
    first, last = zoom(page)
    assert 4 <= first <= 7
    assert 10 <= last <= 13
    every = "[...document.querySelectorAll('.trends .chart')].map((b) => echarts.getInstanceByDom(b)).filter(Boolean)"
    ranges = page.js(f"{every}.map((c) => c.getOption().dataZoom[0].startValue)")
    assert len(ranges) > 2
    assert len(set(ranges)) == 1
    mouse.dblclick(box["x"] + 200, box["y"] + 80)
    assert zoom(page) in ((0, 23), (0, 24), (-1, 24), (-1, 23))


def test_the_vertical_axis_follows_the_nights_that_are_shown(path: Path, opened: Open) -> None:
    page = opened(path)
    at_case(page)
    height = f"(({CHART}).getOption().yAxis).map((y) => y.max - y.min)[0]"
    whole = page.js(height)
    page.page.locator(".trends .chart").first.focus()
    for key in ("+", "+", "+"):
        page.page.keyboard.press(key)
    assert page.js(height) < whole
    page.page.keyboard.press("0")
    assert page.js(height) == whole


def test_keys_zoom_move_and_show_all(path: Path, opened: Open) -> None:
    page = opened(path)
    at_case(page)
    page.page.locator(".trends .chart").first.focus()
    seen = []
    for key in ("+", "+", "ArrowRight", "-", "0"):
        page.page.keyboard.press(key)
        seen.append(page.js("document.documentElement.dataset.nights"))
    assert seen == ["6 17", "9 14", "10 15", "6 19", "0 23"]


def test_hovering_tells_the_value_the_change_and_what_happened(path: Path, opened: Open) -> None:
    page = opened(path)
    at_case(page)
    box = page.page.locator(".trends .chart").first
    box.hover(position={"x": 80, "y": 80})
    page.page.wait_for_selector(".tip:visible")
    text = page.js("[...document.querySelectorAll('.chart .tip')].map((t) => t.textContent).join()")
    assert "2025-11-24 · night 1" in text
    assert "✓1 accepted 9 cases: first" in text


def test_the_table_of_a_case_tells_the_latest_change_first(path: Path, opened: Open) -> None:
    page = opened(path)
    at_case(page, "model-00/xeon-8592/latency")
    rows = page.js("[...document.querySelectorAll('#case tbody tr')].map((r) => r.textContent)")
    assert "timeout: took more than 600 s" in rows[0]
    assert rows[-1].startswith("2025-11-24found")
    assert any("other code: " in row for row in rows)


def test_light_dark_and_print_have_their_own_colours(path: Path, opened: Open) -> None:
    fill = "getComputedStyle(document.querySelector('path.same')).fill"
    light, dark = (opened(path, color_scheme=scheme) for scheme in ("light", "dark"))
    assert light.js(fill) != dark.js(fill)
    at_case(dark)
    dark.js("dispatchEvent(new Event('beforeprint'))")
    assert dark.js("document.documentElement.dataset.theme") == "light"
    assert dark.js("[...document.querySelectorAll('.trends .chart')].every((b) => b.querySelector('canvas'))")
    dark.js("dispatchEvent(new Event('afterprint'))")


def test_a_narrow_window_scrolls_down_only(path: Path, opened: Open) -> None:
    page = opened(path, size=(400, 800))
    assert not page.js(SCROLLS)
    at_case(page)
    assert not page.js(SCROLLS)


def test_hostile_names_are_text_wherever_they_stand(opened: Open, made: Nights, tmp_path: Path) -> None:
    names = [*EVIL, "half a pair \ud800", "long" * 500]
    cases = [MappingCase(name, "m", Workload(file="m.onnx"), "t", Asked(), tags=(name,)) for name in names]
    known = trends(made.history, "nightly", [case.name for case in made.cases])
    first = next(iter(known.cases.values()))
    mean = Trend([(0, Ended.FOUND, ""), (9, Ended.BROKEN, EVIL[0])], {**first.metrics, EVIL[1]: [(0, 1.0), (3, 2.0)]})
    records = made.history.records(known.nights[-1])
    found = compared(
        "nightly", "last", made.cases, records, load_baseline(made.path.parent / "baseline.json"), tmp_path, {}
    )
    page = opened(site(Trends(known.nights, dict.fromkeys(names, mean)), found, cases))
    for k in range(len(names)):
        page.page.locator(".strip").nth(k).hover(position={"x": 200, "y": 10})
    at_case(page, EVIL[0])
    for box in page.page.locator(".trends .chart").all()[:3]:
        box.hover(position={"x": 200, "y": 90})
    page.page.locator("#case .opener").first.click()
    assert page.js("document.querySelectorAll('img, main script, iframe').length") == 0
    assert page.js("document.querySelector('#case h2').textContent") == EVIL[0]
    assert not page.js(SCROLLS)
    assert "<img" in page.js("document.querySelector('#case').textContent")


def test_a_hash_of_somebody_else_shows_the_index(path: Path, opened: Open) -> None:
    page = opened(path)
    for mark in ("case=none", "case=%E0%A4%A", "movers"):
        page.js("(mark) => { location.hash = mark; }", mark)
        page.page.wait_for_timeout(50)
        assert shown(page) == ["headline", "verdicts", "movers", "cases"]
