"""No node of the file gets lost in a rewrite, whatever the rule that did it said of it."""

from __future__ import annotations

from dataclasses import replace

from passes_graph_sketch import Sketch

from passes.graph.draft import Draft


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
