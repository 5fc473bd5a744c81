"""Bounds proved with many figures better at once: what they cover, and that they hold for each figure alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from real_plans import finished, unplaced

from mapper.compiled import resume
from mapper.hw.parameters import parameters
from mapper.hw.what_if import parse_change
from mapper.ir.plan import Bound, Plan
from mapper.whatif.answers import ENOUGH, Asker
from mapper.whatif.learning import AT_ONCE, groups, learn
from mapper.whatif.shadow import Proofs


@cache
def searched() -> Plan:
    """A plan that place-again can go on from."""
    placed = "place-cpsat,schedule,memory,judge"
    source = (("pipeline", f"partition,options,{placed}"), ("effort", "quick"), ("seed", "0"))
    return resume(replace(unplaced("gpt2-tiny", "edge-npu"), source=source), placed, effort="quick").plan


def names(plan: Plan, relaxed: float, **rests: float) -> list[list[str]]:
    """The figures by group, for a plan whose relaxation reaches this part of its value and rests on this."""
    asker = Asker(plan)
    value = asker.before.objective
    bound = Bound("throughput", value, "a bound", relaxed=relaxed * value, rests_on=tuple(rests.items()))
    return [[c.name for c in kind] for kind in groups(asker, parameters(plan.target), bound)]


def test_figures_go_together_by_kind_of_part_each_to_its_better_side() -> None:
    kinds = names(finished("gpt2-tiny", "edge-npu"), 0.5)
    assert any("dsa.clock_hz" in kind and "dsa.vector.lanes" in kind for kind in kinds)
    assert any("lpddr.capacity_bytes" in kind for kind in kinds)
    assert any(all("energy" in name or "power" in name or "_pj" in name for name in kind) for kind in kinds)
    assert not any("dsa.rows" in kind for kind in kinds)  # neither way is known to be the better one


def test_a_figure_that_speeds_up_what_the_bound_rests_on_is_left_out() -> None:
    plan = finished("gpt2-tiny", "edge-npu")
    busy = next(place.unit for place in plan.placement or ())
    every, others = names(plan, 0.5), names(plan, 0.5, **{busy: 0.9})
    left_out = {name for kind in every for name in kind} - {name for kind in others for name in kind}
    assert f"{busy}.clock_hz" in left_out
    assert all(name.startswith(f"{busy}.") for name in left_out)


def test_energies_are_left_out_where_the_power_limits() -> None:
    plan = finished("gpt2-tiny", "edge-npu")
    assert not any("energy_pj" in name for kind in names(plan, 0.5, power=1.0) for name in kind)


def test_where_linear_programs_are_enough_only_energies_are_worth_a_proof() -> None:
    kinds = names(finished("gpt2-tiny", "edge-npu"), 1.0)
    assert len(kinds) == 1
    assert not any("clock" in name for name in kinds[0])


@pytest.mark.slow
def test_a_bound_proved_of_many_improvements_at_once_holds_for_each_of_them() -> None:
    plan = searched()
    asker, some = Asker(plan, patience=0.05), parameters(plan.target)
    changes = [parse_change(f"{p.name}/=2") for p in some if p.unit_of_measure in ("pJ", "W")]
    assert len(changes) >= AT_ONCE
    proof = asker.proof(changes, ENOUGH)
    assert proof is not None
    asker.learn(proof)
    for change in changes[::4]:
        found, alone = asker.answer([change]), Asker(plan).answer([change])
        assert found.bound is not None
        assert alone.after is not None
        assert found.bound <= alone.after.objective * (1 + 1e-9)
        assert found.bound >= proof.value * 1e-12 * (1 - 1e-9)


@pytest.mark.slow
def test_what_is_learned_is_as_good_as_the_plan_s_own_bound_and_the_same_for_any_number_of_workers() -> None:
    plan, known = searched(), []
    for workers in (1, 2):
        asker = Asker(plan, patience=0.05)
        learn(asker, parameters(plan.target), Proofs(plan), workers)
        known.append([(proof.value, proof.problem) for proof in asker.known])
    assert known[0] == known[1]
    assert all(value >= known[0][0][0] * (1 - ENOUGH) for value, _ in known[0])


def test_a_change_that_a_figure_refuses_proves_nothing() -> None:
    asker = Asker(finished("gpt2-tiny", "edge-npu"))
    assert asker.proof([parse_change("dsa.arrays/=2")], ENOUGH) is None
