from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browser import Open, Opened
from hostile import EVIL, IMAGE
from made_pages import hostile_page, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = pytest.mark.slow

PRINTED = """() => addEventListener("beforeprint", () => {
    const boxes = [...document.querySelectorAll(".chart")];
    const drawn = boxes.filter((b) => b.querySelector("canvas")).length;
    const width = Math.max(...boxes.map((b) => b.getBoundingClientRect().width));
    window.printed = [document.documentElement.dataset.theme, boxes.length, drawn, width];
})"""
"""Notes how the page stands when it is about to be printed, once its own scripts have seen to it."""

SCROLLS = "document.documentElement.scrollWidth > innerWidth"


def _scrolled(found: Opened) -> None:
    """The whole page has been in the window, so that all charts are drawn."""
    height = found.js("document.documentElement.scrollHeight")
    for top in range(0, height, 500):
        found.js(f"scrollTo({{top: {top}, behavior: 'instant'}})")
        found.page.wait_for_timeout(40)


@pytest.mark.parametrize(
    ("objective", "scheme"), [("throughput", "light"), ("latency", "dark"), ("energy", "light"), ("edp", "dark")]
)
def test_a_page_complains_of_nothing_and_asks_for_nothing(opened: Open, objective: str, scheme: str) -> None:
    target = "edge-npu" if objective == "edp" else "superhet"
    found = opened(page_of(target, objective), color_scheme=scheme)
    _scrolled(found)
    assert found.js("document.documentElement.dataset.theme") == scheme
    assert found.asked == [found.path.as_uri()]


def test_a_search_finds_an_op_and_its_row_tells_why_it_fell_back(opened: Open) -> None:
    found = opened(page_of())
    table = found.page.locator("#placement")
    table.get_by_role("searchbox").fill("h/1/attn/MatMul_73 prefill")
    rows = table.locator("tr.opens")
    assert rows.count() == 1
    assert "1 of" in (table.get_by_role("status").text_content() or "")
    rows.first.click()
    detail = table.locator("tr.detail").text_content() or ""
    assert "both operands change every call" in detail
    rows.first.click()
    assert table.locator("tr.detail").count() == 0


def test_a_search_reaches_the_reasons_too_and_can_find_nothing(opened: Open) -> None:
    found = opened(page_of())
    table = found.page.locator("#placement")
    field = table.get_by_role("searchbox")
    field.fill("cell writes")
    assert table.locator("tr.opens").count() > 0
    field.fill("no such op anywhere")
    assert table.locator("tr.opens").count() == 0
    assert (table.get_by_role("status").text_content() or "").startswith("0 of")


LONG_TABLE = """() => {
    const root = document.body.appendChild(document.createElement("section"));
    root.id = "long";
    mapper.ui.table(root, [{ key: "n", title: "n" }], Array.from({ length: 60 }, (_, n) => ({ n })));
}"""


def test_paper_says_what_it_leaves_out(opened: Open) -> None:
    found = opened(page_of())
    found.js(LONG_TABLE)
    notes = {name: found.page.locator(f"#{name} > .printed, #{name} .body > .printed") for name in _LEFT_OUT}
    assert not any(note.is_visible() for note in notes.values())
    found.page.emulate_media(media="print")
    found.js("dispatchEvent(new Event('beforeprint'))")
    assert {name: note.text_content() for name, note in notes.items()} == _LEFT_OUT
    assert all(note.is_visible() for note in notes.values())
    assert found.page.locator("#timeline .screen").is_hidden()


_LEFT_OUT = {
    "timeline": "Not on paper: the view “steady state”.",
    "causes": "Not on paper: time by cause.",
    "memory": "Not on paper: one request.",
    "placement": "Not on paper: what closed rows open to.",
    "long": "Not on paper: 10 more rows.",
}


@pytest.mark.parametrize(("objective", "words"), [("throughput", "has more than"), ("latency", "needs less than")])
def test_the_bound_is_said_in_the_units_of_the_headline(opened: Open, objective: str, words: str) -> None:
    found = opened(page_of("superhet", objective))
    said = found.page.locator("#bound .words").text_content() or ""
    number, unit = re.match(r"([\d.]+ ?k?) ?(\S+); no placement " + words, said).groups()  # type: ignore[union-attr]
    main = (found.page.locator("#headline .main b").text_content() or "").split()
    assert unit == main[-1]
    assert float(number.split()[0]) == pytest.approx(float(main[0]), rel=5e-3)


def test_a_column_sorts_both_ways_and_says_so(opened: Open) -> None:
    found = opened(page_of())
    table = found.page.locator("#placement")
    head = table.locator("th", has_text=re.compile("^of busy time$"))
    head.get_by_role("button").click()
    down = _shares(table)
    assert head.get_attribute("aria-sort") == "descending"
    assert down == sorted(down, reverse=True)
    head.get_by_role("button").click()
    up = _shares(table)
    assert head.get_attribute("aria-sort") == "ascending"
    assert up == sorted(up)


def _shares(table: Locator) -> list[float]:
    """The column of shares from the top down, in percent."""
    shown = table.locator("tr.opens td:nth-child(6) .part").all_inner_texts()
    return [float(text.removeprefix("< ").split()[0]) for text in shown]


def test_filters_leave_one_unit_or_the_fallbacks_alone(opened: Open) -> None:
    found = opened(page_of())
    table = found.page.locator("#placement")
    table.get_by_label("unit", exact=True).select_option("cim0")
    shown = table.locator("tr.opens td:nth-child(4)").all_inner_texts()
    assert {text.split("\u00a0")[0] for text in shown} == {"cim0"}
    table.get_by_label("unit", exact=True).select_option("")
    table.get_by_label("only fallbacks").check()
    assert 0 < table.locator("tr.opens").count() == table.locator("tr.opens mark").count()


def test_equal_ops_can_stand_as_one(opened: Open) -> None:
    found = opened(page_of())
    table = found.page.locator("#placement")
    all_rows = table.get_by_role("status").text_content()
    table.get_by_label("equal ops once").check()
    some = re.match(r"(\d+) of (\d+)", table.get_by_role("status").text_content() or "")
    assert some
    assert int(some[1]) < int(some[2])
    assert (all_rows or "").startswith(some[2])


def test_hostile_names_are_text_and_run_nothing(opened: Open) -> None:
    found = opened(hostile_page())
    _scrolled(found)
    table = found.page.locator("#placement")
    table.get_by_label("only fallbacks").check()
    for row in table.locator("tr.opens").all():
        row.click()
    shown = found.page.locator("body").inner_text()
    for name in (EVIL[0], EVIL[1], EVIL[2], EVIL[5]):
        assert name in shown, name
    assert IMAGE in (table.locator("tr.detail").first.text_content() or "")
    assert "\u202e" not in shown
    assert found.page.locator("img, main script").count() == 0
    found.page.locator("#floor").hover(position={"x": 400, "y": 200})


def test_the_theme_follows_the_system_until_it_is_chosen(opened: Open) -> None:
    found = opened(page_of(), color_scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = found.js(ground)
    found.page.emulate_media(color_scheme="dark")
    found.page.wait_for_selector("html[data-theme=dark]", state="attached")
    assert found.js(ground) != light
    found.page.get_by_role("button", name="light or dark").click()
    assert found.js(ground) == light


@pytest.mark.parametrize("width", [1366, 1024, 400])
def test_nothing_is_wider_than_the_window(opened: Open, width: int) -> None:
    for html in (page_of(), hostile_page()):
        found = opened(html, size=(width, 768))
        _scrolled(found)
        assert not found.js(SCROLLS)


def test_print_has_all_charts_and_is_light(opened: Open) -> None:
    found = opened(page_of(), color_scheme="dark")
    found.js(PRINTED)
    pdf = found.page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    theme, charts, drawn, width = found.js("window.printed")
    assert theme == "light"
    assert charts == drawn > 0
    assert width <= 700
    assert found.js("document.documentElement.dataset.theme") == "dark"


def test_the_keyboard_reaches_and_opens_a_row(opened: Open) -> None:
    found = opened(page_of())
    first = found.page.locator("#placement .opener").first
    found.page.locator("#placement").get_by_role("searchbox").focus()
    for _ in range(40):
        found.page.keyboard.press("Tab")
        if first.evaluate("(x) => x === document.activeElement"):
            break
    outline = first.evaluate("(x) => getComputedStyle(x).outlineStyle")
    assert outline == "solid"
    found.page.keyboard.press("Enter")
    assert first.get_attribute("aria-expanded") == "true"
    assert found.page.locator("#placement tr.detail").count() == 1


def test_the_command_can_be_copied(opened: Open) -> None:
    found = opened(page_of(), permissions=["clipboard-read", "clipboard-write"])
    section = found.page.locator("#reproduce")
    section.get_by_role("button", name="copy").click()
    section.get_by_text("copied").wait_for(timeout=3000)
    assert found.js("navigator.clipboard.readText()") == section.locator("code").text_content()
