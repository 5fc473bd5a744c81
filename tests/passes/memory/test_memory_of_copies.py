"""Memory of copies: what each copy of a team keeps lies in its own part, as it would on a machine of its own."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples
from tiny_machines import Abacus, machine, prepared, sketch

from mapper.cost.judge import arena_slots, peaks
from mapper.errors import Infeasible
from mapper.hw.target import Target
from mapper.hw.teams import Arrangement, arranged
from mapper.ir.graph import Graph
from mapper.ir.plan import Plan
from mapper.ir.verify import verify
from mapper.pipeline.pass_ import Context, Effort
from passes.memory.memory import Memory, requests_that_fit
from passes.place.baselines import PlaceGreedy
from passes.schedule.schedule import Schedule

QUICK = Context(effort=Effort.QUICK)


def step() -> Graph:
    """A product that is added to a state of 64 bytes."""
    return sketch("y = matmul(x, w)", "s = add(past, y)", "z = softmax(s)", states=[("past", "s")])


def fit(target: Target) -> Plan | None:
    """The plan with one request's buffers, None where these or the weights do not fit."""
    plan = prepared(target, step())
    try:
        return Memory(max_inflight=1).run(Schedule(effort=0.0).run(PlaceGreedy().run(plan, QUICK), QUICK), QUICK)
    except Infeasible:
        return None


@examples(8, 25)
@given(st.integers(2, 5), st.integers(60, 250), st.integers(1, 12))
def test_copies_hold_as_many_requests_as_so_many_machines(copies: int, words: int, inflight: int) -> None:
    chips = [Abacus()] * copies
    together = machine(*chips, capacities=[4 * words] * copies)
    alone = fit(machine(*chips[:1], capacities=[4 * words]))
    folded = fit(arranged(together, Arrangement(1, copies)))
    assert (folded is None) == (alone is None)
    if alone is None or folded is None:
        return
    assert requests_that_fit(folded) == copies * requests_that_fit(alone)
    many = min(inflight, requests_that_fit(alone))
    alone, folded = replace(alone, inflight=many), replace(folded, inflight=copies * many)
    verify(folded)
    assert list(arena_slots(folded).values()) == [copies * n for n in arena_slots(alone).values()]
    assert list(peaks(folded).values()) == [copies * n for n in peaks(alone).values()]


def test_one_request_needs_the_room_of_its_own_copy() -> None:
    # weights 128 bytes, a state 64, buffers 64 and more: parts of 200 bytes are too small, whatever they are together
    target = machine(*[Abacus()] * 2, capacities=[200, 200])
    assert fit(arranged(target, Arrangement(1, 2))) is None
