from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from shlex import split

import pytest
from real_plans import finished

from mapper.cost.judge import Verdict, judge
from mapper.cost.steady import Steady
from mapper.errors import UsageError
from mapper.report.explain import explain
from mapper.report.glance.roofs import bound_by
from mapper.report.glance.section import spark
from mapper.report.glance.sections import SECTIONS, _pasted, chosen, glance, glance_data
from mapper.report.reproduce import command

STABLE = ("memories", "links", "timeline", "energy", "time", "roofline", "bound")


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    settled = Steady(125_000_000, "dsa", 0.8, 1000)  # whatever the simulation settles at
    return replace(judge(finished()), steady=settled)


def test_a_tiny_plan_at_a_glance(verdict: Verdict, golden: Callable[[str, str], None]) -> None:
    text = glance(verdict, STABLE)
    assert max(map(len, text.splitlines())) <= 118
    golden("glance_gpt2_tiny.txt", text + "\n")


def test_the_explanation_of_a_tiny_plan(verdict: Verdict, golden: Callable[[str, str], None]) -> None:
    text = explain(verdict).text
    assert max(map(len, text.splitlines())) <= 118
    golden("explain_gpt2_tiny.txt", text + "\n")


def test_sparks_show_whatever_is_more_than_nothing() -> None:
    assert spark([0.0, 0.01, 0.5, 1.0, 2.0]) == " ▁▄██"


def test_sections_are_told_in_their_own_order_and_the_simulated_one_only_if_asked_for() -> None:
    assert chosen(["time", "links"]) == ("links", "time")
    assert "steady" in chosen(["steady"])
    assert "steady" not in chosen([])
    with pytest.raises(UsageError, match="no section 'tmeline'"):
        chosen(["tmeline"])


def test_the_data_of_all_sections_is_json_and_agrees_with_the_verdict(verdict: Verdict) -> None:
    found = json.loads(json.dumps(glance_data(verdict, STABLE)))
    assert set(STABLE) < SECTIONS.keys()
    for name, row in found["memories"].items():
        assert row["peak_bytes"] == verdict.peaks[name]
        assert row["weights_bytes"] + row["states_bytes"] + row["buffers_bytes"] == row["peak_bytes"]
        assert row["buffers_bytes"] >= 0
    assert sum(found["energy"].values()) == pytest.approx(verdict.energy / 1e12)
    ticks = sum(p.calls * a.ticks for p, x in zip(verdict.plan.phases, verdict.programs, strict=True)
                for a in x.activities)  # fmt: skip
    assert sum(found["time"].values()) == pytest.approx(ticks / 1e12)


def test_a_timeline_holds_as_much_work_as_the_call(verdict: Verdict) -> None:
    rows = glance_data(verdict, ["timeline"])["timeline"]
    phase, program, call = verdict.plan.phases[1], verdict.programs[1], verdict.calls[1]
    for unit, row in rows[phase.name].items():
        if unit in verdict.plan.target.unit:
            spans = zip(program.activities, call.starts, call.ends, strict=True)
            busy = sum(a.share * (end - start) for a, start, end in spans if a.where == unit)
            assert sum(row) * call.ticks / len(row) <= busy * 1.001
            assert sum(row) * call.ticks / len(row) == pytest.approx(busy, rel=0.05)


def test_a_command_in_several_lines_is_the_command(verdict: Verdict) -> None:
    line = command(verdict.plan)
    lines = _pasted(line)
    assert len(lines) > 1
    assert split(" ".join(part.removesuffix("\\") for part in lines)) == split(line)


def test_several_requests_in_flight_are_seen_in_the_steady_state() -> None:
    found = SECTIONS["steady"](judge(finished()))
    assert found is not None
    assert all(0 <= x <= 1.001 for row in found.data["units"].values() for x in row)
    alone = judge(replace(finished(), inflight=1))
    assert SECTIONS["steady"](alone) is None


@pytest.mark.parametrize(
    ("part", "which", "words"),
    [
        (None, "memory", "overhead"),
        (0.2, "compute", "overhead"),
        (0.9, "memory", "memory"),
        (1.0, "compute", "compute"),
        (2.1, "memory", "cache"),
    ],
)
def test_an_op_near_its_roof_is_bound_by_what_the_roof_is_of(part: float | None, which: str, words: str) -> None:
    assert bound_by(part, which) == words


def test_an_explanation_tells_the_classes_that_take_the_most_time(verdict: Verdict) -> None:
    told = explain(verdict).text
    heads = [line for line in explain(verdict, op="").text.splitlines() if line.endswith(" of the time")]
    parts = [float(line.split(", ")[-1].split()[0]) for line in heads]
    assert parts == sorted(parts, reverse=True)
    assert [line in told for line in heads] == [i < 8 for i in range(len(heads))]
    assert len(heads) > 8
    assert "of the time together: mapper explain PLAN --op NAME" in told
