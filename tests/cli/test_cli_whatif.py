"""`mapper whatif`: names of figures, refusals and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from real_plans import finished, unplaced

from mapper.ir.serial import to_json

Mapper = Callable[..., Any]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(to_json(finished("gpt2-tiny", "edge-npu")))
    return path


def test_the_figures_are_listed_by_the_names_that_set_takes(mapper: Mapper, plan: Path) -> None:
    ran = mapper("whatif", plan, "--list")
    assert ran.code == 0
    assert "dsa.clock_hz" in ran.out
    assert "link.noc.bandwidth_bytes_per_s" in ran.out


def test_energies_are_listed_in_the_unit_of_measure_that_set_takes(mapper: Mapper, plan: Path) -> None:
    lines = {line.split()[0]: line for line in mapper("whatif", plan, "--list").out.splitlines()}
    assert " 0.7 pJ/bit " in lines["cpu.cache_energy_pj_per_bit"]
    assert " to 0.9 pJ/MAC " in lines["dsa.energy_pj_per_mac"]


def test_a_plan_that_becomes_impossible_is_an_answer(mapper: Mapper, plan: Path) -> None:
    ran = mapper("whatif", plan, "--set", "power_limit_w=0.1", "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found["after"] is None
    assert "idle power alone" in found["refusal"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "dsa.clock*=0"), "a factor lies between"),
        (("--set", "dsa.clok*=2"), "did you mean"),
        (("--set", "npu.clock*=2"), "no unit 'npu'"),
        (("--set", "dsa.task_start_s=1e-6"), "did you mean 'task_overhead_s'?"),
        (("--all", "--set", "dsa.clock*=2"), "leave --set"),
        (("--set", "cim.arrays=-3"), "greater than 0"),
        (("--set", "dsa.array_efficiency*=2"), "must be less than or equal to 1"),
        (("--reach", ""), "cannot read the limit"),
        (("--workers", "0"), "at least one"),
        (("--set", "dsa.clock*=2", "--out", "t.html"), "--out is for the table"),
        (("--model-precision", "int9"), "no precision 'int9'"),
    ],
)
def test_what_cannot_be_asked_says_why(mapper: Mapper, plan: Path, words: tuple[str, ...], told: str) -> None:
    ran = mapper("whatif", plan, *words)
    assert ran.code == 2
    assert told in ran.err


def test_an_unfinished_plan_says_what_to_do(mapper: Mapper, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(to_json(unplaced("gpt2-tiny", "edge-npu")))
    ran = mapper("whatif", tmp_path / "plan.json")
    assert ran.code == 2
    assert "not finished" in ran.err


@pytest.mark.slow
def test_a_change_is_answered_before_and_after(mapper: Mapper, plan: Path) -> None:
    ran = mapper("whatif", plan, "--set", "dsa.clock*=2", "--set", "cpu.clock*=2", "--quiet")
    assert ran.code == 0
    assert "what if  dsa.clock*=2 and cpu.clock*=2" in ran.out
    assert "no plan on the changed target is better than" in ran.out
