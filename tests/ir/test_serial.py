from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import TinyUnit, tiny_graph, tiny_inputs, tiny_plan, tiny_target
from hypothesis import given, settings
from hypothesis import strategies as st
from sweeps import examples, sweep

from mapper.errors import InvalidPlan, MapperError
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from mapper.hw.target import Unit
from mapper.hw.teams import Arrangement, arranged
from mapper.hw.work import Cost, DType, Role
from mapper.ir.graph import Op, Value
from mapper.ir.plan import Bound, Buffer, Cluster, Option, Place, Plan, Slot, Task
from mapper.ir.serial import from_json, load, to_json

pytestmark = pytest.mark.usefixtures("tiny_models")

FEW = target_names()[::8]


def changed(*path: str | int, to: Any) -> str:
    """The tiny plan's text with one place inside it changed; `...` removes it."""
    data = json.loads(to_json(tiny_plan()))
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    if to is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return json.dumps(data)


@pytest.mark.parametrize("plan", [tiny_inputs(), tiny_plan()], ids=["undecided", "decided"])
def test_a_plan_comes_back_from_its_text(plan: Plan) -> None:
    assert from_json(to_json(plan)) == plan


def test_the_text_of_a_plan_that_came_back_is_the_same() -> None:
    text = to_json(tiny_plan())
    assert to_json(from_json(text)) == text


def test_the_text_has_a_line_per_row_of_a_table() -> None:
    lines = to_json(tiny_plan()).splitlines()
    assert '  {"task":"prefill/c0","unit":"a","weights":"a.mem","replicas":2},' in lines


def test_undecided_fields_are_left_out_and_empty_ones_are_not() -> None:
    assert "refusals" not in json.loads(to_json(tiny_inputs()))
    assert from_json(to_json(tiny_inputs(refusals=()))).refusals == ()


def test_equal_units_share_one_spelling_and_one_model() -> None:
    text = to_json(tiny_inputs())
    assert [unit["model"] for unit in json.loads(text)["target"]["units"]][1] == "a"
    a, b = from_json(text).target.units
    assert a.model is b.model


def test_units_with_other_figures_are_spelled_apart() -> None:
    units = tuple(Unit(n, "k", "tiny", TinyUnit(ops_per_s=r), "m", ()) for n, r in (("a", 1.0), ("b", 2.0), ("c", 1.0)))
    plan = tiny_inputs(target=tiny_target(units=units))
    models = [unit["model"] for unit in json.loads(to_json(plan))["target"]["units"]]
    assert models[1]["ops_per_s"] == 2.0
    assert models[2] == "a"
    assert from_json(to_json(plan)) == plan


@pytest.mark.parametrize(
    ("path", "to", "message"),
    [
        (("placement", 3, "unit"), 7, "plan.json: placement[3].unit: expected a string, found 7"),
        (("placement", 3, "replicas"), True, "placement[3].replicas: expected an integer, found True"),
        (("placement", 3, "replicas"), 1.0, "placement[3].replicas: expected an integer, found 1.0"),
        (("placement", 3, "task"), ..., "placement[3]: a Place needs the key 'task'"),
        (("placement", 3, "repliacs"), 1, "placement[3]: unknown key 'repliacs'"),
        (("placement", 3), [], "placement[3]: expected a Place, found a list"),
        (("placement",), {}, "placement: expected a list, found an object"),
        (("search", "status"), "optimum", "search.status: 'optimum' is not a Status"),
        (("search", "loads", 0), ["a"], "search.loads[0]: expected 2 entries, found 1"),
        (("graph", "values", 0, "shape", 1), None, "graph.values[0].shape[1]: null is of no type"),
        (("graph", "ops", 2, "attrs", 0, 1), [1, "x"], "graph.ops[2].attrs[0][1]: a list is of no type"),
        (("precision",), "f17", "precision: 'f17' is not a DType"),
        (("target", "units", 0, "model", "ops_per_s"), "fast", "target.units[0].model.ops_per_s: Input should be"),
        (("target", "units", 0, "model", "colour"), 1, "target.units[0].model.colour: Extra inputs"),
        (("target", "units", 0, "model"), ..., "target.units[0]: a Unit needs the key 'model'"),
        (("target", "units", 0, "model"), "b", "target.units[0].model: no unit before this one is named 'b'"),
        (("target", "units", 0, "model_name"), "tinny", "target.units[0].model_name: no unit model named 'tinny'"),
        (("target", "units", 0, "model_name"), ..., "target.units[0]: a Unit needs the key 'model_name'"),
        (("target",), ..., "a Plan needs the key 'target'"),
        (("inflight",), "2", "inflight: expected an integer, found '2'"),
        (("schema",), 3, "plan.json: schema 3 is unknown; this mapper reads 1 and 2"),
        (("schema",), True, "schema True is unknown"),
        (("schema",), ..., "has no key 'schema'"),
    ],
)
def test_a_wrong_place_is_named(path: tuple[str | int, ...], to: Any, message: str) -> None:
    with pytest.raises(InvalidPlan) as caught:
        from_json(changed(*path, to=to))
    assert message in caught.value.message
    assert caught.value.rule == "plan-json"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[]", "expected a plan"),
        ("null", "expected a plan, found null"),
        ('{"schema": NaN}', "NaN is not a finite number"),
        ('{"schema": 1, "schema": 1}', "key 'schema' stands twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"schema": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_what_is_no_plan_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidPlan, match=message):
        from_json(text)


@pytest.mark.parametrize("number", ["1e999", "-Infinity", "NaN", "1" + "0" * 400])
def test_infinite_numbers_are_refused_when_read(number: str) -> None:
    text = to_json(tiny_plan()).replace("1.25e-09", number)
    with pytest.raises(InvalidPlan, match="is not a finite number"):
        from_json(text)


def test_infinite_numbers_are_refused_when_written() -> None:
    plan = tiny_plan(bounds=(Bound("energy", float("inf"), "none"),))
    with pytest.raises(InvalidPlan, match=r"bounds.*inf is not a finite number"):
        to_json(plan)


def test_a_value_of_a_wrong_type_is_refused_when_written() -> None:
    plan = tiny_plan(placement=(Place("t", "a", replicas="two"),))  # type: ignore[arg-type]
    with pytest.raises(InvalidPlan, match=r"placement\[0\].replicas: expected an integer, found 'two' \(str\)"):
        to_json(plan)


def test_a_list_where_a_tuple_belongs_is_refused_when_written() -> None:
    with pytest.raises(InvalidPlan, match="placement: expected a tuple"):
        to_json(tiny_plan(placement=[]))


def test_figures_that_are_not_finite_are_refused_when_written() -> None:
    unit = Unit("a", "k", "tiny", TinyUnit(ops_per_s=float("inf")), "m", ())
    with pytest.raises(InvalidPlan, match=r"target.units\[0\].model"):
        to_json(tiny_inputs(target=tiny_target(units=(unit,))))


def test_a_file_that_cannot_be_read_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="No such file"):
        load(tmp_path / "plan.json")
    (tmp_path / "plan.json").write_bytes(b"\xff")
    with pytest.raises(InvalidPlan, match="not UTF-8"):
        load(tmp_path / "plan.json")


names = st.text(max_size=6)
sizes = st.integers(0, 10**15)
floats = st.floats(allow_nan=False, allow_infinity=False)
words = st.one_of(st.integers(), floats, names, st.lists(floats).map(tuple), st.lists(names).map(tuple))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    dims = st.lists(st.one_of(names, sizes), max_size=3).map(tuple)
    values = st.builds(Value, names, dims, st.sampled_from(DType), st.sampled_from(Role))
    pairs = st.lists(st.tuples(names, words), max_size=2).map(tuple)
    some = st.lists(names, max_size=2).map(tuple)
    ops = st.builds(Op, names, names, some, some, pairs, some)
    costs = st.builds(Cost, sizes, st.lists(st.tuples(names, sizes), max_size=2).map(tuple), share=floats)
    by_phase = st.lists(st.tuples(names, costs), max_size=2).map(tuple)
    types = st.lists(st.sampled_from(DType), max_size=2).map(tuple)
    shards = st.lists(st.tuples(names, sizes, sizes), max_size=1).map(tuple)

    def table(row: st.SearchStrategy[Any]) -> Any:
        return draw(st.none() | st.lists(row, max_size=3).map(tuple))

    return tiny_inputs(
        graph=tiny_graph(ops=draw(st.lists(ops, max_size=2).map(tuple)), values=table(values) or ()),
        precision=draw(st.none() | st.sampled_from(DType)),
        clusters=table(st.builds(Cluster, names, some, names)),
        options=table(st.builds(Option, names, some, st.integers(-1, 2), sizes, sizes, types, by_phase)),
        tasks=table(st.builds(Task, names, names, names, shards)),
        placement=table(st.builds(Place, names, names, names, sizes)),
        schedule=table(st.builds(Slot, names, names, sizes, sizes)),
        memory=table(st.builds(Buffer, names, names, names, sizes, sizes, sizes, sizes)),
        inflight=draw(st.none() | sizes),
    )


def assert_round_trip(plan: Plan) -> None:
    text = to_json(plan)
    back = from_json(text)
    assert back == plan
    assert to_json(back) == text


@examples(9, 30)
@given(plans())
def test_every_plan_comes_back_equal_and_with_a_stable_text(plan: Plan) -> None:
    assert_round_trip(plan)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(plans())
def test_hundreds_of_plans_come_back_equal(plan: Plan) -> None:
    assert_round_trip(plan)


@pytest.mark.parametrize("name", sweep([*FEW, *(name for name in target_names() if name not in FEW)], len(FEW)))
def test_every_shipped_target_comes_back_inside_a_plan(name: str) -> None:
    assert_round_trip(tiny_inputs(target=load_target(name)))


def test_a_plan_of_32_layers_is_small_and_quick_to_load() -> None:
    layer = "/model/layers.{}/self_attn/q_proj/MatMul_output_0"
    names = [layer.format(i) for i in range(500)]
    ops = tuple(Op(f"{n}.op", "matmul", (n, f"{n}.w"), (n,), (("axis", 1),), (n,) * 4) for n in names)
    values = tuple(Value(n + s, ("batch", "seq", 4096), DType.F16, Role.ACTIVATION) for n in names for s in ("", ".w"))
    tasks = tuple(Task(f"decode/{i}", names[i % 500], "decode") for i in range(600))
    one = tiny_plan().options[0]  # type: ignore[index]
    plan = tiny_plan(
        graph=tiny_graph(ops=ops, values=values),
        clusters=tuple(Cluster(n, (f"{n}.op",), "r") for n in names),
        options=tuple(replace(one, repeat=f"r{i}", types=(DType.F16,) * 8) for i in range(40)),
        tasks=tasks,
        placement=tuple(Place(t.name, "a", "a.mem") for t in tasks),
        schedule=tuple(Slot(t.name, "a", 10**9 * i, 10**9 * i + 1) for i, t in enumerate(tasks * 2)),
        memory=tuple(Buffer(v.name, "decode", "a.mem", i, 4096, i, i + 1) for i, v in enumerate(values)),
    )
    text = to_json(plan)
    began = time.process_time()
    assert from_json(text) == plan
    assert time.process_time() - began < 0.5, "seconds"
    assert len(text) < 1_500_000


@pytest.mark.parametrize("pooled", [False, True])
def test_a_plan_on_teams_comes_back_with_the_machine_that_they_are_of(pooled: bool) -> None:
    target = arranged(load_target("dgx-a100"), Arrangement(4, 1), pooled)
    plan = replace(tiny_inputs(), target=target)
    assert from_json(to_json(plan)) == plan
