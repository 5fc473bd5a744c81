"""Whatever the machine and the graph, the default pipeline gives a plan that `mapper check` believes."""

from __future__ import annotations

from builders import TinyUnit, tiny_target
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from real_plans import run
from sweeps import examples
from tiny_machines import Abacus, Loom, machine, sketch

from mapper.cost.check import check
from mapper.errors import Infeasible
from mapper.hw.target import Memory, Target, Unit
from mapper.hw.work import UnitModel
from mapper.ir.graph import Graph, Phase
from mapper.ir.plan import Objective, Plan
from mapper.ir.request import decoding
from passes.pipelines import DEFAULT

TWO = (Phase("prefill", (), 1, (("seq", (6,)),)), Phase("decode", (), 5, (("seq", (1, 3)),), (0.5, 0.5)))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to eight ops on what came before."""
    values, lines = ["x"], []
    for i in range(draw(st.integers(1, 8))):
        fn = draw(st.sampled_from(["matmul", "relu", "add", "softmax"]))
        first, second = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        operands = {"matmul": f"{first}, w{i}", "add": f"{first}, {second}"}.get(fn, first)
        lines.append(f"v{i} = {fn}({operands})")
        values.append(f"v{i}")
    if draw(st.booleans()):
        return sketch(*lines, f"now = add({values[-1]}, past)", shape=("seq", 8), states=[("past", "now")])
    return sketch(*lines, shape=("seq", 8))


@st.composite
def machines(draw: st.DrawFn) -> Target:
    """A star of one to four units, or the tiny target of all tests with other figures."""
    if draw(st.booleans()):
        size, speed = draw(st.sampled_from([2000, 1 << 20])), draw(st.sampled_from([1e8, 1e9, 1e11]))
        model = TinyUnit(idle_power_w=draw(st.sampled_from([0.0, 0.5])))
        holds = ("weights", "state", "activations")
        return tiny_target(
            units=tuple(Unit(n, "tiny-unit", "tiny", model, f"{n}.mem", (f"{n}.mem",)) for n in "ab"),
            memories=tuple(Memory(f"{n}.mem", "sram", size, speed, 0.1, holds, (n,), n) for n in "ab"),
            power_limit_w=draw(st.sampled_from([None, 1.5])),
        )
    models: list[UnitModel] = [Abacus()]
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from([Abacus, Loom]))
        refuses = draw(st.sampled_from([(), ("softmax",), ("elementwise",)]))
        models.append(kind(ticks_per_element=draw(st.integers(0, 50)), refuses=refuses, copies=draw(st.integers(1, 4))))
    capacities = [draw(st.sampled_from([1500, 4000, 1 << 20])) for _ in models]
    return machine(*models, capacities=capacities, link=draw(st.sampled_from([1e7, 1e9, 1e12])))


@examples(3, 8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(machines(), graphs(), st.sampled_from(list(Objective)), st.sampled_from([TWO[:1], TWO]))
def test_any_plan_passes_check(target: Target, graph: Graph, objective: Objective, phases: tuple[Phase, ...]) -> None:
    plan = Plan(target, graph, phases, objective)
    assume(objective is not Objective.TPOT or any(decoding(plan)))
    try:
        plan = run(plan, DEFAULT)
    except Infeasible:
        assume(min(m.capacity_bytes for m in target.memories) > 4000)
        raise
    verdict = check(plan)
    (bound,) = plan.bounds or ()
    assert 0 <= bound.value <= verdict.value(objective) * (1 + 1e-9)
    if target.power_limit_w is not None:
        assert verdict.energy / verdict.interval <= target.power_limit_w * (1 + 1e-6)
