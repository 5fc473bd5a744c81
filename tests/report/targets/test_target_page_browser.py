"""The page of a target in a browser: it asks for nothing, draws its floor plan, and finds figures by mark."""

from __future__ import annotations

import pytest
from browser import Open

from mapper.hw.survey import survey
from mapper.report.targets.page import target_page

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("a100-80", "light"), ("superhet", "dark"), ("hgx-h100x12", "dark"), ("axelera-metis", "light")],
)
def test_a_page_of_a_target_draws_and_asks_for_nothing(opened: Open, name: str, scheme: str) -> None:
    found = opened(target_page(survey(name)), color_scheme=scheme)
    found.page.locator("#floor canvas").wait_for()
    assert found.asked == [found.path.as_uri()]
    assert not found.js("document.documentElement.scrollWidth > innerWidth")


def test_figures_are_found_by_their_mark(opened: Open) -> None:
    found = opened(target_page(survey("a100-80")))
    table = found.page.locator("#figures")
    table.get_by_label("mark").select_option("assumed")
    marks = table.locator("td .basis").all_text_contents()
    assert marks
    assert set(marks) == {"assumed"}
