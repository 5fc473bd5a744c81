"""The charts in a browser: they zoom, search, switch and say what is under the pointer; names of any kind are text."""

from __future__ import annotations

from typing import Any

import pytest
from browser import Open, Opened
from made_pages import hostile_page
from real_plans import finished

from mapper.cost.judge import judge
from mapper.report.page.plan_page import plan_page
from mapper.report.summary import summarise

pytestmark = pytest.mark.slow

CHART = "echarts.getInstanceByDom(document.querySelector('#{0} .chart'))"


@pytest.fixture(scope="module")
def html() -> str:
    verdict = judge(finished())
    return plan_page(verdict, summarise(verdict, {}, {}))


def until(page: Opened, expression: str) -> None:
    """Wait until something holds in the page, whose policy forbids what Playwright's own waiting does."""
    for _ in range(100):
        if page.js(expression):
            return
        page.page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def drawn(page: Opened, section: str) -> None:
    """Scroll to a section and wait for its chart."""
    page.js(f"document.getElementById('{section}').scrollIntoView({{ behavior: 'instant' }})")
    until(page, f"{CHART.format(section)} !== undefined")


def zoom(page: Opened) -> list[float]:
    """From where to where the timeline shows, in percent."""
    option = f"{CHART.format('timeline')}.getOption().dataZoom[0]"
    found: Any = page.js(f"[{option}.start, {option}.end]")
    return list(found)


def middle(page: Opened) -> tuple[float, float]:
    """The middle of the timeline's chart, in the window."""
    box = page.page.locator("#timeline .chart").bounding_box()
    assert box is not None
    return box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"]


def test_the_wheel_zooms_the_timeline_once_it_has_the_focus(opened: Open, html: str) -> None:
    page = opened(html, size=(1366, 900))
    drawn(page, "timeline")
    page.page.mouse.move(*middle(page))
    page.page.mouse.wheel(0, -300)
    page.page.wait_for_timeout(200)
    assert zoom(page) == [0, 100]  # the page scrolled instead
    drawn(page, "timeline")
    page.page.mouse.click(*middle(page))
    page.page.mouse.wheel(0, -300)
    until(page, f"{CHART.format('timeline')}.getOption().dataZoom[0].end < 100")
    start, end = zoom(page)
    assert 0 < start < end < 100


def test_the_slider_zooms_the_timeline(opened: Open, html: str) -> None:
    page = opened(html, size=(1366, 900))
    drawn(page, "timeline")
    box = page.page.locator("#timeline .chart").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] - 18
    page.page.mouse.move(box["x"] + box["width"] - 26, y)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=5)
    page.page.mouse.up()
    until(page, f"{CHART.format('timeline')}.getOption().dataZoom[0].end < 90")


def test_keys_zoom_and_move_and_show_the_whole(opened: Open, html: str) -> None:
    page = opened(html, size=(1366, 900))
    drawn(page, "timeline")
    page.page.locator("#timeline .chart").focus()
    page.page.keyboard.press("+")
    assert zoom(page) == pytest.approx([25, 75])
    page.page.keyboard.press("ArrowRight")
    assert zoom(page) == pytest.approx([37.5, 87.5])
    page.page.keyboard.press("0")
    assert zoom(page) == pytest.approx([0, 100])


def test_the_pointer_over_a_bar_says_what_it_is(opened: Open, html: str) -> None:
    page = opened(html, size=(1366, 900))
    drawn(page, "timeline")
    page.page.locator("#timeline").get_by_role("button", name="prefill").click()
    _point_at_a_bar(page)
    tip = page.page.locator("#timeline .tip")
    tip.wait_for()
    text = tip.inner_text()
    assert "takes" in text
    assert "prefill" in text


def test_a_search_says_how_many_bars_it_found(opened: Open, html: str) -> None:
    page = opened(html, size=(1366, 900))
    drawn(page, "timeline")
    page.page.get_by_label("highlight ops by name").fill("no such op")
    assert page.page.locator("#timeline .count").inner_text().startswith("0 of ")
    page.page.get_by_label("highlight ops by name").fill("attn")
    assert not page.page.locator("#timeline .count").inner_text().startswith("0 of ")


def test_the_steady_state_is_one_button_away(opened: Open, html: str) -> None:
    page = opened(html, size=(1366, 900))
    drawn(page, "timeline")
    before = page.js(f"{CHART.format('timeline')}.getOption().xAxis[0].max")
    page.page.locator("#timeline").get_by_role("button", name="steady state").click()
    assert "requests, at most" in page.page.locator("#timeline").inner_text()
    assert page.js(f"{CHART.format('timeline')}.getOption().xAxis[0].max") != before


def test_the_units_at_work_are_those_whose_bars_are_drawn(opened: Open, html: str) -> None:
    """The area under the line above the bars is the mean time for which units run something."""
    page = opened(html, size=(1366, 900))
    drawn(page, "timeline")
    found: Any = page.js(
        f"""(() => {{
          const points = {CHART.format("timeline")}.getOption().series.find((s) => s.id === "work").data;
          const length = points[points.length - 1][0];
          let area = 0;
          for (let i = 0; i + 1 < points.length; i += 1) area += (points[i + 1][0] - points[i][0]) * points[i][1];
          return area / length;
        }})()"""
    )
    verdict = judge(finished())
    busy = dict.fromkeys({a.where for p in verdict.programs for a in p.activities if a.task}, 0)
    for program, call in zip(verdict.programs, verdict.calls, strict=True):
        for activity, start, end in zip(program.activities, call.starts, call.ends, strict=True):
            busy[activity.where] = busy.get(activity.where, 0) + end - start
    units = {name: busy[name] for name in verdict.plan.target.unit if name in busy}
    whole = sum(call.ticks for call in verdict.calls)
    assert found == pytest.approx(sum(units.values()) / len(units) / whole, rel=0.02)


def test_the_pointer_over_a_unit_of_the_floor_plan_tells_its_figures(opened: Open, html: str) -> None:
    page = opened(html, size=(1366, 900))
    drawn(page, "floor")
    box = page.page.locator("#floor .chart").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.45 * box["height"])
    tip = page.page.locator("#floor .tip")
    tip.wait_for()
    assert "busy" in tip.inner_text()
    assert "systolic-32x32" in tip.inner_text()


def test_energy_and_time_are_two_views_of_one_chart(opened: Open, html: str) -> None:
    page = opened(html, size=(1366, 900))
    drawn(page, "causes")
    kind = f"{CHART.format('causes')}.getOption().series[0].type"
    assert page.js(kind) == "sankey"
    page.page.locator("#causes").get_by_role("button", name="time").click()
    assert page.js(kind) == "treemap"


def test_charts_follow_the_window_and_the_theme(opened: Open, html: str) -> None:
    page = opened(html, size=(1366, 900))
    drawn(page, "timeline")
    page.page.locator("#timeline .chart").focus()
    page.page.keyboard.press("+")
    light = page.js(f"{CHART.format('timeline')}.getOption().textStyle.color")
    page.page.get_by_role("button", name="light or dark").click()
    assert page.js(f"{CHART.format('timeline')}.getOption().textStyle.color") != light
    assert zoom(page) == pytest.approx([25, 75])
    page.page.set_viewport_size({"width": 900, "height": 900})
    until(page, f"{CHART.format('timeline')}.getWidth() < 900")


def test_hostile_names_are_text_in_every_chart(opened: Open) -> None:
    page = opened(hostile_page(), size=(1366, 900))
    for section in ("floor", "timeline", "roofline", "causes", "memory"):
        drawn(page, section)
        box = page.page.locator(f"#{section} .chart").first.bounding_box()
        assert box is not None
        for part in (0.15, 0.3, 0.45, 0.6, 0.75):
            page.page.mouse.move(box["x"] + part * box["width"], box["y"] + 0.45 * box["height"])
            page.page.wait_for_timeout(60)
    page.page.locator("#timeline").get_by_role("button", name="steady state").click()
    page.page.locator("#causes").get_by_role("button", name="time").click()
    page.page.wait_for_timeout(200)
    assert page.js("document.querySelectorAll('main img, main script, main iframe').length") == 0


def _point_at_a_bar(page: Opened) -> None:
    """Move the pointer to the first bar of some width."""
    at: Any = page.js(
        f"""(() => {{
          const chart = {CHART.format("timeline")};
          const found = [];
          chart.getZr().storage.getDisplayList(true).forEach((shape) => {{
            if (shape.type !== "rect" || !shape.parent || shape.silent || shape.z > 10) return;
            const box = shape.getBoundingRect().clone();
            box.applyTransform(shape.transform);
            const fits = box.width > 20 && box.height > 4 && box.height < 20 && box.y > 60;
            if (fits) found.push([box.x + box.width / 2, box.y + box.height / 2]);
          }});
          return found[0];
        }})()"""
    )
    box = page.page.locator("#timeline .chart").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + at[0], box["y"] + at[1])
    page.page.mouse.move(box["x"] + at[0] + 1, box["y"] + at[1])
