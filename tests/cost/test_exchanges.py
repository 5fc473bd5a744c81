"""A rank graph: one rank of a group, whose exchanges the system that the target belongs to prices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cost_builders import Clockwork, machine

import mapper
from mapper.cost.check import check
from mapper.cost.exchanges import among_ranks, exchange_cost, ranks_of, why_no_exchange, with_group
from mapper.errors import MapperError
from mapper.hw.collective import quickest
from mapper.hw.load import load_target
from mapper.hw.target import Target, Team
from mapper.hw.what_if import changed
from mapper.hw.work import TICKS_PER_SECOND, DType, Operand, Role, Work
from mapper.ir.graph import Graph, Op, Value
from mapper.ir.serial import from_json, to_json
from mapper.report.screen import screen
from samples.models import decoder

PHASE = ["prefill: batch=4 seq=32 past=0"]


def written(folder: Path, ranks: int) -> Path:
    path = folder / "rank.onnx"
    path.write_bytes(decoder.build(replace(decoder.TINY, ranks=ranks)).SerializeToString())
    return path


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> mapper.Compiled:
    path = written(tmp_path_factory.mktemp("rank"), 2)
    return mapper.compile(path, "a100-80", PHASE, pipeline="one-unit")


def test_an_all_reduce_costs_what_the_system_of_the_target_measured(compiled: mapper.Compiled) -> None:
    plan, system = compiled.plan, load_target("dgx-a100")
    (repeat,) = {c.repeat for c in plan.clusters or () if plan.graph.op[c.name].kind == "all_reduce"}
    (option,) = plan.options_of[repeat]
    size = 2 * 4 * 32 * decoder.TINY.width
    seconds = quickest(system, "all_reduce", ["gpu0.gpu", "gpu1.gpu"], size).seconds
    assert option.units == ("gpu0",)
    assert option.cost("prefill").ticks == round(seconds * TICKS_PER_SECOND)
    assert option.cost("prefill").validated


def test_units_without_peers_refuse_an_exchange_and_say_how_many_there_are(compiled: mapper.Compiled) -> None:
    refusals = {r.reason for r in compiled.plan.refusals or ()}
    assert "no group of 2 units like it: dgx-a100 has 1 cpu-epyc-7742" in refusals


def test_the_plan_of_a_rank_holds_the_system_and_passes_its_check_after_a_round_trip(compiled: mapper.Compiled) -> None:
    again = from_json(to_json(compiled.plan))
    assert again == compiled.plan
    assert again.target.group is not None
    assert check(again).interval == compiled.verdict.interval


def test_the_screen_and_the_summary_say_of_how_many_ranks_the_plan_is_one(compiled: mapper.Compiled) -> None:
    assert compiled.summary["ranks"] == 2
    assert "1 of 2 alike" in screen(compiled.verdict, compiled.summary)


def test_a_sum_after_an_all_reduce_is_a_kernel_of_its_own(compiled: mapper.Compiled) -> None:
    graph = compiled.plan.graph
    for cluster in compiled.plan.clusters or ():
        kinds = [graph.op[name].kind for name in cluster.ops]
        assert "all_reduce" not in kinds or kinds == ["all_reduce"]


@pytest.mark.parametrize(
    ("target", "ranks", "why"),
    [
        ("xeon-8592", 2, "xeon-8592 says nothing about a group"),
        ("a100-80", 64, "dgx-a100, the system of a100-80, has 8 units of a kind"),
        ("dgx-a100", 2, "dgx-a100 holds 8 gpu-a100-80, the units of several ranks"),
    ],
)
def test_a_target_without_a_group_of_so_many_is_refused_once(target: str, ranks: int, why: str) -> None:
    with pytest.raises(MapperError, match=why):
        with_group(load_target(target), rank_graph(ranks))


def test_a_graph_that_exchanges_nothing_needs_no_group() -> None:
    target = load_target("xeon-8592")
    assert with_group(target, rank_graph(1)) is target


def rank_graph(ranks: int) -> Graph:
    values = (Value("x", (8,), DType.F32, Role.INPUT), Value("y", (8,), DType.F32, Role.OUTPUT))
    graph = Graph("one", (Op("sum", "all_reduce", ("x",), ("y",), (("ranks", ranks),)),), values)
    assert ranks_of(graph) == ranks
    return graph


def test_a_rank_whose_figures_differ_still_belongs_to_its_group(tmp_path: Path) -> None:
    target = load_target("hgx-a100-4-rank")
    assert target.unit["gpu0"].kind != load_target("hgx-a100-4").unit["gpu0.gpu"].kind
    made = mapper.compile(written(tmp_path, 4), target, PHASE, pipeline="one-unit")
    assert made.plan.target.group is not None
    assert made.plan.target.group.name == "hgx-a100-4"


def test_a_rank_with_a_figure_set_on_the_command_line_still_belongs_to_its_group() -> None:
    eager = with_group(changed(load_target("a100-80"), ["gpu0.launch_gap_s=8e-6"]), rank_graph(2))
    assert eager.group is not None
    shipped = load_target("a100-80")
    work = Work("all_reduce", (("ranks", 2),), (Operand(Role.ACTIVATION, 8, DType.F16),), (), DType.F16)
    assert why_no_exchange(eager, eager.unit["gpu0"], work) is None
    alone = with_group(shipped, rank_graph(2))
    assert exchange_cost(eager, eager.unit["gpu0"], work) == exchange_cost(alone, alone.unit["gpu0"], work)
    assert exchange_cost(eager, eager.unit["gpu0"], work).ticks > 0


@pytest.mark.parametrize(("pool", "which"), [(False, 1), (True, 0)])
def test_among_sets_of_ranks_the_slowest_counts_and_on_a_pool_the_quickest(pool: bool, which: int) -> None:
    # ranks 0 and 1 are linked, 2 and 3 meet at rank 0 only: twice the way
    models = [Clockwork() for _ in range(4)]
    group = machine(*models)
    members = tuple(unit.name for unit in group.units)
    team = Team(members, 2, 1, 2) if pool else Team(members, 2, 2)
    unit = replace(group.units[0], team=team)
    target = Target("team", "", (unit,), group.memories[:1], (), io=group.memories[0].name, group=group)
    sets = [quickest(group, "all_reduce", pair, 4096) for pair in (members[:2], members[2:])]
    assert sets[0].seconds < sets[1].seconds
    found = among_ranks(target, unit, "all_reduce", 4096)
    assert found.seconds == sets[which].seconds
    mean = round((sets[0].energy_pj + sets[1].energy_pj) / 2)
    assert found.energy_pj == (sets[0].energy_pj if pool else mean)
