"""A request's states go with it from phase to phase, and what sending them takes is counted once per request."""

from __future__ import annotations

from real_plans import run, unplaced

from mapper.cost.check import check
from mapper.cost.handover import hand_overs
from mapper.cost.program import Activity, Spelling
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Effort
from mapper.solve.placement import problem as pb
from passes.pipelines import FINISH
from passes.place.baselines import finish, one_unit
from passes.place.mending.gather import gathered
from passes.place.translate import Translation, translate


def _apart(t: Translation, first: str, then: str) -> pb.Solution:
    """The first phase on one unit, the second on another, as far as they can be there."""
    ways = [one_unit(t, first), one_unit(t, then)]
    choice: list[int] = []
    for i, (task, item) in enumerate(zip(t.tasks, t.problem.items, strict=True)):
        way = ways[item.phase]
        assert way is not None
        if not task.name.startswith("prefill/hand"):
            choice.append(way.choice[i])
            continue
        other = next(tie for tie in t.problem.ties if i in tie)[0]
        place = t.problem.items[other].options[choice[other]].place
        choice.append(next(o for o, option in enumerate(item.options) if option.place == place))
    return pb.Solution(tuple(choice))


def _planned(first: str, then: str) -> Plan:
    plan = unplaced("gpt2-tiny", "superhet")
    t = translate(plan)
    solution = _apart(t, first, then)
    pb.verify(t.problem, solution)
    placed = finish(plan, t, solution, "test", Context(effort=Effort.QUICK))
    return run(placed, FINISH.replace("schedule,", "schedule{effort=0},"))


def _sendings(plan: Plan) -> list[Activity]:
    return [a for program in Spelling(plan).programs() for a in program.activities if "/hand over " in a.name]


def test_a_plan_that_prefills_here_and_decodes_there_keeps_every_rule() -> None:
    plan = _planned("gpu0", "host")
    check(plan)  # the loads that the problem counted are the judge's, sendings among them
    sent = _sendings(plan)
    assert sent
    assert {a.name.split("/")[0] for a in sent} == {"prefill"}
    states = {r.what: r.memory for r in plan.residency or () if r.per_request}
    assert len([r for r in plan.residency or () if r.per_request]) == 2 * len(states)


def test_alike_units_are_refilled_with_the_receivers_of_their_states() -> None:
    plan = unplaced("gpt2-tiny", "superhet")
    t = translate(plan)
    for first, then in (("gpu0", "host"), ("cim0", "gpu0"), ("dsa1", "dsa0")):
        found = gathered(plan, t, _apart(t, first, then))
        if found is not None:
            pb.verify(t.problem, found)


def test_where_both_phases_run_on_one_unit_nothing_is_sent() -> None:
    assert _sendings(_planned("gpu0", "gpu0")) == []


def test_a_phase_hands_over_what_the_next_one_starts_from() -> None:
    plan = unplaced("gpt2-tiny", "superhet")
    found = hand_overs(plan)
    assert [(h.phase, h.to) for h in found] == [("prefill", "decode")] * len(plan.graph.states)
    shape = plan.graph.value[plan.graph.states[0].past].shape
    fixed = [d for d in shape if isinstance(d, int)]
    elements = 16  # positions that prefill leaves
    for d in fixed:
        elements *= d
    assert {h.elements for h in found} == {elements}


def test_a_search_is_free_to_place_phases_apart() -> None:
    t = translate(unplaced("gpt2-tiny", "superhet"))
    phases = {i: item.phase for i, item in enumerate(t.problem.items)}
    tied = [
        sorted({phases[i] for i in tie if not t.tasks[i].name.startswith("prefill/hand")}) for tie in t.problem.ties
    ]
    assert tied == [[1]] * len(tied)
