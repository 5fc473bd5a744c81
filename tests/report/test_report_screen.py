from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from real_plans import finished
from sweeps import sweep

from mapper.cost.judge import Verdict, judge
from mapper.cost.steady import Steady
from mapper.report.explain import explain
from mapper.report.holdings import holdings
from mapper.report.limits import BUSY, largest_costs, resource_words, waiting
from mapper.report.screen import WIDTH, screen
from mapper.report.summary import summarise

TARGETS, OBJECTIVES = ("edge-npu", "superhet", "rram-cim"), ("throughput", "latency", "energy", "edp")
SCREENS = [(TARGETS[(first + o) % 3], OBJECTIVES[o]) for first in range(3) for o in range(4)]
"""Every target with every objective; among the first four is each of them."""


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return judge(finished("gpt2-tiny", "edge-npu"))


def text_of(verdict: Verdict) -> str:
    return screen(verdict, summarise(verdict, {"total": 3.21}, {}))


def test_the_screen_of_a_tiny_model(verdict: Verdict, golden: Callable[[str, str], None]) -> None:
    settled = replace(verdict, steady=Steady(125_000_000, "dsa", 0.8, 1000))  # whatever the simulation settles at
    text = text_of(settled)
    assert text.count("3.2 s") == 1
    golden("screen_gpt2_tiny.txt", text + "\n")


@pytest.mark.parametrize(("target", "objective"), sweep(SCREENS, 4))
def test_every_screen_fits(target: str, objective: str) -> None:
    text = text_of(judge(finished("gpt2-tiny", target, objective=objective)))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert len(text.splitlines()) <= 40


def test_long_names_are_shortened_and_figures_kept(verdict: Verdict) -> None:
    plan = verdict.plan
    long = replace(plan, graph=replace(plan.graph, name="a-model-with-a-name-" * 12 + "end"))
    lines = text_of(replace(verdict, plan=long)).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "…" in lines[0]
    assert lines[0].endswith("· 3.2 s")
    assert "requests/s" in lines[0]


def test_units_list_what_takes_time_casts_included_views_not() -> None:
    verdict = judge(finished("gpt2-tiny", "superhet"))
    held = holdings(verdict)
    kinds = {item.split()[1] for items in held.values() for item in items}
    assert "view" not in kinds
    casting = {a.where for p in verdict.programs for a in p.activities if a.kind == "cast" and a.ticks}
    for unit in casting & set(verdict.plan.target.unit):
        assert any("cast" in item for item in held[unit])


def test_a_busiest_resource_that_idles_is_explained(verdict: Verdict) -> None:
    idle = replace(verdict, steady=replace(verdict.steady, utilisation=0.7))
    words = " ".join(waiting(idle))
    assert "70 % busy" in words
    assert re.search(r"requests wait for one another \(\d+ in flight|one request at a time", words)
    assert waiting(replace(verdict, steady=replace(verdict.steady, utilisation=BUSY))) == []
    assert words in " ".join(text_of(idle).split())


def test_the_largest_costs_are_parts_of_a_whole(verdict: Verdict) -> None:
    shares = largest_costs(verdict, 1000)
    assert sum(s.part for s in shares) == pytest.approx(1)
    assert [s.part for s in shares] == sorted((s.part for s in shares), reverse=True)


def test_an_explanation_leaves_out_what_is_free_and_has_no_silly_ratio(verdict: Verdict) -> None:
    found = explain(verdict)
    assert all(row["time_s"] > 0 for row in found.data["ops"])
    assert not re.search(r"e\+\d\d?x| 0x ", found.text)
    refusals = [[r["unit_kind"] for r in row["refused"]] for row in found.data["ops"]]
    assert all(len(set(kinds)) == len(kinds) for kinds in refusals)


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("cim0//h/0/mlp/fc decode x2", "the arrays of /h/0/mlp/fc decode on cim0"),
        ("gpu0", "gpu0"),
        ("d2d.host-gpu0:gpu0>host", "d2d.host-gpu0:gpu0>host"),
        ("", ""),
    ],
)
def test_arrays_that_limit_are_called_so(resource: str, words: str) -> None:
    assert resource_words(resource) == words
