"""The plan of `place-cpsat` is never worse than a baseline's, and says the truth about itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from real_plans import Brief, run, unplaced
from sweeps import sweep
from tiny_machines import Abacus, Loom, layers, machine, prepared

from mapper.cost.judge import Verdict, judge
from mapper.errors import Infeasible
from mapper.frontend import load_model, parse_phase
from mapper.hw import plugins
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.ir.plan import Objective, Plan, Status
from mapper.pipeline.pass_ import Context, Effort
from mapper.pipeline.pipeline import parse
from passes.pipelines import FINISH, PREPARE

BASELINES = ("place-one-unit", "place-round-robin", "place-greedy", "place-heft", "place-stages", "place-by-phase")
TARGETS = ("superhet", "a100-80", "dgx-a100", "xeon-8592", "edge-npu", "rram-cim")
REAL = {
    "bert-base.ts17": ("run: batch=1 seq=128",),
    "gpt2-decode.dynamo18": ("decode: batch=1 past=512",),
    "llama-tiny-decode.dynamo18": ("decode: batch=1 past=512",),
    "vit-b16.ts17": ("run: batch=1",),
}
ROUNDING = 1 + 1e-9
OF_ANY_PLAN = [o for o in Objective if o is not Objective.TPOT]
"""Those that need no phase that makes tokens after the first."""
TINY = [
    (("gpt2-tiny", "bert-tiny")[(t + o) % 2 and objective in OF_ANY_PLAN], target, objective)
    for t, target in enumerate(TARGETS)
    for o, objective in enumerate(Objective)
]
"""Every objective on every target, the models in turn."""
REAL_CASES = [
    ("bert-base.ts17", "superhet", Objective.THROUGHPUT),
    ("gpt2-decode.dynamo18", "superhet", Objective.LATENCY),
    ("llama-tiny-decode.dynamo18", "edge-npu", Objective.THROUGHPUT),
    ("vit-b16.ts17", "edge-npu", Objective.LATENCY),
]
"""Every real model once, each target with each objective."""


@cache
def _searched(plan: Plan, how: type[Context] = Context) -> Plan:
    return run(plan, f"place-cpsat,{FINISH}", how(effort=Effort.QUICK))


def _never_worse(plan: Plan, how: type[Context] = Context) -> Verdict:
    """The verdict on the searched plan, after comparing it with every baseline and with what it says of itself."""
    finished = _searched(plan, how)
    found = judge(finished)
    best = found.value(plan.objective)
    worse = {}
    for name in BASELINES:
        try:
            other = judge(run(plan, f"{name},{FINISH}", how(effort=Effort.QUICK))).value(plan.objective)
        except Infeasible:
            continue
        if best > other * ROUNDING:
            worse[name] = f"{best:.9g} > {other:.9g} ({best / other - 1:.2e})"
    assert not worse
    (bound,) = finished.bounds or ()
    assert 0 <= bound.value <= best * ROUNDING
    assert bound.objective == plan.objective.value
    if finished.search and finished.search.status is Status.OPTIMAL:
        assert best <= bound.value * ROUNDING
    _keeps_power_limit(found)
    return found


def _keeps_power_limit(found: Verdict) -> None:
    limit = found.plan.target.power_limit_w
    if limit is not None:
        assert found.energy / found.interval <= limit * (1 + 1e-6)  # 1 pJ per tick = 1 W


@pytest.mark.slow
@pytest.mark.parametrize(("model", "target", "objective"), TINY)
def test_the_search_is_never_worse_than_a_baseline(model: str, target: str, objective: Objective) -> None:
    _never_worse(replace(unplaced(model, target), objective=objective), Brief)


@pytest.mark.parametrize(
    ("model", "target", "objective"),
    sweep([("bert-tiny", "rram-cim", Objective.LATENCY), ("bert-tiny", "superhet", Objective.THROUGHPUT)], 1),
)
def test_the_search_is_never_worse_than_a_baseline_on_two_samples(
    model: str, target: str, objective: Objective
) -> None:
    _never_worse(replace(unplaced(model, target), objective=objective), Brief)


@cache
def _real(folder: Path, model: str, target: str) -> Plan:
    phases = [parse_phase(text) for text in REAL.get(model, ("decode: batch=1 past=512",))]
    imported = load_model(folder / f"{model}.onnx", phases)
    return run(Plan(load_target(target), imported.graph, imported.phases), PREPARE)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "target", "objective"), REAL_CASES)
def test_the_search_is_never_worse_on_real_models(
    models_folder: Path, model: str, target: str, objective: Objective
) -> None:
    _never_worse(replace(_real(models_folder, model, target), objective=objective))


@pytest.mark.parametrize("objective", OF_ANY_PLAN)
def test_the_search_is_never_worse_on_a_tiny_machine(objective: Objective) -> None:
    target = machine(Abacus(), Loom(ticks_per_element=5, copies=2, idle_power_w=0.1), Abacus())
    _never_worse(replace(prepared(target, layers(5)), objective=objective), Brief)


@pytest.mark.parametrize("target", sweep(["edge-npu", "superhet"], 1))
@pytest.mark.parametrize("place", BASELINES)
def test_a_baselines_bound_holds_for_it(place: str, target: str) -> None:
    finished = run(unplaced("bert-tiny", target), f"{place},schedule{{effort=0}},memory", Brief())
    (bound,) = finished.bounds or ()
    assert 0 <= bound.value <= judge(finished).value(Objective.THROUGHPUT) * ROUNDING


def test_two_runs_give_equal_plans() -> None:
    plan = replace(unplaced("bert-tiny", "rram-cim"), objective=Objective.LATENCY)
    assert _searched(plan, Brief) == run(plan, f"place-cpsat,{FINISH}", Brief())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "objective"),
    [("superhet", Objective.EDP), ("edge-npu", Objective.THROUGHPUT), ("rram-cim", Objective.LATENCY)],
)
def test_two_runs_give_equal_plans_everywhere(target: str, objective: Objective) -> None:
    plan = replace(unplaced("gpt2-tiny", target), objective=objective)
    assert run(plan, f"place-cpsat,{FINISH}", Brief()) == run(plan, f"place-cpsat,{FINISH}", Brief())


@pytest.mark.parametrize("target", sweep(["edge-npu", "a100-80"], 1))
def test_one_phase_alone_is_placed_as_by_the_joint_search(target: str) -> None:
    plan = unplaced("bert-tiny", target)
    by_phase, joint = (run(plan, f"{place},{FINISH}", Brief()) for place in ("place-by-phase", "place-cpsat"))
    assert by_phase == joint


def test_a_search_that_is_stopped_beforehand_still_gives_a_plan() -> None:
    stop = threading.Event()
    stop.set()
    pipeline = parse(f"place-cpsat,{FINISH}", lambda name: plugins.load("passes", name))
    plan = pipeline.run(unplaced("bert-tiny", "superhet"), Context(effort=Effort.QUICK, stop=stop))
    assert plan.search is not None
    assert plan.search.status is Status.INTERRUPTED
    assert judge(plan).figures == plan.figures


def _on(target: Target) -> Plan:
    """The tiny GPT-2 with the options of another target."""
    return run(replace(unplaced(), target=target, clusters=None, options=None, tasks=None), "partition,options")


def test_a_chip_too_small_for_the_weights_is_told_the_demand_the_offer_and_the_levers(
    pocket: Callable[[int], Target],
) -> None:
    plan = _on(pocket(100_000))
    with pytest.raises(Infeasible) as error:
        run(plan, "place-cpsat")
    text = str(error.value)
    assert error.value.exit_code == 3
    assert "gpt2-tiny does not fit pocket in prefill, decode" in text
    assert "for weights" in text
    assert "for the states of one request" in text
    assert "memories that hold weights: ram 0.1 MB" in text
    assert "levers: " in text
    assert "more ram (" in text


@pytest.mark.parametrize("place", BASELINES)
def test_a_baseline_that_finds_nothing_points_to_the_search(place: str, pocket: Callable[[int], Target]) -> None:
    plan = _on(pocket(100_000))
    with pytest.raises(Infeasible, match=f"{place} finds no placement of gpt2-tiny on pocket"):
        run(plan, place)


@pytest.mark.slow
def test_seven_billion_weights_do_not_fit_four_gigabytes(models_folder: Path) -> None:
    plan = _real(models_folder, "llama2-7b-decode.dynamo18.noopt", "edge-npu")
    with pytest.raises(Infeasible) as error:
        run(plan, "place-cpsat")
    text = str(error.value)
    assert error.value.exit_code == 3
    assert "does not fit edge-npu" in text
    assert "lpddr 4.29 GB" in text
    assert "levers: weights in int" in text
