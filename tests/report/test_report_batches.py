"""Figures of a plan whose runs serve several requests are those of one request, wherever they stand."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from real_plans import finished

from mapper.cost.judge import Verdict, judge
from mapper.hw.work import PJ_PER_J
from mapper.report.explain import explain
from mapper.report.glance import parts
from mapper.report.glance.causes import time
from mapper.report.page import limiting, units
from mapper.report.summary import summarise
from mapper.report.units import si

BATCH = 4


@cache
def judged(batch: int) -> Verdict:
    """The same runs, said to serve one request each or several."""
    return judge(replace(finished("gpt2-tiny", "superhet"), batch=batch))


def summary(batch: int) -> dict[str, Any]:
    return summarise(judged(batch), {}, {})


@pytest.mark.parametrize(("part", "fields"), [
    ("units", ("energy_j", "busy_s")), ("links", ("bytes", "busy_s")), ("phases", ("energy_j",)),
])  # fmt: skip
def test_a_request_has_its_part_of_what_a_run_takes(part: str, fields: tuple[str, ...]) -> None:
    one, several = summary(0)[part], summary(BATCH)[part]
    assert any(row[fields[0]] for row in one.values())
    for name, row in one.items():
        assert {f: several[name][f] for f in fields} == pytest.approx({f: row[f] / BATCH for f in fields})


def test_phases_and_idle_power_are_the_energy_of_a_request() -> None:
    found = summary(BATCH)
    phases = sum(row["calls"] * row["energy_j"] for row in found["phases"].values())
    assert phases + found["energy_by_cause_j"]["idle"] == pytest.approx(found["energy_j"])


def test_units_have_no_more_than_all_energy() -> None:
    assert sum(row["energy_j"] for row in summary(BATCH)["units"].values()) <= summary(BATCH)["energy_j"]


def test_shares_on_the_page_do_not_depend_on_the_batch() -> None:
    shares = [
        [row["energy"] for row in units.section(judged(batch), summary(batch)).data["units"]] for batch in (0, BATCH)
    ]
    assert shares[1] == pytest.approx(shares[0])


def test_show_says_what_the_summary_says() -> None:
    bytes_of: dict[str, float] = {}
    shown = parts.links(judged(BATCH))
    assert shown is not None
    for resource, row in shown.data.items():
        link = resource.rpartition(":")[0]
        bytes_of[link] = bytes_of.get(link, 0) + row["bytes"]
    expected = {name: row["bytes"] for name, row in summary(BATCH)["links"].items() if row["bytes"]}
    assert bytes_of == pytest.approx(expected)
    assert time(judged(BATCH)).data == pytest.approx({k: x / BATCH for k, x in time(judged(0)).data.items()})


def test_the_text_of_explain_says_what_the_summary_says() -> None:
    text, expected = explain(judged(BATCH)).text, summary(BATCH)["bands"]
    for name, field, unit in (("requests/s", "throughput_per_s", ""), ("energy", "energy_j", "J")):
        (line,) = [x for x in text.splitlines() if x.startswith(f"  {name} ") and ", from " in x]
        assert line.endswith(f"from {si(expected[field]['low'], unit)} to {si(expected[field]['high'], unit)}")


def test_the_critical_path_is_that_of_a_batch() -> None:
    told = [limiting.section(judged(batch), summary(batch)) for batch in (0, BATCH)]
    assert [s.data["path_of"] for s in told if s] == ["of a request alone", "of a batch alone"]


def test_explain_says_what_the_summary_says() -> None:
    found, expected = json.loads(json.dumps(explain(judged(BATCH)).data)), summary(BATCH)
    assert found["energy_j"] == pytest.approx(expected["energy_by_cause_j"])
    assert found["bands"] == expected["bands"]
    assert sum(expected["energy_by_cause_j"].values()) == pytest.approx(judged(BATCH).energy / PJ_PER_J / BATCH)
