"""Ops in topological order, as far as possible in the order given; what waits in a circle is refused by name."""

from __future__ import annotations

import time

import pytest

from mapper.errors import InvalidPlan
from mapper.ir.graph import Op, live_ops, sort_ops


def chain(*pairs: str) -> tuple[Op, ...]:
    """An op for each "reads>makes"; names of values are single letters."""
    return tuple(Op(pair, "elementwise", tuple(pair[: pair.index(">")]), (pair[-1],)) for pair in pairs)


def names(ops: tuple[Op, ...] | list[Op]) -> list[str]:
    return [op.name for op in ops]


def test_ops_in_order_are_handed_on_as_they_are() -> None:
    ops = chain("x>a", "a>b", "x>c")
    assert sort_ops(ops) is ops


def test_a_user_moves_behind_its_producer_and_the_others_keep_their_places() -> None:
    assert names(sort_ops(chain("x>p", "b>c", "x>q", "a>b", "x>a"))) == ["x>p", "x>q", "x>a", "a>b", "b>c"]


def test_a_cycle_is_refused_by_an_op_on_it() -> None:
    with pytest.raises(InvalidPlan, match="the graph has a cycle through op 'b>a'") as refused:
        sort_ops(chain("x>p", "b>a", "a>b"))
    assert refused.value.rule == "graph-acyclic"


def test_an_op_that_reads_its_own_output_is_refused() -> None:
    with pytest.raises(InvalidPlan, match="op 'xa>a' reads its own output"):
        sort_ops(chain("a>b", "xa>a"))


def test_an_omitted_input_and_an_output_that_nobody_wants_are_no_circle() -> None:
    ops = (Op("n", "elementwise", ("x", ""), ("", "y")),)
    assert sort_ops(ops) == ops


def test_what_no_output_depends_on_is_left_out() -> None:
    assert names(live_ops(chain("x>a", "x>d", "d>e", "a>b"), ["b"])) == ["x>a", "a>b"]


def test_a_hundred_thousand_ops_are_sorted_in_seconds() -> None:
    count = 100_000
    ops = tuple(Op(f"o{i}", "elementwise", (f"v{i}",), (f"v{i + 1}",)) for i in reversed(range(count)))
    began = time.process_time()
    assert sort_ops(ops)[0].name == "o0"
    assert time.process_time() - began < 10
