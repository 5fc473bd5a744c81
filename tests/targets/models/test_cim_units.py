"""What the compute-in-memory units accept, and what they charge."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from unit_model_builders import INT8, attention, embedding, isaac, lanes, lstm, matmul, metis, simulated

from mapper.hw.work import DType, Feed, Work

RESIDENT = Feed(256e9)


def test_analog_refuses_attention_with_the_cells_it_would_write() -> None:
    reason = isaac(computes=INT8).why_not(attention(512, 512)) or ""
    assert "both operands change every call" in reason
    assert "3.15 M cell writes a call at 8.52 us each" in reason  # 12 heads * 512 * (64 + 64) weights * 4 cells


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (matmul(4, 128, 128, static=False), "both operands change"),
        (embedding(10, 768), "look-up"),
        (lstm(20, 64), "recurrent"),
        (lanes("norm", 100), "digital lanes take: elementwise, cast"),
        (matmul(1, 65536, 65536), "the unit has 16,128"),
    ],
)
def test_analog_says_why_not(work: Work, words: str) -> None:
    assert words in (isaac(computes=INT8).why_not(work) or "")


def test_analog_time_is_rows_times_the_mvm_time() -> None:
    cost = isaac(computes=INT8, buffer=None).cost(matmul(100, 128, 128), Feed(1e15))
    assert cost.ticks == pytest.approx(100 * 800_000, rel=0.001)
    assert cost.weight_bytes == 0
    assert cost.share == 4 / 16128


def test_replicas_divide_the_time_and_multiply_the_share() -> None:
    unit, work = isaac(computes=INT8), matmul(100, 128, 128)
    one, four = unit.cost(work, Feed(1e15)), unit.cost(work, Feed(1e15, None, 4))
    assert one.ticks / four.ticks == pytest.approx(4, rel=0.02)
    assert four.share == 4 * one.share
    assert unit.cost(matmul(1, 128, 128), Feed(1e15, None, 4)).share == one.share  # one row cannot use more


def test_energy_of_a_full_array_follows_equation_4() -> None:
    energy = dict(isaac(computes=INT8).cost(matmul(1, 32, 128), RESIDENT).energy_pj)
    assert energy["adc"] == pytest.approx(8 * 128 * 1.667, abs=1)
    assert energy["dac"] == pytest.approx(8 * 128 * 0.417, abs=1)
    assert energy["shift-add"] == pytest.approx(8 * 128 * 0.021, abs=1)


def test_deploying_takes_a_write_for_each_cell_of_an_array() -> None:
    unit = isaac(computes=INT8)
    cost = unit.deploy(matmul(1, 128, 128))
    assert cost.ticks == pytest.approx(128 * 128 * 8.52e6)
    assert dict(cost.energy_pj) == {"write": 128 * 128 * 4 * 8}
    assert "1e+06" in cost.limited_by
    one_by_one = unit.scaled(write={**unit.write.model_dump(), "arrays_at_once": 1})
    assert one_by_one.deploy(matmul(1, 128, 128)).ticks == 4 * cost.ticks


def test_footprint_and_capacity_count_in_whole_arrays() -> None:
    unit = isaac(computes=INT8)
    assert unit.weight_footprint_bytes(matmul(1, 1, 1)) == 128 * 128 * 2 // 8
    arrays, buffer = unit.storages()
    assert (arrays.capacity_bytes, arrays.holds) == (63 << 20, ("weights",))
    assert buffer.holds == ("activations", "state")


def test_a_static_left_side_is_held_transposed() -> None:
    work = matmul(128, 7, 128, static=False)
    left = work.inputs[0].__class__(matmul(1, 1, 1).inputs[1].role, 128 * 128, DType.I8)
    held = Work("matmul", work.dims, (left, work.inputs[1]), work.outputs, DType.I8)
    assert isaac(computes=INT8).why_not(held) is None
    assert isaac(computes=INT8).cost(held, Feed(1e15)).ticks == pytest.approx(7 * 800_000, rel=0.01)


def test_precision_narrower_than_the_array_is_taken_and_wider_is_not() -> None:
    unit, work = isaac(computes=INT8), matmul(1, 8, 8)
    assert unit.compute_dtype(work, None) is DType.I8
    assert unit.compute_dtype(work, DType.I4) is DType.I4
    assert unit.compute_dtype(work, DType.F16) is None
    assert unit.compute_dtype(lanes("elementwise", 4), DType.I8) is DType.F16


def test_analog_arrays_are_never_rewritten_at_run_time() -> None:
    with pytest.raises(ValidationError, match="static weights only"):
        isaac(computes={"matmul": {"weights": "i8", "inputs": "i8", "static_weights_only": False}})


def test_digital_needs_leave_for_two_changing_operands() -> None:
    work = matmul(64, 64, 64, static=False)
    assert "allow_dynamic is false" in (metis().why_not(work) or "")
    assert metis(allow_dynamic=True).why_not(work) is None
    assert metis(allow_dynamic=True).why_not(attention(1, 512)) is None


def test_streamed_weights_cost_their_way_in() -> None:
    unit, work = metis(banks=1), matmul(1, 512, 512)
    resident, streamed = unit.cost(work, RESIDENT), unit.cost(work, Feed(256e9, 100e9))
    assert streamed.weight_bytes == 512 * 512
    assert streamed.ticks - resident.ticks == pytest.approx(512 * 512 / 100e9 * 1e12, rel=0.01)
    assert dict(streamed.energy_pj)["write"] > 0


def test_a_second_bank_hides_writing_behind_computing() -> None:
    work, feed = matmul(4096, 4096, 4096), Feed(1e15, 25e9)
    assert metis(banks=2).cost(work, feed).ticks < metis(banks=1).cost(work, feed).ticks


def test_prefetched_weights_take_their_transfer_alone() -> None:
    feed = Feed(1e15, 34e9, 1)
    work = matmul(1, 512, 512)
    waits, fetched = (metis(prefetches=p).cost(work, feed).ticks for p in (False, True))
    assert fetched == pytest.approx(512 * 512 / 34e9 * 1e12, rel=1e-3)
    assert waits == pytest.approx(fetched + metis().cost(work, Feed(1e15)).ticks, rel=1e-3)


@pytest.mark.parametrize(("rows", "tiles"), [(1, 8), (64, 8), (64, 7), (100_000, 5), (16, 4)])
def test_a_second_bank_takes_what_a_simulation_of_its_rounds_takes(rows: int, tiles: int) -> None:
    unit = metis(banks=2)  # four macros
    busy = rows * -(-tiles // unit.arrays) * unit.mvm_seconds(8)
    rounds = [min(unit.arrays, tiles - first) for first in range(0, tiles, unit.arrays)]
    loads = [some * 512 * 512 / 25e9 for some in rounds]
    taken = unit.cost(matmul(rows, 512, 512 * tiles), Feed(1e18, 25e9)).ticks
    assert taken == pytest.approx(1e12 * simulated(loads, busy / len(rounds), unit.banks), rel=1e-6)


def test_weights_are_prefetched_into_a_free_bank() -> None:
    with pytest.raises(ValueError, match="prefetches needs a free bank"):
        metis(prefetches=True, banks=1)
