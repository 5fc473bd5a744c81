"""Options: what units offer, phase by phase, and what is said when none does."""

from __future__ import annotations

import pytest
from real_plans import unplaced
from tiny_machines import Abacus, Loom, layers, machine, prepared, sketch

from mapper.errors import MapperError, Unsupported
from mapper.ir.graph import Phase

PHASES = (
    Phase("prefill", (), 1, (("seq", (64,)),)),
    Phase("decode", (), 8, (("seq", (1,)),)),
)


def test_all_ops_that_no_unit_can_run_are_listed_with_every_units_reason() -> None:
    graph = sketch("h = matmul(x, w)", "s = softmax(h)", "r = relu(s)", "m = matmul(r, w1)", "t = softmax(m)")
    target = machine(Abacus(refuses=("softmax", "elementwise")), Loom(refuses=("softmax", "elementwise", "matmul")))
    with pytest.raises(Unsupported) as error:
        prepared(target, graph, passes="partition{max_ops=1},options")
    text = str(error.value)
    assert "no unit of machine can run 2 kinds of ops in sketch" in text
    assert "softmax 's' and 1 like it" in text
    assert "elementwise 'r'" in text
    assert "matmul" not in text
    assert text.count("kind0: no beads for") == text.count("kind1: no beads for") == 2
    assert "next: add a unit that can" in text


def test_a_rider_that_no_unit_can_run_is_listed_beside_its_host() -> None:
    graph = sketch("s = softmax(x)", "r = relu(s)")
    with pytest.raises(MapperError) as error:
        prepared(machine(Abacus(refuses=("softmax", "elementwise"))), graph)
    assert "softmax 's'" in str(error.value)
    assert "elementwise 'r'" in str(error.value)


def test_equal_ops_that_no_unit_can_run_are_counted_once() -> None:
    graph = sketch("a = softmax(x)", "b = softmax(a)", "c = softmax(b)")
    with pytest.raises(MapperError, match="softmax 'a' and 2 like it"):
        prepared(machine(Abacus(refuses=("softmax",))), graph)


def test_a_unit_too_small_for_prefill_still_serves_decode() -> None:
    graph = sketch("y = matmul(x, w)", shape=("seq", 8))
    plan = prepared(machine(Abacus(), Abacus(ticks_per_element=1), capacities=(1 << 20, 1024)), graph, PHASES)
    small = [o for o in plan.options or () if o.units == ("u1",)]
    assert small
    assert all(o.serves("decode") and not o.serves("prefill") for o in small)
    (refusal,) = plan.refusals or ()
    assert (refusal.unit_kind, refusal.op, refusal.phase) == ("kind1", "y", "prefill")
    assert "u1.mem has" in refusal.reason


def test_a_unit_with_arrays_too_small_for_prefill_goes_through_it_in_tiles() -> None:
    graph = sketch("y = matmul(x, w)", shape=("seq", 8))
    plan = prepared(machine(Abacus(), Loom(), capacities=(1 << 20, 1024)), graph, PHASES)
    (option,) = [o for o in plan.options or () if o.units == ("u1",)]
    assert option.tiles == (("prefill", 4),)  # 64 rows of 32 bytes: two tiles are 1024
    assert (option.least_tiles("prefill"), option.least_tiles("decode")) == (4, 0)
    assert not plan.refusals


def test_a_phase_without_any_unit_is_an_error_even_if_the_other_has_one() -> None:
    graph = sketch("y = matmul(x, w)", shape=("seq", 8))
    with pytest.raises(MapperError, match=r"u0\.mem has 0\.0 MB") as error:
        prepared(machine(Abacus(), capacities=(1024,)), graph, PHASES)
    assert error.value.hint == "more memory beside a unit, shorter sequences"


def test_weights_that_nothing_holds_are_told_where_no_unit_runs_an_op() -> None:
    with pytest.raises(Unsupported, match=r"besides: .* M weights are .* all memories for them"):
        prepared(machine(Abacus(refuses=("softmax",)), capacities=(16,)), sketch("y = matmul(x, w)", "s = softmax(y)"))


def test_only_resident_weights_have_copies() -> None:
    plan = prepared(machine(Abacus(copies=4), Loom(copies=4)), layers(1))
    copies = {u: sorted(o.replicas for o in plan.options or () if u in o.units) for u in ("u0", "u1")}
    assert copies == {"u0": [1], "u1": [1, 2, 4]}


def test_an_op_without_weights_has_no_copies() -> None:
    plan = prepared(machine(Loom(copies=4)), sketch("y = softmax(x)"))
    assert [(o.source, o.replicas) for o in plan.options or ()] == [(-1, 1)]


def test_alike_units_share_their_options() -> None:
    plan = prepared(machine(Loom(), Loom(), Abacus()), layers(1))
    assert {o.units for o in plan.options or ()} == {("u0", "u1"), ("u2",)}


def test_there_is_a_task_for_every_cluster_and_phase() -> None:
    plan = unplaced()
    wanted = {(c.name, p.name) for p in plan.phases for c in plan.clusters or ()}
    assert {(t.cluster, t.phase) for t in plan.tasks or ()} == wanted
    assert len(plan.tasks or ()) == len(wanted)


def test_real_options_with_copies_take_their_weights_from_arrays() -> None:
    plan = unplaced("bert-tiny", "rram-cim")
    several = [o for o in plan.options or () if o.replicas > 1]
    assert several
    for option in several:
        unit = plan.target.unit[option.units[0]]
        assert plan.target.memory[unit.weights[option.source]].unit == unit.name
