"""Tiles where room is scarce: what does not fit whole fits in parts, and only then is divided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from real_plans import run
from tiny_machines import ONCE, Abacus, Loom, machine, prepared, sketch

from mapper.cost.check import check
from mapper.cost.judge import Verdict, arena_slots
from mapper.cost.offers import no_room
from mapper.cost.program import Spelling
from mapper.errors import Infeasible, Unsupported
from mapper.ir.plan import Objective, Plan
from mapper.pipeline.pass_ import Context, Effort
from passes.memory.memory import PROBE, Memory, NoRoom
from passes.place import whole_tasks
from passes.place.mending import tiled as tiling
from passes.place.mending.looks import looked_at, looked_at_best
from passes.place.mending.tiled import for_more_calls, needed_tiles, that_fit
from passes.place.translate import translate
from passes.place.untiled import runs_in_tiles, untiled
from passes.schedule.schedule import Schedule

CTX = Context(effort=Effort.QUICK)
LINES = ("q = matmul(x, wq)", "k = matmul(x, wk)", "v = matmul(x, wv)", "s = add(q, k)", "y = add(s, v)")
ROOM = 3 * 128 + 2600
"""Three weights of 128 bytes, and two and a half values of 1024; one call would keep four."""


def three_products(
    room: int = ROOM,
    objective: Objective = Objective.THROUGHPUT,
    lines: tuple[str, ...] = LINES,
    small: type[Abacus] = Abacus,
) -> Plan:
    """Queries, keys and values of 64 rows, which only a unit of little memory computes."""
    target = machine(Abacus(refuses=("matmul",)), small(ticks_per_element=1), capacities=(1 << 20, room), link=1e8)
    asked = Plan(target, sketch(*lines, shape=(64, 8)), ONCE, objective)
    return run(asked, "partition-ops,options")


def on_units(plan: Plan) -> Plan:
    """The plan with products on the small unit, the rest on the other."""
    t = translate(plan)
    units = {task.name: ("u1" if task.cluster in "qkv" else "u0", 0 if task.cluster in "qkv" else -1, 1)
             for task in t.tasks}  # fmt: skip
    return t.apply(plan, t.solution(units))


def finished(plan: Plan) -> Plan:
    return Memory().run(Schedule().run(plan, CTX), CTX)


def tiles(plan: Plan) -> dict[str, int]:
    return {plan.task[p.task].cluster: p.tiles for p in plan.placement or ()}


def test_what_does_not_fit_whole_fits_in_tiles() -> None:
    plan = on_units(three_products())
    with pytest.raises(NoRoom) as crowded:
        finished(plan)
    placement = next(that_fit(plan, crowded.value.memories))
    parted = replace(plan, placement=placement)
    assert min(tiles(parted)[name] for name in "qkv") >= 2
    assert tiles(parted)["s"] == tiles(parted)["y"] == 0
    finished(parted)


def test_the_fewest_tiles_come_first() -> None:
    counts = [max(p.tiles for p in placement) for placement in that_fit(on_units(three_products()), ["u1.mem"])]
    assert counts == sorted(counts)
    assert len(counts) > 1


def test_where_all_fits_nothing_is_divided_first() -> None:
    first = next(that_fit(on_units(three_products(room=1 << 16)), ["u1.mem"]))
    assert not any(p.tiles for p in first)


def test_no_tiles_where_the_time_of_a_request_counts() -> None:
    assert not list(that_fit(on_units(three_products(objective=Objective.LATENCY)), ["u1.mem"]))


def test_the_search_places_what_fits_only_in_tiles() -> None:
    plan = run(three_products(), "place-cpsat,schedule,memory,judge")
    assert any(tiles(plan).values())
    check(replace(plan, blocks=()))


def test_without_tiles_it_is_refused() -> None:
    with pytest.raises(Infeasible):
        run(three_products(objective=Objective.LATENCY), "place-cpsat,schedule,memory,judge")


def a_line_of_looms(room: int) -> Plan:
    """Four products of 64 rows on engines of their own beside one memory: a request would keep all busy in turn."""
    target = machine(Abacus(), Loom(ticks_per_element=1000), capacities=(1 << 20, room), link=1e8)
    graph = sketch(*(f"h{i} = matmul({f'h{i - 1}' if i else 'x'}, w{i})" for i in range(4)), shape=(64, 8))
    plan = prepared(target, graph, passes="partition-ops,options")
    t = translate(plan)
    return t.apply(plan, t.solution({task.name: ("u1", 0, 1) for task in t.tasks}))


def probed(plan: Plan) -> Verdict:
    return looked_at(plan, Spelling(plan), CTX, PROBE)


def test_calls_that_take_turns_get_more_room_in_tiles() -> None:
    whole = probed(a_line_of_looms(4 * 128 + 3000))
    placement = for_more_calls(whole, 4)
    assert placement is not None
    parted = probed(replace(whole.plan, placement=placement))
    assert min(arena_slots(parted.plan).values()) > min(arena_slots(whole.plan).values())
    assert parted.interval < 0.8 * whole.interval
    assert looked_at_best(whole.plan, CTX, PROBE).interval <= parted.interval


def test_calls_that_take_no_turns_stay_whole() -> None:
    assert for_more_calls(probed(a_line_of_looms(1 << 20)), 4) is None


FEW = 3 * 128 + 1100
"""Three weights, and little more than one value of 1024: no product fits whole, which reads one and leaves one."""


def scarce(objective: Objective = Objective.THROUGHPUT, lines: tuple[str, ...] = LINES, room: int = FEW) -> Plan:
    """The same with so little memory beside a unit whose weights sit in arrays of its own."""
    return three_products(room, objective, lines, Loom)


def offered(plan: Plan) -> dict[str, int]:
    """In how many tiles the small unit offers to run each op at least."""
    return {o.repeat: o.least_tiles("run") for o in plan.options or () if "u1" in o.units}


def test_a_product_whose_operands_never_fit_whole_is_offered_in_tiles() -> None:
    assert offered(scarce()) == {"q": 4}


def test_tiles_are_offered_at_the_price_of_all_of_them() -> None:
    small, large = scarce(), scarce(room=1 << 20)
    pairs = [[o for o in plan.options or () if "u1" in o.units and o.repeat == "q"] for plan in (small, large)]
    for tiled, whole in zip(*pairs, strict=True):
        assert tiled.cost("run").ticks >= whole.cost("run").ticks
        assert tiled.cost("run").total_pj == 4 * whole.cost("run").total_pj  # 7 pJ a run, however small


def test_work_without_weights_is_not_offered_in_tiles() -> None:
    assert {r.op for r in scarce().refusals or () if no_room(r)} == {"s"}
    assert offered(scarce(room=1 << 20)).keys() == {"q", "s"}


def test_weights_that_would_come_again_for_each_tile_are_not_offered_in_tiles() -> None:
    with pytest.raises(Unsupported, match="reads and leaves"):
        three_products(room=FEW)


def test_what_fits_only_in_tiles_is_refused_where_the_time_of_a_request_counts() -> None:
    with pytest.raises(Unsupported, match="reads and leaves"):
        scarce(Objective.LATENCY)


def test_the_search_places_what_is_offered_only_in_tiles() -> None:
    plan = run(scarce(), "place-cpsat,schedule,memory,judge")
    assert min(tiles(plan)[name] for name in "qkv") >= 4
    check(replace(plan, blocks=()))


def tried(plan: Plan, lacking: Callable[[int], int], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The most tiles of each placement that is tried where so many bytes are lacking at so many tiles."""
    counts = list[int]()

    def noted(parted: Plan, *_: object) -> int:
        counts.append(max(p.tiles for p in parted.placement or ()))
        return lacking(counts[-1])

    monkeypatch.setattr(tiling, "_lacking", noted)
    assert not list(that_fit(plan, ["u1.mem"]))
    return counts


def test_more_tiles_are_tried_only_where_they_might_be_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = on_units(scarce())
    assert tried(plan, lambda n: 1600 // n - 49, monkeypatch) == [4, 8, 32]
    assert tried(plan, lambda n: 1600 // n + 1, monkeypatch) == [4, 8]


def test_counts_that_nothing_needs_are_tried_only_where_they_might_be_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = on_units(three_products())
    assert tried(plan, lambda n: 4800 // max(n, 1) - 299, monkeypatch) == [0, 2, 3, 16]
    assert tried(plan, lambda n: 4800 // max(n, 1) + 1, monkeypatch) == [0, 2, 3]


def needing(plan: Plan, cluster: str, tiles: int) -> Plan:
    """The plan where this cluster needs so many tiles at least, and is like no other."""
    clusters = tuple(replace(c, repeat=cluster) if c.name == cluster else c for c in plan.clusters or ())
    own = [replace(o, repeat=cluster, tiles=(("run", tiles),)) for o in plan.options or () if o.repeat == "q"]
    return replace(plan, clusters=clusters, options=(*(plan.options or ()), *own))


def test_a_task_that_needs_very_many_tiles_sets_no_count_for_the_others() -> None:
    plan = on_units(scarce())
    assert needed_tiles(needing(plan, "v", 16)) == 16
    assert needed_tiles(needing(plan, "v", 512)) == 4
    options = tuple(replace(o, tiles=tuple((phase, 512) for phase, _ in o.tiles)) for o in plan.options or ())
    assert needed_tiles(replace(plan, options=options)) == 512


def test_a_baseline_counts_the_loads_of_tiles() -> None:
    plan = run(scarce(lines=("y = matmul(x, wq)",)), "place-greedy,schedule,memory,judge")
    assert tiles(plan) == {"y": 4}
    check(replace(plan, blocks=()))


def test_whole_tasks_are_what_is_left_without_what_needs_tiles() -> None:
    target = machine(Abacus(), Loom(ticks_per_element=1), capacities=(1 << 20, FEW))
    t = translate(prepared(target, sketch(*LINES, shape=(64, 8)), passes="partition-ops,options"))
    few = untiled(t)
    assert few is not None
    assert {unit for meaning in few.meaning for unit, _ in meaning} == {"u0"}
    assert untiled(few) is None
    assert untiled(translate(scarce())) is None


def test_runs_of_tasks_that_need_tiles_are_counted() -> None:
    plan = scarce()
    t = translate(plan)
    where = {task.name: ("u1" if task.cluster in "qkv" else "u0", 0 if task.cluster in "qkv" else -1, 1)
             for task in t.tasks}  # fmt: skip
    assert runs_in_tiles(t, t.solution(where)) == 3 * 4


def either_way(promise: float, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Products that both units run, the small one in tiles, as if looks at twelve runs were long."""
    monkeypatch.setattr(whole_tasks, "MANY_RUNS", 3)
    monkeypatch.setattr(whole_tasks, "WORTH_TILES", promise)
    target = machine(Abacus(ticks_per_element=4000), Loom(ticks_per_element=1), capacities=(1 << 20, FEW), link=1e8)
    return prepared(target, sketch(*LINES, shape=(64, 8)), passes="partition-ops,options,place-cpsat,schedule,memory")


def test_where_looks_are_long_tiles_that_promise_little_more_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(tiles(either_way(0.0, monkeypatch)).values())
    assert not any(tiles(either_way(1e6, monkeypatch)).values())
