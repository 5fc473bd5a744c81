"""`mapper diff`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_a_plan_and_itself_are_the_same_plan(mapper, compiled: Path) -> None:
    ran = mapper("diff", compiled, compiled / "plan.json", "--fail-on", "throughput<-2%")
    assert (ran.code, ran.err) == (0, "")
    assert "the same plan" in ran.out
    assert "why" not in ran.out


@pytest.fixture
def doubled(compiled: Path, tmp_path: Path) -> Path:
    """The plan as another seed and another version of a solver made it."""
    plan = json.loads((compiled / "plan.json").read_text())
    plan["source"] = [[k, "7" if k == "seed" else v] for k, v in plan["source"]]
    summary = json.loads((compiled / "summary.json").read_text())
    summary["versions"]["ortools"] = "1.2.3"
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    (tmp_path / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return tmp_path


def test_only_seeds_and_versions_differ(mapper, compiled: Path, doubled: Path) -> None:
    out = mapper("diff", compiled, doubled).out
    assert "the same plan, made from other inputs" in out
    assert "seed: 0 -> 7" in out
    assert "version of ortools:" in out


def test_a_broken_condition_exits_with_1_after_all_output(mapper, compiled: Path, doubled: Path) -> None:
    ran = mapper("diff", compiled, doubled, "--json", "--fail-on", "energy>-1%", "--fail-on", "energy>1%")
    assert ran.code == 1
    assert ran.err.splitlines() == [line for line in ran.err.splitlines() if line.startswith("failed: energy>-1%: ")]
    found = json.loads(ran.out)
    assert found["schema"] == 1
    assert found["same"] is True
    assert [line.partition(":")[0] for line in found["failed"]] == ["energy>-1%"]


@pytest.mark.parametrize("condition", ["throughput", "throughptu<1%"])
def test_a_condition_that_means_nothing_is_a_usage_error(mapper, compiled: Path, condition: str) -> None:
    ran = mapper("diff", compiled, compiled, "--fail-on", condition)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: --fail-on '{condition}': ")


def test_one_op_before_and_after(mapper, compiled: Path, doubled: Path) -> None:
    ran = mapper("diff", compiled, doubled, "--op", "c_attn")
    assert ran.code == 0
    assert "before" in ran.out
    assert "c_attn" in ran.out
    refused = mapper("diff", compiled, doubled, "--op", "no-such-op")
    assert (refused.code, refused.out) == (1, "")
    assert "no op 'no-such-op' in either plan" in refused.err


def test_a_folder_without_a_plan_and_an_unfinished_plan_are_refused(mapper, compiled: Path, tmp_path: Path) -> None:
    ran = mapper("diff", compiled, tmp_path)
    assert ran.code == 1
    assert "a folder without a plan.json" in ran.err
    plan = json.loads((compiled / "plan.json").read_text())
    del plan["figures"]
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    ran = mapper("diff", compiled, tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert "is not finished" in ran.err


def test_quiet_says_broken_conditions_only(mapper, compiled: Path, doubled: Path) -> None:
    ran = mapper("diff", compiled, doubled, "--quiet", "--fail-on", "energy>-1%")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("failed: energy>-1%: ")


def test_the_page_is_written_whole_beside_the_text(mapper, compiled: Path, doubled: Path, tmp_path: Path) -> None:
    out = tmp_path / "pages" / "diff.html"
    ran = mapper("diff", compiled, doubled, "--out", out)
    assert "the same plan" in ran.out
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [p.name for p in out.parent.iterdir()] == ["diff.html"]
    refused = mapper("diff", compiled, doubled, "--out", tmp_path)
    assert (refused.code, refused.out) == (1, "")
    assert "it is a folder" in refused.err
