from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from real_plans import finished, run

from mapper.cost.estimate import Estimator
from mapper.cost.judge import Verdict, judge
from mapper.cost.residency import residency
from mapper.ir.plan import Objective, Plan
from mapper.report.chain import chain, kind_of_resource
from mapper.report.explain import explain
from mapper.report.limits import fills
from mapper.report.moves import Moves
from mapper.report.reasons import reasons
from mapper.report.remedies import remedy
from mapper.report.stretches import stretches


def tiny() -> Plan:
    return finished("gpt2-tiny", "superhet")


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return judge(tiny())


def test_a_move_is_told_as_the_judge_finds_it(verdict: Verdict) -> None:
    """The heaviest class is moved for good and judged: the limit, its load and the energy are as foretold."""
    known = Moves(verdict)
    row = max((r for r in reasons(tiny()) if r.alternatives), key=lambda r: r.cost.ticks)
    other = next(a for a in row.alternatives if not known.to(row.tasks, a.option).lacks)
    move, seats = known.to(row.tasks, other.option), known.seats(row.tasks, other.option)
    moved = {
        name: (at, tiny().target.unit[at].weights[option.source] if option.source >= 0 else "", option)
        for name, (at, option) in seats.items()
    }
    placement = tuple(
        replace(p, unit=moved[p.task][0], weights=moved[p.task][1], replicas=moved[p.task][2].replicas, tiles=0)
        if p.task in moved
        else p
        for p in tiny().placement or ()
    )
    undone = dict.fromkeys(("residency", "schedule", "memory", "inflight", "figures", "search"))
    plan = replace(tiny(), placement=placement, **undone)
    kept = residency(plan, Estimator(plan.target, plan.graph, plan.phases))
    after = judge(run(replace(plan, residency=kept), "schedule{effort=0},memory,judge"))
    limit = max(after.loads, key=lambda r: (after.loads[r], r))
    assert limit == move.limit
    assert max(verdict.loads.values()) / after.loads[limit] - 1 == pytest.approx(move.rate)
    dynamic = after.energy - after.energy_by_cause["idle"]
    assert dynamic - (verdict.energy - verdict.energy_by_cause["idle"]) == pytest.approx(
        verdict.energy * move.energy - (tiny().target.idle_power_w * verdict.interval) * (1 / (1 + move.rate) - 1),
        abs=1e-3 * verdict.energy,
    )


def test_what_does_not_fit_says_so(verdict: Verdict) -> None:
    known = Moves(verdict)
    row = next(r for r in reasons(tiny()) if any(a.option.source >= 0 for a in r.alternatives))
    other = next(a for a in row.alternatives if a.option.source >= 0)
    huge = replace(other.option, footprint_bytes=1 << 50)
    plan = replace(tiny(), options=tuple(huge if o == other.option else o for o in tiny().options or ()))
    move = Moves(replace(verdict, plan=plan)).to(row.tasks, huge)
    assert move.lacks_bytes > 1 << 49
    assert move.data()["lacks"] == move.lacks
    assert not known.to(row.tasks, other.option).lacks


def test_the_chain_goes_from_limit_to_limit(verdict: Verdict) -> None:
    found = chain(verdict)
    loads = verdict.loads
    assert found[0].resources[0] == verdict.steady.busiest
    for one, then in pairwise(found):
        assert one.then == then.resources[0]
        assert not set(one.resources) & set(then.resources)
        assert one.relieved is not None
        assert one.relieved == pytest.approx(max(loads.values()) / loads[one.then] - 1)
        assert 0 <= one.twice <= max(1.0, one.relieved)
    assert sum(s.part for s in fills(verdict, found[0].resources[0])) == pytest.approx(1.0)
    assert {kind_of_resource(tiny().target, r) for r in found[0].resources} == {found[0].kind}


@pytest.mark.parametrize("objective", [Objective.LATENCY, Objective.TTFT, Objective.TPOT])
def test_the_stretches_of_a_time_add_up_to_it(verdict: Verdict, objective: Objective) -> None:
    asked = replace(verdict, plan=replace(tiny(), objective=objective))
    parts = 1 if objective is not Objective.TPOT else tiny().phases[1].calls
    total = sum(s.ticks for s in stretches(asked))
    assert total / 1e12 / parts == pytest.approx(verdict.time(objective))


@pytest.mark.parametrize("objective", ["latency", "energy", "edp"])
def test_an_explanation_is_about_the_objective(verdict: Verdict, objective: str) -> None:
    text = explain(replace(verdict, plan=replace(tiny(), objective=Objective(objective), bounds=None))).text
    assert text.splitlines()[0].startswith(f"gpt2-tiny on superhet · {objective} · ")
    first = text.splitlines()[2]
    assert ("critical path" in first) == (objective == "latency")
    assert text.count("what is switched on for") == 1
    assert max(map(len, text.splitlines())) <= 118


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("reads and leaves 52.2 MB, memory cim0.buffer has 11.0 MB", "cim0.buffer of 52.2 MB (4.7 times as large)"),
        ("its weights need 1,200 arrays of 128x128, the unit has 400", "1,200 arrays (3 times as many)"),
        ("both operands change every call: 3.15 Mbit to write, and allow_dynamic is false", "allow_dynamic: true"),
        ("a table look-up reads rows as they are", ""),
    ],
)
def test_a_refusal_with_a_figure_says_what_it_would_take(reason: str, words: str) -> None:
    assert remedy(reason).startswith(words)
    assert bool(remedy(reason)) == bool(words)
