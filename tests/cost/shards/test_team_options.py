"""What a team offers, what that costs beside one unit alone, and how plans of teams are spelled and checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx.parser
import pytest
from cost_builders import ONCE, Arrays
from shard_builders import GROUPS, HEADS, INNER, RUN, SIZE, TOKENS, WIDTH, block, cached, mixture, phase, team_of

from mapper.cost.estimate import Estimator
from mapper.cost.offers import offers, repriced
from mapper.cost.places import Place, Places
from mapper.cost.program import Spelling
from mapper.cost.residency import residency
from mapper.cost.shards.analysis import Analysis
from mapper.cost.shards.chain import ALONE, cluster_ways
from mapper.cost.shards.spread import Columns, Spread
from mapper.emit.speeds import _at
from mapper.frontend.load import load_model
from mapper.frontend.phases import parse_phase
from mapper.hw.collective import collective
from mapper.hw.layout import Layout
from mapper.hw.target import Target
from mapper.hw.teams import fabric
from mapper.hw.work import Cost, DType, Work
from mapper.ir.graph import Graph, Phase
from mapper.ir.plan import Cluster, Option, Plan, Task
from mapper.ir.plan import Place as Placed


def offered(graph: Graph, target: Target, name: str, phases: tuple[Phase, ...] = (RUN,)) -> dict[str, Option]:
    found = offers(Estimator(target, graph, phases), Cluster(name, (name,), name))
    return {o.shard: o for o in found.options}


def test_a_column_takes_a_whole_and_leaves_parts_of_the_weights_and_of_the_result() -> None:
    options = offered(block(), team_of(2), "gate")
    column, copy = options["column"], options["copy"]
    assert (column.takes, column.leaves) == (Layout.COPY, Layout.FEATURES)
    assert 2 * column.footprint_bytes == copy.footprint_bytes == 2 * 4 * WIDTH * INNER // 2
    assert 2 * column.cost("run").ticks == copy.cost("run").ticks
    assert 2 * column.cost("run").total_pj == 2 * copy.cost("run").total_pj
    assert 2 * column.cost("run").weight_bytes == copy.cost("run").weight_bytes


def test_a_cache_that_ranks_divide_must_fit_once_and_a_whole_one_on_each() -> None:
    phases = (phase("run", b=1, seq=1, past=255, all=256),)
    cache_bytes = 2 * (255 + 256) * GROUPS * SIZE * 2  # in f16
    team = team_of(2, capacity=cache_bytes * 3 // 4)  # both ranks together have room for one and a half
    assert set(offered(cached(), team, "attention", phases)) == {"head", "context"}


def test_parts_that_do_not_divide_are_padded() -> None:
    options = offered(block(), team_of(5), "gate")
    assert options["column"].cost("run").ticks == 10 * TOKENS * -(-INNER // 5)
    assert options["column"].footprint_bytes == 5 * 2 * WIDTH * -(-INNER // 5)


def test_a_state_lies_once_by_heads_and_with_every_rank_as_a_copy() -> None:
    graph, phases = cached(), (phase("run", b=1, seq=1, past=7, all=8),)
    target = team_of(2)
    sizes = {}
    for shard in ("copy", "head", "context"):
        plan = finished(graph, target, {"qkv": "copy", "attention": shard, "out": "copy"}, phases)
        kept = residency(plan, Estimator(target, graph, phases))
        sizes[shard] = sum(r.bytes for r in kept if r.per_request)
    assert sizes["copy"] == 2 * sizes["head"] == 2 * sizes["context"] == 2 * 2 * 2 * 2 * SIZE * 8


def finished(graph: Graph, target: Target, shards: dict[str, str], phases: tuple[Phase, ...] = (RUN,)) -> Plan:
    """Every op a cluster of its own on the one team, divided as told."""
    clusters = tuple(Cluster(o.name, (o.name,), o.name) for o in graph.ops)
    estimator = Estimator(target, graph, phases)
    options = tuple(o for c in clusters for o in offers(estimator, c).options)
    tasks = tuple(Task(f"{p.name}/{c.name}", c.name, p.name) for p in phases for c in clusters)
    unit = target.units[0]
    places = []
    for task in tasks:
        option = next(o for o in options if o.repeat == task.cluster and o.shard == shards[task.cluster])
        weights = unit.weights[option.source] if option.source >= 0 else ""
        places.append(Placed(task.name, unit.name, weights, 1, option.shard))
    return Plan(
        target, graph, phases, clusters=clusters, options=options, refusals=(), tasks=tasks, placement=tuple(places)
    )


MEGATRON = {
    "norm1": "copy", "q": "column", "k": "column", "v": "column", "attention": "head", "out": "row", "sum1": "copy",
    "norm2": "copy", "gate": "column", "up": "column", "act": "features", "down": "row", "sum2": "copy",
}  # fmt: skip
SEQUENCE = {**MEGATRON, **dict.fromkeys(("norm1", "sum1", "norm2", "sum2"), "tokens")}


def exchanges(plan: Plan) -> list[str]:
    target = plan.target
    kinds = []
    spelling = Spelling(plan)
    for program in spelling.programs():
        kinds += [a.name.split(" ")[1] for a in program.activities if a.kind == "exchange"]
        assert all(a.exclusive for a in program.activities if a.kind == "exchange")
    assert target.group is not None
    return kinds


def test_a_block_of_columns_heads_and_rows_exchanges_twice() -> None:
    assert exchanges(finished(block(), team_of(2), MEGATRON)) == ["o", "d"]


def test_sequence_parallel_sums_into_parts_and_gathers_before_products() -> None:
    assert exchanges(finished(block(), team_of(2), SEQUENCE)) == ["n", "o", "m", "d", "y"]  # the output is gathered


def test_sequence_parallel_needs_less_time_in_norms_and_sums() -> None:
    target = team_of(2)
    apart, together = (finished(block(), target, shards) for shards in (SEQUENCE, MEGATRON))
    tasks = {p: sum(a.ticks for a in Spelling(p_).programs()[0].activities if a.kind == "task")
             for p, p_ in (("sequence", apart), ("megatron", together))}  # fmt: skip
    saved = 10 * TOKENS * WIDTH * 4 // 2
    assert tasks["megatron"] - tasks["sequence"] == saved


def test_an_exchange_takes_as_long_as_the_collective_in_the_whole_system() -> None:
    target = team_of(4)
    assert target.group is not None
    places, unit = Places(target, Estimator(target, block(), (RUN,))), target.units[0]
    value = Spread(4096, (Columns(1, 64, 64),), 64)
    (step,) = places.steps(value, DType.F16, places.of(unit, Layout.SUM), places.of(unit, Layout.COPY))
    expected = collective(target.group, "all_reduce", [u.name for u in target.group.units], 8192)
    assert step.kind == "exchange"
    assert step.ticks == round(expected.seconds * 1e12)
    assert not places.steps(value, DType.F16, places.of(unit, Layout.COPY), places.of(unit, Layout.TOKENS))


def test_requests_of_different_copies_exchange_side_by_side() -> None:
    target = team_of(2, copies=2)
    places, unit = Places(target, Estimator(target, block(), (RUN,))), target.units[0]
    (step,) = places.steps(Spread(64), DType.F16, places.of(unit, Layout.SUM), places.of(unit, Layout.COPY))
    assert (step.sets, step.copies, step.busy) == (2, 2, ((fabric(unit.name), step.hold // 2),))


def test_a_copy_and_a_sum_take_room_with_every_rank() -> None:
    target = team_of(4)
    places, unit = Places(target, Estimator(target, block(), (RUN,))), target.units[0]
    value = Spread(1000, (Columns(1, 10, 10),), 100)
    sizes = {layout: places.bytes(value, DType.F16, places.of(unit, layout)) for layout in Layout if layout}
    assert sizes[Layout.COPY] == sizes[Layout.SUM] == sizes[Layout.EXPERTS] == 8000
    assert sizes[Layout.TOKENS] == 2000
    assert sizes[Layout.FEATURES] == 2400  # ten columns among four ranks


def test_experts_cost_what_the_busiest_rank_does_and_read_what_all_do() -> None:
    options = offered(mixture(), team_of(2), "up")
    expert, copy = options["expert"], options["copy"]
    assert (expert.takes, expert.leaves) == (Layout.EXPERTS, Layout.EXPERTS)
    assert copy.cost("run").ticks / 2 <= expert.cost("run").ticks < copy.cost("run").ticks
    assert 2 * expert.footprint_bytes == copy.footprint_bytes


def test_a_unit_alone_has_one_way_without_a_name() -> None:
    target = team_of(1)
    plain = replace(target, units=(replace(target.units[0], team=None),), group=None)
    options = offered(block(), plain, "gate")
    assert list(options) == [""]
    assert (options[""].takes, options[""].leaves) == (Layout.ONE, Layout.ONE)
    assert ALONE.name == ""


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_every_name_of_a_way_stands_for_one_pair_of_layouts(ranks: int) -> None:
    found = Analysis(block(), ONCE)
    for op in found.graph.ops:
        ways = cluster_ways(found, (op.name,), ranks)
        assert len({w.name for w in ways}) == len(ways)
        assert ways[0].takes is ways[0].leaves is Layout.COPY


def test_a_residual_rides_on_a_row_only_as_parts() -> None:
    found = Analysis(block(), ONCE)
    ways = {w.name: (w.takes, w.leaves) for w in cluster_ways(found, ("out", "sum1"), 2)}
    assert ways["row"] == (Layout.FEATURES, Layout.SUM)
    assert HEADS % 2 == 0


def test_places_say_their_layout() -> None:
    assert str(Place("m", DType.F16, Layout.SUM)) == "m/f16/sum"
    assert str(Place("m", DType.F16)) == "m/f16"


def test_every_expert_that_some_token_goes_to_is_read_once() -> None:
    options = offered(mixture(), team_of(2), "down")
    whole = options["copy"].cost("run").weight_bytes // 2
    assert options["expert"].cost("run").weight_bytes == pytest.approx(whole, rel=0.01)


def test_the_ranks_of_a_team_write_their_weights_at_once() -> None:
    class Written(Arrays):
        """Arrays in which a weight takes a tick and a picojoule to write."""

        def deploy(self, work: Work) -> Cost:
            size = work.weight.elements if work.weight else 0
            return Cost(size, (("write", size),))

    target, cluster = team_of(2, copies=2), Cluster("gate", ("gate",), "gate")
    team = replace(target, units=(replace(target.units[0], model=Written()),))
    estimator, unit = Estimator(team, block(), (RUN,)), team.units[0]
    half = estimator.deploy(cluster, unit, "column")
    assert half.ticks == WIDTH * INNER // 2
    assert half.total_pj == 2 * WIDTH * INNER  # in both copies
    assert estimator.deploy(cluster, unit, "copy").total_pj == 2 * half.total_pj


def test_an_op_whose_first_result_nobody_reads_is_divided_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    text = """<ir_version: 8, opset_import: ["": 17]>
        g (float[64, 8] x) => (float[64, 4] y) <float[8, 8] w = {NUMBERS}>
        { a = MatMul (x, w)
          p, q = Split <axis = 1> (a)
          y = Relu (q) }"""
    text = text.replace("NUMBERS", ", ".join(["1"] * 64))
    path.write_bytes(onnx.parser.parse_model(text).SerializeToString())
    found = load_model(path, [parse_phase("run:")])
    split = found.graph.op["Split_1"]
    assert (split.outputs, split.result) == (("", "q"), "q")
    options = offers(Estimator(team_of(2), found.graph, found.phases), Cluster("s", ("Split_1",), "s")).options
    ticks = {o.shard: o.cost("run").ticks for o in options}
    assert ticks["copy"] == 2 * ticks["tokens"] == 2 * ticks["features"]


def test_a_chosen_way_is_priced_anew_even_where_another_is_better_in_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phases = (phase("run", b=1, seq=1, past=7, all=8),)
    plan = finished(cached(), team_of(2), {"qkv": "copy", "attention": "head", "out": "row"}, phases)
    monkeypatch.setattr("mapper.cost.offers.undominated", lambda options: [o for o in options if not o.shard])
    estimator = Estimator(plan.target, plan.graph, plan.phases)
    assert not any(offers(estimator, cluster).options for cluster in plan.clusters or ())
    found = [repriced(estimator, plan.cluster[o.repeat], o) for o in plan.options or ()]
    assert found == list(plan.options or ())
    assert _at(plan, 0.5) == Spelling(plan).programs()  # a unit that knows no speed takes as long as before
