"""Operating points, pulse counts, generic energies, statistics and wear of compute-in-memory units."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from unit_model_builders import INT8, attention, isaac, matmul, metis

from mapper.errors import TargetError
from mapper.hw.load import load_target
from mapper.hw.work import DType, Feed
from targets.models.cim_pulses import Pulses
from targets.models.cim_supply import Statistics, Supply
from targets.models.cim_technology import conversion_pj, macro_energy

WIDE = Feed(1e15)
SUPPLY = {"nominal_v": 1.0, "lowest_v": 0.7, "highest_v": 1.1, "threshold_v": 0.3}


def test_a_higher_supply_is_quicker_and_dearer() -> None:
    unit, work = isaac(computes=INT8, supply=SUPPLY), matmul(64, 32, 128)
    low, high = (unit.scaled(supply_v=volts).cost(work, WIDE) for volts in (0.7, 1.1))
    assert low.ticks > high.ticks
    assert dict(low.energy_pj)["adc"] < dict(high.energy_pj)["adc"]
    assert unit.cost(work, WIDE) == unit.scaled(supply_v=1.0).cost(work, WIDE)


def test_energy_is_c_v_squared_where_no_slope_was_measured() -> None:
    assert Supply(**SUPPLY).energy(0.7) == pytest.approx(0.49)
    assert Supply(**SUPPLY, energy_slope=1.5).energy(1.1) == pytest.approx(1.15)


def test_the_clock_follows_the_overdrive() -> None:
    assert Supply(**SUPPLY).slowdown(0.7) == pytest.approx(0.7 * (0.7 / 0.4) ** 1.3)
    assert Supply(**{**SUPPLY, "threshold_v": None}).slowdown(0.7) == 1.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nominal_v": 1.2}, "not between"),
        ({"threshold_v": 0.7}, "not below lowest_v"),
        ({"energy_slope": 4.0}, "no energy at 0.7 V"),
    ],
)
def test_a_supply_that_cannot_be_is_refused(changes: dict[str, float], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Supply(**{**SUPPLY, **changes})


def test_a_target_has_its_operating_points_by_name() -> None:
    slow, quick = (load_target(f"wang-22nm-{v}").units[0] for v in ("0v7", "1v1"))
    assert slow.model.peak_ops_per_s()[DType.I8] < quick.model.peak_ops_per_s()[DType.I8]
    assert slow.kind == "wang-22nm-0v7"
    assert load_target("wang-22nm-0v7").name == "wang-22nm-0v7"


def test_a_voltage_without_figures_is_refused() -> None:
    with pytest.raises(TargetError, match=r"0\.5 V is outside 0\.7 to 1\.1 V"):
        load_target("wang-22nm-0v5")
    with pytest.raises(TargetError, match="0 V is no supply voltage"):
        load_target("wang-22nm-0v0")
    with pytest.raises(TargetError, match="no figures by supply voltage"):
        load_target("isscc23-7-2-0v9")


PULSES = Pulses(start_s=100e-9, plane_s=10e-9, step_s=1e-9, join_s=5e-9)


@pytest.mark.parametrize(
    ("bits", "phases", "planes", "nanoseconds"),
    [
        (1, 1, (1,), 100 + 10 + 1 + 3),
        (2, 1, (1,), 100 + 10 + 1 + 7),
        (4, 1, (3,), 100 + 30 + 7 + 31),
        (6, 2, (3, 2), 100 + 30 + 7 + 31 + 100 + 20 + 3 + 15 + 5),
        (2, 2, (1,), 100 + 10 + 1 + 7),
    ],
)
def test_counted_pulses_double_with_each_bit(bits: int, phases: int, planes: tuple[int, ...], nanoseconds: int) -> None:
    pulses = PULSES.model_copy(update={"phases": phases})
    assert pulses.planes(bits) == planes
    assert pulses.seconds(bits) == pytest.approx(nanoseconds * 1e-9)


def test_conversions_come_from_the_table_and_scale_with_node_and_supply() -> None:
    assert conversion_pj(8, 32, 0.9) == 1.667
    assert conversion_pj(8, 64, 1.8) == pytest.approx(8 * 1.667)
    assert 1.2 < conversion_pj(7, 32, 0.9) < 1.667
    assert conversion_pj(3, 32, 0.9) == pytest.approx(0.395)
    assert conversion_pj(10, 32, 0.9) == pytest.approx(4 * 2.583)


def test_energies_left_away_are_those_of_the_process() -> None:
    bare = isaac(computes=INT8, energy_pj={}, node_nm=32)
    assert dict(bare.cost(matmul(1, 32, 128), WIDE).energy_pj)["adc"] == pytest.approx(8 * 128 * 1.667, abs=1)
    digital = metis(energy_pj=None, node_nm=28)
    cell = macro_energy(bits_per_cycle=1, node_nm=28, volts=0.9).cell
    assert dict(digital.cost(matmul(1, 512, 512), WIDE).energy_pj)["cell"] == pytest.approx(512**2 * 64 * cell, abs=1)


def test_digital_energy_goes_with_cycles_and_weight_bits() -> None:
    unit = metis(energy_pj={"driver": 0.01, "cell": 0.002})
    energy = dict(unit.cost(matmul(2, 512, 512), WIDE).energy_pj)
    assert energy["driver"] == pytest.approx(2 * 512 * 512 * 8 * 0.01, abs=1)
    assert energy["cell"] == pytest.approx(2 * 512 * 512 * 8 * 8 * 0.002, abs=1)


def test_statistics_of_the_operands_scale_drivers_and_cells_but_not_converters() -> None:
    unit, work = isaac(computes=INT8, energy_pj={"adc_conversion": 2, "dac_row": 1, "cell": 0.01}), matmul(1, 32, 128)
    sparse = unit.scaled(statistics={"inputs": 0.25, "weights": 0.25})
    before, after = dict(unit.cost(work, WIDE).energy_pj), dict(sparse.cost(work, WIDE).energy_pj)
    assert after["adc"] == before["adc"]
    assert after["dac"] == pytest.approx(before["dac"] / 2, abs=1)
    assert after["cell"] == pytest.approx(before["cell"] / 4, abs=1)


def test_the_band_of_the_energy_is_narrower_with_known_statistics() -> None:
    work, known = matmul(1, 32, 128), {"inputs": 0.25, "weights": 0.25}
    bare, told = isaac(computes=INT8), isaac(computes=INT8, error_band={"energy": 0.04})
    assert [u.cost(work, WIDE).energy_band for u in (bare, bare.scaled(statistics=known))] == [0.28, 0.03]
    assert told.cost(work, WIDE).energy_band == pytest.approx(0.283, abs=1e-3)
    assert told.scaled(statistics=known).cost(work, WIDE).energy_band == pytest.approx(0.05)
    assert told.cost(work, WIDE).energy_validated
    assert not bare.cost(work, WIDE).energy_validated


def test_a_part_of_all_bits_is_at_most_one() -> None:
    with pytest.raises(ValidationError, match="at most 1"):
        Statistics(inputs=1.5, weights=0.5)


def test_leakage_flows_while_the_arrays_work() -> None:
    unit, work = isaac(computes=INT8, leakage_w=16.128), matmul(100, 128, 128)
    cost = unit.cost(work, WIDE)
    assert dict(cost.energy_pj)["leakage"] == pytest.approx(4e-3 * 100 * 800e-9 * 1e12)  # 4 of 16128 arrays


def test_partial_sums_travel_between_cores_only() -> None:
    network = {"arrays_per_core": 2, "bandwidth_bytes_per_s": 1e12, "energy_pj_per_bit": 0.5}
    unit = isaac(computes=INT8, network=network)
    assert "noc" not in dict(unit.cost(matmul(1, 32, 256), WIDE).energy_pj)
    cost = unit.cost(matmul(10, 32, 640), WIDE)  # five row tiles on three cores
    assert dict(cost.energy_pj)["noc"] == 10 * 2 * 32 * 24 * 0.5
    slow = isaac(computes=INT8, network={**network, "bandwidth_bytes_per_s": 1e6}).cost(matmul(10, 32, 640), WIDE)
    assert slow.limited_by == "partial sums"


def test_analog_cells_are_rewritten_only_where_allowed_and_then_wear() -> None:
    unit, work = isaac(computes=INT8, allow_dynamic=True), matmul(4, 128, 128, static=False)
    assert unit.why_not(work) is None
    assert "softmax" in (unit.why_not(attention(1, 512)) or "")
    cost = unit.cost(work, WIDE)
    assert cost.wear == pytest.approx(4 * 4 / 16128)  # four arrays and, as they are idle, a copy for each row
    assert cost.ticks > unit.cost(matmul(4, 128, 128), WIDE).ticks
    assert unit.endurance() == 1e6


def test_sram_does_not_wear_out() -> None:
    work = matmul(1, 512, 512, static=False)
    assert metis(allow_dynamic=True).cost(work, WIDE).wear == 0
    assert (
        metis(allow_dynamic=True, write={"latency_s": 1e-9, "energy_pj_per_bit": 1e-3, "endurance": 1e9})
        .cost(work, WIDE)
        .wear
        == 1 / 4 / 4
    )  # one tile of four cores with four banks, as one row cannot use a copy


def test_scratch_arrays_keep_weights_and_written_operands_apart() -> None:
    work = matmul(4, 1024, 512, static=False)  # two tiles
    unit = metis(allow_dynamic=True, banks=1, write={"latency_s": 1e-9, "energy_pj_per_bit": 1e-3, "endurance": 1e9})
    kept = unit.scaled(scratch_arrays=1)
    assert kept.cost(work, WIDE).share == 1 / 4
    assert kept.cost(work, WIDE).wear == 2
    assert kept.cost(work, WIDE).ticks > unit.cost(work, WIDE).ticks
    assert kept.storages()[0].capacity_bytes == 3 * 512 * 512
    assert kept.max_replicas(matmul(8, 512, 512)) == 3
    with pytest.raises(ValidationError, match="leave none of 4 arrays"):
        unit.scaled(scratch_arrays=4)


def test_weights_that_are_brought_once_wear_the_arrays_that_hold_them() -> None:
    write, work = {"latency_s": 1e-9, "energy_pj_per_bit": 1e-3, "endurance": 1e9}, matmul(4, 1536, 512)  # three tiles
    macros = metis(banks=2, write=write, scratch_arrays=1)
    assert macros.deploy(work).wear == 3 / 3 / 2
    cells = isaac(computes=INT8, allow_dynamic=True, scratch_arrays=1)
    assert cells.deploy(matmul(4, 128, 128)).wear == pytest.approx(4 / 16127)


def test_pricing_alone_uses_every_idle_array() -> None:
    unit, work = isaac(computes=INT8, buffer=None), matmul(8064, 128, 128)  # 4032 copies
    assert unit.cost(work, Feed(1e15, None, 2**31)).ticks == pytest.approx(2 * 800e3, rel=0.01)
