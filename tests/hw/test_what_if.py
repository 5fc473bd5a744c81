"""Figures of a target that the command line changes."""

from __future__ import annotations

import pytest

from mapper.errors import UsageError
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.hw.what_if import Change, Refused, changed, parse_change


@pytest.fixture(scope="module")
def superhet() -> Target:
    return load_target("superhet")


def test_a_figure_of_the_matching_units_changes_and_their_kind_with_it() -> None:
    shipped = load_target("dgx-a100")
    eager = changed(shipped, ["gpu*.gpu.launch_gap_s=8e-6"])
    gaps = {unit.name: getattr(unit.model, "launch_gap_s", None) for unit in eager.units}
    assert {gap for name, gap in gaps.items() if name.startswith("gpu")} == {8e-6}
    assert {unit.kind for unit in eager.units if unit.name.startswith("gpu")} == {"gpu-a100-80+launch_gap_s=8e-06"}
    assert [u for u in eager.units if u.model_name == "cpu"] == [u for u in shipped.units if u.model_name == "cpu"]


@pytest.mark.parametrize("name", ["cim*.arrays", "cim.arrays", "rram-cim-128.arrays", "unit.cim.arr", "cim0|cim1.arr"])
def test_units_are_meant_by_name_pattern_entry_or_kind_and_keys_may_be_short(superhet: Target, name: str) -> None:
    assert changed(superhet, [f"{name}*=2"]).unit["cim1"].model.arrays == 32256  # type: ignore[attr-defined]


def test_the_memories_inside_a_unit_follow_from_its_new_figures(superhet: Target) -> None:
    wide = changed(superhet, ["cim*.arrays*=2", "cim*.buffer.bandwidth*=2"])
    assert wide.memory["cim0.arrays"].capacity_bytes == 2 * superhet.memory["cim0.arrays"].capacity_bytes
    assert wide.memory["cim3.buffer"].bandwidth_bytes_per_s == 1024e9
    assert wide.memory["cim3.buffer"].kind == f"{wide.unit['cim3'].kind}.buffer"


def test_inner_figures_and_whole_tables_change(superhet: Target) -> None:
    model = changed(superhet, ["cim.energy_pj.adc=1", "dsa*.rate*=2"]).unit
    assert model["cim2"].model.energy_pj.adc_conversion == 1  # type: ignore[attr-defined]
    assert model["dsa0"].model.rate.i8 == 2 * superhet.unit["dsa0"].model.rate.i8  # type: ignore[attr-defined]
    assert model["dsa0"].model.rate.f16 == 2 * superhet.unit["dsa0"].model.rate.f16  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["link.d2d.bandwidth", "d2d.band", "ucie-advanced.bandwidth", "link.d2d*.bandwidth"])
def test_links_change_by_entry_kind_or_pattern(superhet: Target, name: str) -> None:
    assert {k.bandwidth_bytes_per_s for k in changed(superhet, [f"{name}*=2"]).links} == {512e9}


def test_memories_and_the_whole_target_change(superhet: Target) -> None:
    other = changed(superhet, ["hbm.capacity/=2", "power_limit_w=60"])
    assert other.memory["hbm"].capacity_bytes == superhet.memory["hbm"].capacity_bytes // 2
    assert other.power_limit_w == 60


def test_a_folded_target_is_folded_anew_from_the_changed_machine() -> None:
    from mapper.hw.teams import Arrangement, arranged

    machine, way = load_target("dgx-a100"), Arrangement(4, 2)
    assert changed(arranged(machine, way), ["hbm.bandwidth*=2"]) == arranged(changed(machine, ["hbm.band*=2"]), way)


def test_a_whole_figure_is_rounded() -> None:
    assert Change("cim.rows", factor=1.3).of(128, whole=True) == 166


@pytest.mark.parametrize("text", ["gpu*.sms*=2", "gpu0.sms/=3", "a.b=7.5"])
def test_a_change_is_spelled_as_it_is_read(text: str) -> None:
    assert str(parse_change(text)) == text


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("gpu9.launch_gap_s=1", "no unit 'gpu9'; did you mean 'gpu0'"),
        ("gpu0.launch_gab_s=1", "gpu units have no 'launch_gab_s'; did you mean 'launch_gap_s'"),
        ("gpu0.launch_gap_s=-1", "greater than or equal to 0"),
        ("gpu0.launch_gap_s=soon", "write a unit, a key of its file and a number"),
        ("gpu0.launch_gap_s=inf", "write a unit, a key of its file and a number"),
        ("gpu0.launch_gap_s=nan", "write a unit, a key of its file and a number"),
        ("launch_gap_s=1", "write a unit"),
        ("gpu0.sms", "write a unit"),
        ("gpu0.=1", "write a unit"),
        ("gpu0.sms*=0", "a factor lies between"),
        ("gpu0.sms/=-2", "a factor lies between"),
        ("hbm.bandwidth*=1e300", "a factor lies between"),
        ("gpu0.l2=1", "may be l2_bytes or"),
        ("gpu0.matrix_ops_per_s=1", "a table by number type"),
        ("link.d2d.width=1", "links have no 'width'"),
        ("link.nvlink.latency=1", "no link 'nvlink'"),
        ("memory.gpu0.latency=1", "no memory 'gpu0'"),
    ],
)
def test_a_setting_that_is_none_says_why(superhet: Target, setting: str, words: str) -> None:
    with pytest.raises(UsageError, match="--set") as found:
        changed(superhet, [setting])
    assert words in str(found.value)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("cim.dac_bits/=2", "a whole number: 1 cannot become 0.5"),
        ("gpu0.sms=7.5", "a whole number"),
        ("cim.rows=0", "greater than 0"),
        ("hbm.bandwidth=0", "greater than 0"),
        ("power_limit_w=0", "greater than 0"),
    ],
)
def test_what_a_figure_does_not_take_is_refused_in_words(superhet: Target, setting: str, words: str) -> None:
    with pytest.raises(Refused, match="--set") as found:
        changed(superhet, [setting])
    assert words in str(found.value)
