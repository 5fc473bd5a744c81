from __future__ import annotations

from dataclasses import replace

import pytest
from real_plans import finished

from mapper.cost.judge import judge
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.plan import Refusal
from mapper.report.placements import placement_rows

PLAN = finished()
VERDICT = judge(PLAN)
ROWS = placement_rows(VERDICT)


def test_there_is_a_row_for_each_task_with_its_unit_and_weights() -> None:
    assert [(r["op"], r["phase"]) for r in ROWS] == [(t.cluster, t.phase) for t in PLAN.tasks or ()]
    for row, task in zip(ROWS, PLAN.tasks or (), strict=True):
        place = PLAN.place[task.name]
        assert (row["unit"], row["weights_memory"], row["copies"]) == (place.unit, place.weights, place.replicas)


def test_rows_add_up_to_what_tasks_cost() -> None:
    tasks = [a for program in VERDICT.programs for a in program.activities if a.kind == "task"]
    assert sum(r["time_s"] for r in ROWS) == pytest.approx(sum(a.ticks for a in tasks) / TICKS_PER_SECOND)
    pj = sum(e for a in tasks for _, e in a.energy_pj)
    assert sum(r["energy_j"] for r in ROWS) == pytest.approx(pj / PJ_PER_J)


def test_a_row_says_what_else_could_run_the_op_and_why_it_fell_back() -> None:
    kinds = {u.name: u.kind for u in PLAN.target.units}
    row = next(r for r in ROWS if any(kinds[o.units[0]] != r["unit_kind"] for o in PLAN.options_of[r["class"]]))
    assert any(words.split()[0] in kinds.values() for words in row["alternatives"])
    wanted = next(k for k in kinds.values() if any(r["unit_kind"] == k and r["op"] != row["op"] for r in ROWS))
    refusals = tuple(Refusal(r["class"], wanted, r["op"], "too wide", "decode") for r in ROWS)
    refused = placement_rows(replace(VERDICT, plan=replace(PLAN, refusals=refusals)))
    assert {r["fallback"] for r in refused if r["phase"] == "prefill"} == {""}
    assert f"not {wanted}: too wide (in decode)" in {r["fallback"] for r in refused if r["phase"] == "decode"}
