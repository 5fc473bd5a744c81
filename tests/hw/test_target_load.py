"""What a well-formed target file becomes."""

from __future__ import annotations

import pytest
from target_builders import VECTOR, Load, Write

from mapper.errors import TargetError
from mapper.hw import library
from mapper.hw.load import load_target

ONE = """\
units: {a: {use: units/lanes}}
memories: {m: {use: memories/ram, serves: [a]}}
"""


def test_a_part_is_shared_by_use(load: Load) -> None:
    target = load(ONE)
    assert target.unit["a"].kind == "lanes"
    assert target.memory["m"].capacity_bytes == 10**9


def test_a_count_makes_numbered_units_and_a_count_of_one_keeps_the_name(load: Load) -> None:
    target = load(
        "units: {a: {use: units/lanes, count: 3}}\nmemories: {m: {use: memories/ram, count: 1, serves: [a*]}}"
    )
    assert list(target.unit) == ["a0", "a1", "a2"]
    assert list(target.memory) == ["m"]


def test_a_grid_makes_units_in_rows_and_columns(load: Load) -> None:
    target = load(
        "units: {pe: {use: units/lanes, grid: [2, 3]}}\nmemories: {m: {use: memories/ram, serves: ['pe_*']}}\n"
        "links: {noc: {use: links/wire, topology: {mesh: {grid: pe}}}}"
    )
    assert list(target.unit) == ["pe_0_0", "pe_0_1", "pe_0_2", "pe_1_0", "pe_1_1", "pe_1_2"]
    assert len(target.links) == 7


def test_a_key_beside_use_replaces_a_figure_and_makes_a_kind_of_its_own(load: Load) -> None:
    target = load(
        "units: {a: {use: units/lanes, lanes: 32, rate: {i8: 4}}, b: {use: units/lanes}}\n"
        "memories: {m: {use: memories/ram, capacity_bytes: 5, serves: ['*']}}"
    )
    model = target.unit["a"].model
    assert model.lanes == 32  # type: ignore[attr-defined]
    assert (model.rate.f16, model.rate.i8) == (2, 4)  # type: ignore[attr-defined]
    assert target.unit["a"].kind == "lanes@toy.a"
    assert target.unit["b"].kind == "lanes"
    assert target.memory["m"].capacity_bytes == 5


def test_parts_may_be_written_out_in_the_chip_file(load: Load) -> None:
    body = (
        VECTOR_INLINE
        + "memories: {m: {capacity_bytes: 10, bandwidth_bytes_per_s: 1e9, energy_pj_per_bit: 1, serves: [a]}}"
    )
    assert load(body).unit["a"].model_name == "vector"


VECTOR_INLINE = """\
units:
  a: {model: vector, lanes: 4, clock_hz: 1e9, rate: {f16: 2}, sram_bytes: 64, energy_pj_per_op: {f16: 1}}
"""


def test_channels_multiply_capacity_and_bandwidth(load: Load) -> None:
    memory = load(ONE.replace("serves", "channels: 4, serves")).memory["m"]
    assert (memory.capacity_bytes, memory.bandwidth_bytes_per_s) == (4 * 10**9, 400e9)


def test_a_unit_takes_data_from_inside_first(load: Load) -> None:
    target = load("units: {c: {use: units/dcim}}\nmemories: {m: {use: memories/ram, serves: [c]}}")
    assert target.unit["c"].data == "c.buffer"
    assert target.unit["c"].weights == ("c.arrays", "m")


def test_an_analog_array_takes_weights_only_from_its_own_cells(load: Load) -> None:
    target = load("units: {c: {use: units/cim}}\nmemories: {m: {use: memories/ram, serves: [c]}}")
    assert target.unit["c"].weights == ("c.arrays",)
    assert target.memory["c.arrays"].unit == "c"


def test_a_memory_may_hold_only_some_things(load: Load) -> None:
    target = load(
        "units: {a: {use: units/lanes}}\nmemories:\n"
        "  rom: {use: memories/ram, serves: [a], holds: [weights]}\n"
        "  ram: {use: memories/ram, serves: [a], holds: [activations]}"
    )
    assert (target.unit["a"].data, target.unit["a"].weights) == ("ram", ("rom",))


def test_io_is_the_data_memory_of_the_first_cpu() -> None:
    assert load_target("a100-80").io == "ddr"


def test_io_is_the_first_memory_without_a_cpu(load: Load) -> None:
    assert load(ONE).io == "m"


def test_chips_of_a_system_lend_their_names_to_their_parts(load: Load) -> None:
    chip = "schema: 1\nname: tile\nsource: assumed\n" + ONE
    target = load(
        "chips: {t: {use: chips/tile, count: 2}}\nlinks: {w: {use: links/wire, topology: {chain: ['t*.a']}}}",
        chips__tile=chip,
    )
    assert list(target.unit) == ["t0.a", "t1.a"]
    assert target.memory["t1.m"].serves == ("t1.a",)
    assert [k.name for k in target.links] == ["w.t0.a-t1.a"]


@pytest.mark.parametrize(
    ("topology", "pairs"),
    [
        ("{chain: ['a*']}", "a0-a1 a1-a2 a2-a3"),
        ("{ring: ['a*']}", "a0-a1 a1-a2 a2-a3 a3-a0"),
        ("{mesh: [[a0, a1], [a2, a3]]}", "a0-a1 a2-a3 a0-a2 a1-a3"),
        ("{torus: [[a0, a1, a2], [a3, r, s]]}", "a0-a1 a1-a2 a2-a0 a3-r r-s s-a3 a0-a3 a1-r a2-s"),
        ("{all_to_all: ['a*']}", "a0-a1 a0-a2 a0-a3 a1-a2 a1-a3 a2-a3"),
        ("{star: {hub: r, leaves: ['a*', s]}}", "r-a0 r-a1 r-a2 r-a3 r-s"),
    ],
)
def test_a_topology_links_these_pairs(load: Load, topology: str, pairs: str) -> None:
    target = load(
        "units: {a: {use: units/lanes, count: 4}}\nmemories: {m: {use: memories/ram, serves: ['a*']}}\n"
        "routers: [r, s]\n"
        "links:\n  rest: {use: links/wire, topology: {chain: [a0, r, s]}}\n"
        f"  w: {{use: links/wire, topology: {topology}}}"
    )
    assert [k.name.removeprefix("w.") for k in target.links if k.name.startswith("w.")] == pairs.split()


@pytest.mark.parametrize("number", ["1e9", "1000e6", "1.0E+9", "1000000000", "1000000000.0"])
def test_numbers_are_read_as_in_yaml_1_2(load: Load, number: str) -> None:
    assert (
        load(ONE.replace("serves", f"bandwidth_bytes_per_s: {number}, serves")).memory["m"].bandwidth_bytes_per_s == 1e9
    )


def test_yes_and_no_are_words(load: Load) -> None:
    assert load("about: yes\n" + ONE).about == "yes"


def test_a_name_with_two_owners_is_an_error_naming_both(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(chips__toy="schema: 1\nname: toy\nsource: assumed\n" + ONE)
    other = path.parent.parent / "other" / "chips"
    other.mkdir(parents=True)
    (other / "toy.yaml").write_text("schema: 1\nname: toy\nsource: assumed\n" + ONE)
    folders = (("ours", path.parent.parent), ("theirs", other.parent))
    monkeypatch.setattr(library, "folders", lambda: folders)
    with pytest.raises(TargetError, match=r"2 owners: ours .* and theirs"):
        load_target("toy")


def test_an_unknown_target_names_the_nearest() -> None:
    with pytest.raises(TargetError, match="did you mean 'superhet'"):
        load_target("superhett")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("h100", "h100-sxm"), ("wtm8", "wtm-8"), ("corsair", "d-matrix-corsair"), ("hermes", "ibm-hermes64"),
        ("superhet-card", "superhet"), ("iluvatar", "zhikai-100"), ("hgx-h100-12", "hgx-h100x12"),
    ],
)  # fmt: skip
def test_a_word_for_a_chip_names_the_targets_that_have_it(word: str, meant: str) -> None:
    with pytest.raises(TargetError, match=f"did you mean '{meant}'"):
        load_target(word)


def test_a_folder_is_no_target_file(write: Write) -> None:
    folder = write(chips__toy="schema: 1\n").parent
    with pytest.raises(TargetError, match=r"is a folder, no target file\n  next: name one of its files, .*toy\.yaml"):
        load_target(folder)


def test_the_file_of_a_part_is_no_target(write: Write) -> None:
    path = write(chips__toy="schema: 1\n").parents[1] / "units" / "lanes.yaml"
    with pytest.raises(TargetError, match="a file of units, no target"):
        load_target(path)


def test_a_missing_file_names_the_nearest(write: Write) -> None:
    path = write(chips__toy="schema: 1\n")
    with pytest.raises(TargetError, match=r"did you mean 'toy\.yaml'"):
        load_target(path.with_name("tony.yaml"))


def test_what_a_file_says_about_its_figures_changes_no_target(load: Load) -> None:
    said = VECTOR + "class: dsa\narea_mm2: 3\nrange_of: {energy_pj_per_op.f16: [1, 2]}\n"
    said += "published: {ops_per_s: {f16: 32e9}, source: the maker (read)}\n"
    body = "units: {a: {use: units/lanes%s}}\nmemories: {m: {use: memories/ram, serves: [a]}}\n"
    assert load(body % ", class: dsa, area_mm2: 4, range_of: {area_mm2: [3, 5]}", units__lanes=said) == load(body % "")
