"""What a GPU charges for kernels that are no product and no attention, against measurements and by their physics."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit_model_builders import a100

from mapper.cost.works import Types, copy, function, over_rows
from mapper.hw.work import DType, Feed, Work

HBM = Feed(2039e9, 2039e9)
F16, F32 = Types.all(DType.F16), Types.all(DType.F32)


def microseconds(work: Work) -> float:
    return a100().cost(work, HBM).ticks / 1e6


def norm(rows: int, width: int, name: str = "rms") -> Work:
    return over_rows("norm", rows, width, F16, name)


@pytest.mark.parametrize(
    ("work", "measured"),
    [  # Vidur, A100, Llama-2-70b (held out of the fit); the softmax from LLMCompass, less 10 us of Python
        (function("add", 4096 * 8192, F16), 112.25),
        (function("add", 512 * 8192, F16), 13),
        (function("rope", 4096 * 9216, F16, rows=4096), 173.25),
        (function("rope", 528 * 9216, F16, rows=528), 24),
        (norm(4096, 8192), 194),
        (over_rows("embedding", 4096, 8192, F16), 439.5),
        (over_rows("softmax", 8192, 4096, F16), 136),
    ],
)
def test_kernels_that_were_not_fitted_take_what_was_measured(work: Work, measured: float) -> None:
    assert microseconds(work) == pytest.approx(measured, rel=0.15)


def test_tensors_within_the_l2_move_faster_than_the_memory_would_let_them() -> None:
    small, large = function("add", 2**20, F16), function("add", 2**28, F16)
    assert microseconds(small) - 2.27 < 0.8 * small.bytes() / 2.039e6
    assert microseconds(large) == pytest.approx(large.bytes() / 2.039e6, rel=0.2)


def test_a_gate_costs_more_than_an_addition_of_the_same_tensors() -> None:
    rows, width = 2048, 11008
    gate, plain = (function(name, rows * width, F16, rows=rows) for name in ("swiglu", "add"))
    assert gate.bytes() == plain.bytes()
    assert microseconds(gate) > 1.3 * microseconds(plain)


def test_a_row_alone_on_an_sm_takes_the_latency_of_its_loads() -> None:
    one, as_many_as_sms = (microseconds(norm(rows, 4096)) for rows in (1, 108))
    assert as_many_as_sms - one < 0.5
    assert microseconds(norm(1, 16384)) > one + 3


def test_wide_rows_of_a_softmax_are_read_again() -> None:
    elements = 2**28
    narrow, wide = (microseconds(over_rows("softmax", elements // w, w, F32)) for w in (2048, 32768))
    assert wide > 1.3 * narrow


def test_few_rows_of_a_table_are_picked_one_after_the_other() -> None:
    sixteen, seventeen = (microseconds(over_rows("embedding", rows, 4096, F16)) for rows in (16, 17))
    assert sixteen > seventeen + 5


def test_a_layer_norm_waits_for_its_reductions_longer_than_an_rms_norm() -> None:
    assert microseconds(norm(1, 1024, "layer")) > microseconds(norm(1, 1024)) + 2


def test_fused_work_pays_for_its_bytes_alone() -> None:
    work = norm(64, 4096)
    assert microseconds(replace(work, fused=True)) < 0.2 * microseconds(work)


def test_a_copy_takes_as_long_as_its_bytes_and_no_arithmetic() -> None:
    moved, turned = microseconds(copy("move", 2**27, F16)), microseconds(function("gelu", 2**27, F16))
    assert moved == pytest.approx(turned, rel=0.01)
    assert 1 < moved / (2**29 / 2.039e6) < 1.3


def test_many_kernels_at_once_cost_what_each_costs_alone() -> None:
    works = [
        norm(64, 4096),
        function("rope", 4096, F16, rows=1),
        over_rows("embedding", 3, 64, F16),
        copy("cast", 9, F32),
    ]
    assert list(a100().costs(works, HBM)) == [a100().cost(work, HBM) for work in works]
