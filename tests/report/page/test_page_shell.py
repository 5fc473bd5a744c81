import json

import pytest
from browser import Open

from mapper.report.page.shell import Section, as_block, page

EVIL = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "<!--<script>",
    "a\u2028b\u2029c",
    "\u202egnp.exe\u2066",
    "'\"`${alert(3)}&amp;",
)


def test_data_in_a_block_cannot_end_it_or_begin_a_comment() -> None:
    text = as_block({"names": EVIL})
    assert not set("<>&\u2028\u202e") & set(text)
    assert json.loads(text)["names"] == list(EVIL)


def test_numbers_that_are_not_finite_are_null() -> None:
    assert as_block([float("inf"), float("nan"), 1.5, {"x": (float("-inf"),)}]) == '[null,null,1.5,{"x":[null]}]'


def test_equal_sections_give_equal_bytes() -> None:
    assert page("a", [_section()]) == page("a", [_section()])


def test_a_page_names_no_address() -> None:
    html = page("a", [_section()])
    for word in ("src=", "@import", "url(", "<link", "<iframe"):
        assert word not in html.partition('<script type="application/json"')[0], word


def _section(name: str = "seed") -> Section:
    return Section("reproduce", name, {"command": name, "facts": [(name, name)]}, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVIL)
def test_a_hostile_title_is_text_and_runs_nothing(opened: Open, name: str) -> None:
    found = opened(page(name, [_section(name)], name))
    shown = found.page.text_content("h1")
    assert shown is not None
    assert ("<" in name) == ("<" in shown)
    assert found.page.locator("img, section script, header script").count() == 0
