"""Published figures of compute-in-memory chips, compilers and cells, most of which follow from shapes."""

from __future__ import annotations

import pytest

from benchmarks.macros import figure
from mapper.cost.estimate import Typed, retyped
from mapper.cost.pricing import feed_of
from mapper.cost.works import Types, product
from mapper.hw.load import load_target
from mapper.hw.work import DType, Feed, Work
from targets.models.cim_analog import CimAnalog
from targets.models.cim_base import CimUnit
from targets.models.crossbar import arrays_needed

# SqueezeNet 1.1: (output side, channels in, kernel side) of each convolution
FIRES = {55: ((64, 16), (128, 16)), 27: ((128, 32), (256, 32)), 13: ((256, 48), (384, 48), (384, 64), (512, 64))}
SQUEEZENET = [
    (111, 3, 3),
    *[(side, c, kernel) for side, fires in FIRES.items() for wide, thin in fires
      for c, kernel in ((wide, 1), (thin, 1), (thin, 3))],
    (13, 512, 1),
]  # fmt: skip


def macro(name: str) -> CimUnit:
    model = load_target(name).units[0].model
    assert isinstance(model, CimUnit)
    return model


def full(name: str, vectors: int = 64) -> Work:
    """A product that fills every array of the chip in the chip's own widths."""
    unit, own = macro(name), macro(name).computes.matmul
    types = Types(own.inputs, own.inputs, own.weights, DType.I32)
    return product(vectors * unit.arrays, unit.outputs(own.weights.bits), unit.rows, types)


def rate(name: str, metric: str) -> float:
    target, work = load_target(name), full(name)
    found = figure(metric, work, target.units[0].model.cost(work, feed_of(target, target.units[0], work)))
    assert found is not None
    return found / 1e12


def test_squeezenet_takes_50962_matrix_vector_products() -> None:
    def row_tiles(depth: int) -> int:
        return arrays_needed(depth, 1, rows=128, columns=128, weight_bits=1, cell_bits=1)

    assert sum(side * side * row_tiles(c * kernel * kernel) for side, c, kernel in SQUEEZENET) == 50_962


def test_resnet18_cannot_be_issued_quicker_than_184_us() -> None:
    write = {"latency_s": 1e-6, "energy_pj": 1.0, "endurance": 1e6}
    cores = CimAnalog.model_validate(  # that start a product every 200 ns
        {"arrays": 144, "rows": 128, "columns": 128, "cell_bits": 2, "read_time_s": 25e-9, "write": write}
    )
    work = product(132_500, 32, 128, Types(DType.I8, DType.I8, DType.I8, DType.I32))
    assert cores.cost(work, Feed(1e15, None, 144)).ticks == pytest.approx(184.03e6, rel=0.002)


@pytest.mark.parametrize(
    ("chip", "tops", "tops_per_w", "tolerance"),
    [
        ("isaac-ce", 41.3, 0.63, 0.01),
        ("ibm-hermes64", 63.1, 9.76, 0.02),
        ("axelera-metis", 209.6, 15, 0.01),
        ("cicc21-aimc", 23.6, 1050, 0.01),
        ("isscc22-15-5", 1.198, 36.63, 0.01),
        ("isscc22-11-7", 0.0054, 22, 0.02),
        ("isscc23-7-2", 0, 19.5, 0.01),
        ("isscc23-7-8", 0, 18.7, 0.01),
        ("jssc23-aimc2", 0, 15.02, 0.01),
        ("jia-jssc20-0v85", 0.874, 400, 0.01),
        ("jia-jssc20-1v2", 2.185, 192, 0.01),
        ("sinangil-7nm-0v8", 0.3724, 351, 0.01),
        ("sinangil-7nm-1v0", 0.4551, 321, 0.01),
    ],
)
def test_a_chip_reaches_what_was_published(chip: str, tops: float, tops_per_w: float, tolerance: float) -> None:
    assert not tops or rate(chip, "TOPS") == pytest.approx(tops, rel=tolerance)
    assert rate(chip, "TOPS/W") == pytest.approx(tops_per_w, rel=tolerance)


@pytest.mark.parametrize(
    ("chip", "weights"),
    [
        ("neurram", 1_572_864),  # 48 cores of 128 x 256 pairs: 3.1 M cells
        ("jia-jssc20", 589_824),  # 590 Kb
        ("isscc23-7-2", 65_536 // 8),  # 64 Kb
        ("ibm-hermes64", 4_194_304),
    ],
)
def test_a_chip_holds_as_many_weights_as_it_has_cells(chip: str, weights: int) -> None:
    unit = macro(chip)
    assert unit.arrays * unit.rows * unit.outputs(unit.computes.matmul.weights.bits) == weights


def test_a_weight_of_albert_takes_four_cells_on_the_34_tiles() -> None:
    """7.1 M weights of four PCM cells are 28.3 M devices; 34 tiles of 512 x 2048 have 35.7 M."""
    tiles = arrays_needed(512, 7_100_000 // 512, rows=512, columns=2048, weight_bits=2, cell_bits=1, differential=True)
    assert 0.79 < tiles / 34 <= 1


def test_an_array_of_puma_is_written_row_by_row_in_eleven_microseconds() -> None:
    write = {"latency_s": 10.97e-6 / 128, "energy_pj": 22.6e3 / 128 / 128, "endurance": 1e6, "cells_at_once": 128}
    unit = CimAnalog.model_validate(
        {"arrays": 1, "rows": 128, "columns": 128, "cell_bits": 2, "read_time_s": 1e-7, "write": write}
    )
    cost = unit.deploy(product(1, 128, 128, Types(DType.I8, DType.I8, DType.I2, DType.I32)))
    assert cost.ticks == pytest.approx(10.97e6)
    assert cost.total_pj == pytest.approx(22.6e3, abs=1)


def test_a_core_of_neurram_is_verified_cell_by_cell() -> None:
    target = load_target("neurram")
    work = product(1, 256, 128, Types(DType.I4, DType.I4, DType.I4, DType.I32))
    assert target.units[0].model.deploy(work).ticks == pytest.approx(128 * 256 * 8.52e6)


@pytest.mark.parametrize(
    ("chip", "dtype", "tops"),
    [("neurram", DType.I1, 2.12), ("neurram", DType.I4, 0.744), ("neurram-2phase", DType.I8, 0.264)],
)
def test_neurram_is_as_quick_as_its_paper_says_in_widths_that_were_not_fitted(
    chip: str, dtype: DType, tops: float
) -> None:
    target = load_target(chip)
    work = product(48 * 64, 256, 128, Types(dtype, dtype, DType.I4, DType.I32))
    found = figure("TOPS", work, target.units[0].model.cost(work, feed_of(target, target.units[0], work)))
    assert found == pytest.approx(tops * 1e12, rel=0.03)


@pytest.mark.parametrize(("chip", "arrays"), [("wtm-8", 3), ("cicc21-aimc", 2)])
def test_weights_take_the_arrays_own_width_however_wide_inputs_are(chip: str, arrays: int) -> None:
    """A cell holds a weight of 8 bits where inputs have 12, or of 2 bits where they have 7."""
    unit = next(u for u in load_target(chip).units if isinstance(u.model, CimUnit))
    assert isinstance(unit.model, CimUnit)
    types = Types(DType.F32, DType.F32, DType.F32, DType.F32)
    typed = retyped(unit, product(1, arrays * unit.model.columns, unit.model.rows, types), None)
    assert isinstance(typed, Typed)
    assert unit.model.held(typed.works[0]).tiles == arrays
