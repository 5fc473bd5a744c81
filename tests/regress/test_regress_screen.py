"""A comparison is told the worst first, in text, Markdown and XML; names of models steer none of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring

from mapper.regress.baseline import Baseline
from mapper.regress.chance import Search
from mapper.regress.compared import Compared
from mapper.regress.record import Ended, Record
from mapper.regress.screen import junit, markdown, screen
from mapper.regress.verdicts import verdict

METRICS = {"throughput_per_s": 100.0, "gap": 0.01, "energy_j": 2.0, "ops on cpu": 3.0}
ONE = Record("bert/edge-npu/throughput", "k", Ended.FOUND, METRICS, {"case_s": 2.5})
HOSTILE = "<img src=x>|`a`\x1b[2J"


def made() -> Compared:
    slower = replace(ONE, metrics=METRICS | {"throughput_per_s": 90.0, "energy_j": 1.5, "ops on cpu": 4.0})
    gone = replace(ONE, case="gpt2/superhet/latency")
    crashed = replace(ONE, case=HOSTILE, ended=Ended.BROKEN, metrics={}, reason=f"KeyError: {HOSTILE}")
    verdicts = (
        verdict(ONE, slower),
        verdict(gone, None),
        verdict(None, crashed),
        verdict(None, replace(ONE, case="new one")),
        verdict(replace(ONE, case="same"), replace(ONE, case="same")),
    )
    baseline = Baseline("nightly").accept([ONE, gone], "Ada", "a better scheduler", datetime(2026, 11, 22, tzinfo=UTC))
    reasons = {ONE.case: ("10 % fewer requests per second: fc1 moved from dsa to cpu (+9.0 %)",)}
    return Compared("nightly", "2026", baseline, verdicts, reasons)


def test_the_screen_tells_the_worst_first_and_why(golden: Callable[[str, str], None]) -> None:
    golden("regress/screen.txt", screen(made()))


def test_a_screen_with_nothing_to_tell_says_that_all_is_well() -> None:
    quiet = replace(made(), verdicts=made().verdicts[-1:])
    assert not quiet.fails
    assert screen(quiet).endswith("passed: 1 same\n")
    many = replace(made(), verdicts=made().verdicts[:1] * 40)
    assert "and 10 more (--all shows them)" in screen(many)
    assert screen(many, whole=True).count("worse          bert") == 40


def test_what_needs_nobody_to_look_at_it_is_a_line_and_in_full_where_all_is_asked_for() -> None:
    moved = replace(ONE, placed="q", metrics=METRICS | {"energy_j": 3.0, "ops on cpu": 4.0})
    quiet = replace(made(), verdicts=(verdict(replace(ONE, placed="p"), moved),))
    assert "changed        bert/edge-npu/throughput                       energy_j +50 %, 1 more\n" in screen(quiet)
    assert "ops on cpu   " not in screen(quiet)
    assert "ops on cpu   " in screen(quiet, whole=True)
    assert "1 changed in what nobody searched for, or were skipped: bert/edge-npu/throughput\n" in markdown(quiet)
    lucky = replace(quiet, verdicts=(replace(quiet.verdicts[0], words="within the accepted gap"),))
    assert "      within the accepted gap\n" in screen(lucky)


def test_markdown_is_a_table_whatever_names_are(golden: Callable[[str, str], None]) -> None:
    text = markdown(made())
    golden("regress/comment.md", text)
    assert all(line.count("|") - line.count("\\|") == 7 for line in text.splitlines() if line.startswith("| "))
    assert "\x1b" not in text
    assert "<img" not in text.replace("\\<img", "")


def test_xml_has_a_failure_for_each_case_that_fails() -> None:
    root = fromstring(junit(made()))
    assert root.attrib == {"name": "nightly", "tests": "5", "failures": "2", "errors": "1", "skipped": "0"}
    kinds = {case.get("name"): [child.tag for child in case] for case in root}
    assert kinds["bert/edge-npu/throughput"] == ["failure"]
    assert kinds["same"] == []
    failure = root.find("testcase/failure")
    assert failure is not None
    assert failure.get("type") == "worse"
    assert "fc1 moved" in str(failure.text)


def test_the_data_has_every_case_with_its_changes() -> None:
    data = made().data
    assert data["counts"] == {"broken": 1, "missing": 1, "worse": 1, "new": 1, "same": 1}
    first = data["cases"][0]
    assert [c["metric"] for c in first["changes"]] == ["throughput_per_s", "energy_j", "ops on cpu"]
    assert first["why"]


def test_a_search_that_finds_less_in_many_cases_fails_in_xml_too() -> None:
    root = fromstring(junit(replace(made(), search=Search(20, -0.01, 0.001))))
    assert root.get("tests") == "6"
    assert root.get("failures") == "3"
    assert "the search finds less" in next(e.get("message", "") for e in root[-1])
