from __future__ import annotations

from collections.abc import Callable

from builders import tiny_graph, tiny_inputs, tiny_plan

from mapper.ir.plan import DECISIONS
from mapper.ir.show import show


def test_a_whole_plan_reads_as_in_the_golden(golden: Callable[[str, str], None]) -> None:
    golden("tiny_plan.txt", show(tiny_plan()))


def test_every_decision_is_shown() -> None:
    whole = show(tiny_plan())
    silent = [name for name in DECISIONS if show(tiny_plan(**{name: None})) == whole]
    assert silent == []


def test_what_is_not_decided_is_not_shown() -> None:
    text = show(tiny_inputs())
    assert "%h: f16[seq, 8] = matmul(%x, %w)" in text
    assert "placement" not in text
    assert "clusters" not in text


def test_a_decision_without_entries_is_shown_as_empty() -> None:
    assert "refusals (0)" in show(tiny_inputs(refusals=()))


def test_a_limit_cuts_every_section_and_says_how_much() -> None:
    lines = show(tiny_plan(), limit=1).splitlines()
    assert "  ... 5 more" in lines
    assert sum("_" not in line and "%" in line for line in lines) == 1


def test_an_omitted_input_is_a_dash() -> None:
    graph = tiny_graph()
    op = graph.ops[0]
    clipped = tiny_graph(ops=(type(op)("mm", "clip", ("x", "", "w"), ("h",)), *graph.ops[1:]))
    assert "= clip(%x, -, %w)" in show(tiny_inputs(graph=clipped))
