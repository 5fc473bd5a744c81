from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from real_plans import finished

from mapper.cost.judge import Verdict, judge
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.plan import Refusal
from mapper.report.placements import placement_rows

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return judge(finished())


@pytest.fixture(scope="module")
def rows(verdict: Verdict) -> Rows:
    return placement_rows(verdict)


def test_there_is_a_row_for_each_task_with_its_unit_and_weights(rows: Rows) -> None:
    assert [(r["op"], r["phase"]) for r in rows] == [(t.cluster, t.phase) for t in finished().tasks or ()]
    for row, task in zip(rows, finished().tasks or (), strict=True):
        place = finished().place[task.name]
        assert (row["unit"], row["weights_memory"], row["copies"]) == (place.unit, place.weights, place.replicas)


def test_rows_add_up_to_what_tasks_cost(verdict: Verdict, rows: Rows) -> None:
    tasks = [a for program in verdict.programs for a in program.activities if a.kind == "task"]
    assert sum(r["time_s"] for r in rows) == pytest.approx(sum(a.ticks for a in tasks) / TICKS_PER_SECOND)
    pj = sum(e for a in tasks for _, e in a.energy_pj)
    assert sum(r["energy_j"] for r in rows) == pytest.approx(pj / PJ_PER_J)


def test_a_row_says_what_else_could_run_the_op_and_why_it_fell_back(verdict: Verdict, rows: Rows) -> None:
    kinds = {u.name: u.kind for u in finished().target.units}
    row = next(r for r in rows if any(kinds[o.units[0]] != r["unit_kind"] for o in finished().options_of[r["class"]]))
    assert any(words.split()[0] in kinds.values() for words in row["alternatives"])
    wanted = next(k for k in kinds.values() if any(r["unit_kind"] == k and r["op"] != row["op"] for r in rows))
    refusals = tuple(Refusal(r["class"], wanted, r["op"], "too wide", "decode") for r in rows)
    refused = placement_rows(replace(verdict, plan=replace(finished(), refusals=refusals)))
    assert {r["fallback"] for r in refused if r["phase"] == "prefill"} == {""}
    assert f"not {wanted}: too wide (in decode)" in {r["fallback"] for r in refused if r["phase"] == "decode"}
