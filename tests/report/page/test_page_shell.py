import json

import pytest
from browser import Open
from hostile import EVIL, LINES, TURNED

from mapper.report.page.shell import Section, as_block, micro, page


def test_data_in_a_block_cannot_end_it_or_begin_a_comment() -> None:
    text = as_block({name: name for name in EVIL})
    assert not set("<>&") & set(text)
    assert set(json.loads(text)) > set(EVIL) - {LINES, TURNED}


def test_what_turns_text_around_or_breaks_lines_is_spelled_out() -> None:
    assert json.loads(as_block([LINES, TURNED])) == ["a\\u2028b\\u2029c", "\\u202egnp.exe\\u2066"]
    assert json.loads(as_block(["a\n\tb", "a\\nb", "\\\n"])) == ["a\\n\\tb", "a\\nb", "\\\\n"]


def test_numbers_that_are_not_finite_are_null() -> None:
    assert as_block([float("inf"), float("nan"), 1.5, {"x": (float("-inf"),)}]) == '[null,null,1.5,{"x":[null]}]'


def test_millionths_are_spelled_as_the_scripts_spell_them() -> None:
    assert (
        micro("9.36 us -> 22.7 us, 61.1 uJ, gpu0 us-east 3 units")
        == "9.36 µs -> 22.7 µs, 61.1 µJ, gpu0 us-east 3 units"
    )


def test_equal_sections_give_equal_bytes() -> None:
    assert page("a", [_section()]) == page("a", [_section()])


def test_a_page_refers_to_no_other_file() -> None:
    own = page("a", [_section()]).partition('<script type="application/json"')[0]
    assert not [word for word in ("src=", "@import", "url(", "<link", "<iframe") if word in own]


def test_the_policy_allows_the_page_s_own_scripts_alone() -> None:
    html = page("a", [_section()])
    policy = html.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[0]
    assert policy.startswith("default-src 'none'; ")
    assert policy.count("'sha256-") == html.count("<script>")
    assert "'unsafe-inline'" not in policy.partition("script-src")[2]


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


@pytest.mark.slow
def test_a_script_that_is_not_the_page_s_own_does_not_run(opened: Open) -> None:
    html = page("a", [_section()]).replace("</body>", "<script>document.title = 'run'</script></body>")
    found = opened(html)
    assert found.page.title() == "a"
    assert found.wrong
    assert all("Content Security Policy" in said for said in found.wrong)
    found.wrong.clear()
