"""What must hold for every unit model: more work is never quicker, more bandwidth never slower, no cost below zero."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples
from unit_model_builders import OPAQUE, UNITS, VIEW, attention, conv, embedding, lanes, lstm, matmul

from mapper.hw.work import DType, Feed, UnitModel, Work
from mapper.ir.kinds import KINDS
from targets.models.gpu import Gpu

SIZES = st.integers(1, 5000)
FACTORS = st.integers(1, 700)
BANDWIDTHS = st.floats(1e8, 1e13)
EVERY_UNIT = pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS.keys())
STREAMING = ("embedding", "rnn", "matmul", "conv", "attention", "opaque", "view")

WORKS = st.one_of(
    st.builds(matmul, SIZES, SIZES, SIZES, static=st.booleans(), batch=st.just(1)),
    st.builds(matmul, FACTORS, FACTORS, FACTORS, static=st.just(False), batch=st.integers(1, 32)),
    st.builds(conv, SIZES, FACTORS, FACTORS, groups=st.integers(1, 64)),
    st.builds(attention, FACTORS, SIZES, batch=st.integers(1, 8), kv_heads=st.sampled_from([1, 4, 12])),
    st.builds(embedding, SIZES, SIZES),
    st.builds(lstm, FACTORS, FACTORS),
    st.builds(lanes, st.sampled_from([k for k in KINDS if k not in STREAMING]), SIZES, st.integers(0, 16)),
    st.just(VIEW),
    st.just(OPAQUE),
)


def _price(unit: UnitModel, work: Work, feed: Feed) -> int:
    assert unit.why_not(work) is None
    return unit.cost(work, feed).ticks


def _typed(unit: UnitModel, work: Work) -> Work:
    dtype = unit.compute_dtype(work, None)
    assert dtype is not None
    return Work(work.kind, work.dims, work.inputs, work.outputs, dtype)


@EVERY_UNIT
@examples(40, 150)
@given(work=WORKS, data=BANDWIDTHS, weights=st.one_of(st.none(), BANDWIDTHS), replicas=st.integers(1, 16))
def test_what_is_accepted_has_a_sane_cost(
    unit: UnitModel, work: Work, data: float, weights: float | None, replicas: int
) -> None:
    typed = _typed(unit, work)
    if unit.why_not(typed) is not None:
        return
    cost = unit.cost(typed, Feed(data, weights, replicas))
    assert cost.ticks >= (0 if work is VIEW else 1)
    assert all(pj >= 0 for _, pj in cost.energy_pj)
    assert cost.data_bytes >= 0
    assert cost.weight_bytes == 0 or weights is not None
    assert 0 < cost.share <= 1
    assert cost.limited_by
    assert unit.max_replicas(typed) >= 1
    assert unit.weight_footprint_bytes(typed) >= 0
    assert unit.deploy(typed).ticks >= 0


@EVERY_UNIT
@examples(40, 150)
@given(m=SIZES, more=SIZES, n=SIZES, k=SIZES, data=BANDWIDTHS)
def test_more_rows_are_never_quicker(unit: UnitModel, m: int, more: int, n: int, k: int, data: float) -> None:
    feed = Feed(data, None if unit.engine == "spatial" else data)
    few, many = (_typed(unit, matmul(rows, n, k)) for rows in (m, m + more))
    assert _price(unit, few, feed) <= _price(unit, many, feed)


@EVERY_UNIT
@examples(30, 100)
@given(m=SIZES, n=SIZES, k=SIZES, data=BANDWIDTHS, faster=st.floats(1, 100))
def test_more_bandwidth_is_never_slower(unit: UnitModel, m: int, n: int, k: int, data: float, faster: float) -> None:
    work = _typed(unit, matmul(m, n, k))
    assert _price(unit, work, Feed(data * faster, data * faster)) <= _price(unit, work, Feed(data, data))


@EVERY_UNIT
@examples(30, 100)
@given(q=FACTORS, kv=SIZES, more=SIZES, data=BANDWIDTHS)
def test_a_longer_cache_is_never_quicker(unit: UnitModel, q: int, kv: int, more: int, data: float) -> None:
    """GPU libraries split a longer cache into more parts, and win up to a tenth by it."""
    least = 0.9 if isinstance(unit, Gpu) else 1.0
    short, long = (_typed(unit, attention(1, tokens)) for tokens in (kv, kv + more))
    if unit.why_not(short) is None:
        assert least * _price(unit, short, Feed(data)) <= _price(unit, long, Feed(data))


@EVERY_UNIT
def test_models_are_hashable_and_survive_a_round_trip(unit: UnitModel) -> None:
    again = type(unit).model_validate(unit.model_dump(mode="json"))
    assert again == unit
    assert hash(again) == hash(unit)


@EVERY_UNIT
def test_every_unit_lists_a_peak(unit: UnitModel) -> None:
    assert all(isinstance(t, DType) and rate > 0 for t, rate in unit.peak_ops_per_s().items())
    assert unit.peak_ops_per_s()
