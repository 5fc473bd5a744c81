"""Error bands by kind of work, and batches that cost what their members cost alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit_model_builders import OPAQUE, UNITS, VIEW, attention, embedding, lanes, lstm, matmul, simd

from mapper.hw.work import DType, Feed, UnitModel, Work
from targets.models.vector import Vector

FEED = Feed(100e9, 100e9)
PREFILL, DECODE = attention(16, 64), attention(1, 64)
WORKS = (
    matmul(1, 1, 1), matmul(512, 512, 512, dtype=DType.F16), matmul(7, 9, 64, dtype=DType.F16, static=False, batch=3),
    matmul(300, 20, 4096), lstm(4, 64), PREFILL, DECODE, embedding(8, 64), lanes("softmax", 640), VIEW, OPAQUE,
)  # fmt: skip


def banded(error_band: object) -> Vector:
    return Vector.model_validate({**simd().model_dump(), "error_band": error_band})


def band(unit: UnitModel, work: Work) -> tuple[float, bool]:
    cost = unit.cost(work, FEED)
    return cost.band, cost.validated


def test_one_number_is_an_assumption_for_all_kinds() -> None:
    unit = banded(0.4)
    assert {band(unit, work) for work in (DECODE, lanes("norm", 64))} == {(0.4, False)}


def test_a_kind_with_a_figure_was_measured_and_the_others_are_assumed() -> None:
    unit = banded({"attention": 0.2, "assumed": 0.7})
    assert band(unit, PREFILL) == (0.2, True)
    assert band(unit, lanes("softmax", 64)) == (0.7, False)


def test_decode_may_differ_from_prefill() -> None:
    assert band(banded({"attention": 0.2, "decode": 0.3}), DECODE) == (0.3, True)
    assert band(banded({"attention": 0.2}), DECODE) == (0.2, True)
    assert band(banded({"decode": 0.3}), PREFILL) == (0.5, False)


@pytest.mark.parametrize("wrong", [0, -1, {"matmull": 0.1}, {"matmul": 0}, "small"])
def test_a_band_that_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="error_band"):
        banded(wrong)


def test_bands_survive_being_written_down() -> None:
    unit = banded({"matmul": 0.1, "assumed": 0.6})
    assert Vector.model_validate(unit.model_dump(mode="json")) == unit


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS.keys())
def test_many_works_at_once_cost_what_each_costs_alone(unit: UnitModel) -> None:
    typed = [replace(work, dtype=unit.compute_dtype(work, None) or work.dtype) for work in WORKS]
    able = [work for work in typed if unit.why_not(work) is None]
    assert list(unit.costs(able, FEED)) == [unit.cost(work, FEED) for work in able]
