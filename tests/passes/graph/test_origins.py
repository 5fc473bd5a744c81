"""No node of the file gets lost in a rewrite, whatever the rule that did it said of it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from builders import tiny_target
from passes_graph_sketch import Sketch, macs

from mapper.frontend import load_model, parse_phase
from mapper.ir.graph import Graph
from mapper.ir.plan import Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context
from mapper.pipeline.pipeline import apply
from passes.graph.draft import Draft


def sizes() -> dict[str, str]:
    """The dims that real graphs are bound to, which the tests of the front end use too."""
    path = Path(__file__).parents[2] / "frontend" / "corpus.csv"
    return {row["name"]: row["dims"] for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())}


def held(graph: Graph) -> set[str]:
    return {name for op in graph.ops for name in op.origin}


def test_a_node_that_is_dropped_goes_to_the_op_that_read_it() -> None:
    s = Sketch()
    relu = s.fn("Relu", s.fn("Neg", s.input("x", 4)))
    draft = Draft(s.graph(relu))
    neg, last = draft.ops()
    draft.drop(neg)
    draft.put(replace(last, inputs=("x",)))
    assert [op.origin for op in draft.graph().ops] == [("Relu_1", "Neg_0")]


def test_all_ops_on_the_way_to_a_value_that_nobody_needs_any_more_go_to_its_former_reader() -> None:
    s = Sketch()
    data = s.input("x", 4)
    result = s.fn("Relu", s.fn("Add", data, s.fn("Neg", s.fn("Exp", s.input("y", 4)))))
    draft = Draft(s.graph(result))
    add = draft.named("Add_2")
    draft.put(replace(add, inputs=(data,)))
    assert [op.origin for op in draft.graph().ops] == [("Add_2", "Exp_0", "Neg_1"), ("Relu_3",)]


def test_a_node_whose_readers_are_replaced_goes_to_what_makes_their_value() -> None:
    s = Sketch()
    x = s.input("x", 4)
    result = s.fn("Relu", s.fn("Neg", x))
    draft = Draft(s.graph(result))
    draft.put(replace(draft.named("Relu_1"), name="fused", origin=(), inputs=(x,)), place=0)
    draft.drop(draft.named("Relu_1"))
    assert [op.origin for op in draft.graph().ops] == [("Neg_0", "Relu_1")]


def test_a_node_that_nothing_reads_goes_to_the_op_before_it() -> None:
    s = Sketch()
    first = s.fn("Neg", s.input("x", 4))
    s.fn("Relu", first)
    assert [op.origin for op in Draft(s.graph(first)).graph().ops] == [("Neg_0", "Relu_1")]


@pytest.mark.slow
@pytest.mark.parametrize("name", sizes())
def test_no_pass_loses_a_node_or_a_mac_of_a_real_graph(models_folder: Path, name: str) -> None:
    found = load_model(models_folder / f"{name}.onnx", [parse_phase(f"run: {sizes()[name]}")])
    plan = Plan(tiny_target(), found.graph, found.phases)
    nodes, products = held(found.graph), macs(found.graph, found.phases)
    for step in pipeline_of("understand").passes:
        plan = apply(step, plan, Context())
        assert held(plan.graph) == nodes, step.name
        assert macs(plan.graph, found.phases) == products, step.name
    assert all(op.origin or op.kind == "view" for op in plan.graph.ops)
