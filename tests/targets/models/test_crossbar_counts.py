"""Counts and rates of compute-in-memory arrays that are published as exact numbers (COST_MODELS, facts)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit_model_builders import INT8, isaac, metis, simulated

from mapper.hw.work import DType
from targets.models.crossbar import (
    arrays_needed,
    digital_mvm_seconds,
    exact_adc_bits,
    mvm_seconds,
    overlapped_seconds,
    reads_per_mvm,
)

ONE_TO_ONE = {"rows": 128, "columns": 128, "weight_bits": 1, "cell_bits": 1}

# (output side, channels in, channels out, kernel side) of each convolution, and (in, out) of each full connection
VGG16 = [
    (224, 3, 64, 3), (224, 64, 64, 3), (112, 64, 128, 3), (112, 128, 128, 3), (56, 128, 256, 3), (56, 256, 256, 3),
    (56, 256, 256, 3), (28, 256, 512, 3), (28, 512, 512, 3), (28, 512, 512, 3), (14, 512, 512, 3), (14, 512, 512, 3),
    (14, 512, 512, 3),
]  # fmt: skip
VGG16_FULL = [(25088, 4096), (4096, 4096), (4096, 1000)]
RESNET18 = [
    (112, 3, 64, 7), *[(56, 64, 64, 3)] * 4,
    (28, 64, 128, 3), *[(28, 128, 128, 3)] * 3, (28, 64, 128, 1),
    (14, 128, 256, 3), *[(14, 256, 256, 3)] * 3, (14, 128, 256, 1),
    (7, 256, 512, 3), *[(7, 512, 512, 3)] * 3, (7, 256, 512, 1),
]  # fmt: skip
RESNET18_FULL = [(512, 1000)]


def test_vgg16_fills_8454_crossbars() -> None:
    convs = sum(arrays_needed(c * s * s, n, **ONE_TO_ONE) for _, c, n, s in VGG16)
    full = sum(arrays_needed(k, n, **ONE_TO_ONE) for k, n in VGG16_FULL)
    assert convs + full == 8454


def test_resnet18_takes_132500_matrix_vector_products() -> None:
    windows = sum(side * side * -(-c * s * s // 128) for side, c, _, s in RESNET18)
    assert windows + sum(-(-k // 128) for k, _ in RESNET18_FULL) == 132_500


@pytest.mark.parametrize(
    ("k", "n", "weight_bits", "cell_bits", "differential", "copies", "arrays"),
    [
        (128, 128, 1, 1, False, 1, 1),
        (129, 128, 1, 1, False, 1, 2),
        (128, 16, 16, 2, False, 1, 1),  # eight columns a weight
        (128, 17, 16, 2, False, 1, 2),
        (128, 32, 8, 4, True, 1, 1),  # two cells, twice
        (768, 3072, 8, 2, False, 1, 576),  # GPT-2's first MLP matrix in int8
        (9, 1, 8, 2, False, 96, 7),  # depthwise: 14 groups along the diagonal of one array
        (200, 1, 8, 2, False, 3, 6),
    ],
)
def test_arrays_needed(
    k: int, n: int, weight_bits: int, cell_bits: int, differential: bool, copies: int, arrays: int
) -> None:
    assert (
        arrays_needed(
            k,
            n,
            rows=128,
            columns=128,
            weight_bits=weight_bits,
            cell_bits=cell_bits,
            differential=differential,
            copies=copies,
        )
        == arrays
    )


@pytest.mark.parametrize(
    ("input_bits", "adcs", "active_rows", "nanoseconds"),
    [(16, 1, None, 1600), (8, 1, None, 800), (16, 1, 32, 6400), (16, 128, None, 1600)],
)
def test_mvm_time(input_bits: int, adcs: int, active_rows: int | None, nanoseconds: float) -> None:
    seconds = mvm_seconds(
        input_bits=input_bits, dac_bits=1, rows=128, columns=128, adcs=adcs,
        read_time_s=100e-9, adc_time_s=0.78125e-9, active_rows=active_rows,
    )  # fmt: skip
    assert seconds == pytest.approx(nanoseconds * 1e-9)


def test_a_slow_adc_sets_the_time() -> None:
    assert mvm_seconds(
        input_bits=1, dac_bits=1, rows=128, columns=128, adcs=2, read_time_s=1e-9, adc_time_s=1e-9
    ) == pytest.approx(64e-9)


def test_isaac_reaches_its_published_peak() -> None:
    assert isaac().mvm_seconds(16) == pytest.approx(1600e-9)
    assert isaac().peak_ops_per_s()[DType.I16] == pytest.approx(41.3e12, rel=0.001)


def test_isaac_in_int8_is_four_times_as_fast() -> None:
    ratio = isaac(computes=INT8).peak_ops_per_s()[DType.I8] / isaac().peak_ops_per_s()[DType.I16]
    assert ratio == pytest.approx(4.0)


def test_metis_gives_52_tops_a_core() -> None:
    assert metis(arrays=1).peak_ops_per_s()[DType.I8] == pytest.approx(52.4e12, rel=0.001)
    assert metis().storages()[0].capacity_bytes == 4 << 20  # 1 MiB a core


def test_digital_time_follows_bits_and_rows() -> None:
    assert digital_mvm_seconds(input_bits=8, bits_per_cycle=2, rows=64, clock_hz=1e9, active_rows=16) == 16e-9


def test_reads_and_adc_bits() -> None:
    assert reads_per_mvm(input_bits=8, dac_bits=2, rows=128, active_rows=32) == 16
    assert exact_adc_bits(128, 1, 2) == 9  # ISAAC gets by with 8 through its flipped encoding


@given(
    rounds=st.integers(1, 12),
    load=st.floats(0, 10),
    part=st.floats(0, 1),
    each=st.floats(0, 10),
    banks=st.integers(2, 5),
)
def test_overlapped_rounds_take_as_long_as_in_a_simulation(
    rounds: int, load: float, part: float, each: float, banks: int
) -> None:
    loads = [*[load] * (rounds - 1), load * part]
    found = overlapped_seconds(rounds, load, loads[-1], rounds * each)
    assert found == pytest.approx(simulated(loads, each, banks), abs=1e-9)


def test_nothing_to_load_leaves_the_arithmetic() -> None:
    assert overlapped_seconds(0, 0.0, 0.0, 3.0) == 3.0
