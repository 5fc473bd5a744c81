"""`mapper targets`: the list and its filter, one target with its sources, the check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mapper.hw.library import target_names

LIBRARY = ("a100-80", "hgx-h100", "edge-npu", "axelera-metis")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library of four targets, so that the list is quick."""
    assert set(LIBRARY) <= set(target_names())
    monkeypatch.setattr("mapper.cli.targets.target_names", lambda: LIBRARY)


def test_the_list_has_a_line_for_each_target_with_peaks_and_what_is_known(mapper, few: None) -> None:
    out = mapper("targets").out
    lines = {line.split()[0]: line for line in out.splitlines() if line[:1].strip()}
    assert set(LIBRARY) <= set(lines)
    assert all(word in lines["a100-80"] for word in ("312 T f16", "624 T i8", "85.9 GB", "700 W", "7 kinds 6-24 %"))
    assert "8 gpu" in lines["hgx-h100"]
    assert "4.19 M weights" in lines["axelera-metis"]
    assert max(map(len, out.splitlines())) <= 120


def test_the_list_of_a_class(mapper, few: None) -> None:
    rows = json.loads(mapper("targets", "--class", "cim", "--json").out)
    assert [row["name"] for row in rows] == ["edge-npu", "axelera-metis"]
    assert rows[1]["classes"] == {"cim-sram-digital": 1}
    assert sum(rows[1]["figures_by_mark"].values()) == pytest.approx(1)


def test_a_narrow_terminal_has_whole_cells_and_fewer_columns(
    mapper, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapper.cli.tables.PIPED_WIDTH", 60)
    out = mapper("targets").out
    assert max(map(len, out.splitlines())) <= 60
    assert all(word in out for word in ("axelera-metis", "210 T i8", "4.19 M weights", "Left away"))
    assert "7 kinds" not in out


def test_one_target_on_a_narrow_terminal_has_whole_cells_and_fewer_columns(
    mapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapper.cli.tables.PIPED_WIDTH", 60)
    out = mapper("targets", "superhet").out
    assert max(map(len, out.splitlines())) <= 60
    assert all(word in out for word in ("cpu-neoverse-8c", "cim3.buffer", "activations,", "d2d.host-gpu0", "5.00 ns"))
    assert "Left away, as there is no room: model, idle, weights from, energy, overhead" in " ".join(out.split())


def test_equal_chips_of_a_large_system_stand_in_one_row(mapper) -> None:
    out = mapper("targets", "hgx-h100x12").out
    assert "node0.gpu0.gpu and 95 more" in out
    assert len(out.splitlines()) < 200


def test_an_unknown_class_names_the_nearest(mapper, few: None) -> None:
    ran = mapper("targets", "--class", "gpus")
    assert (ran.code, "did you mean 'gpu'" in ran.err) == (2, True)


def test_one_target_tells_mark_range_and_source_of_its_figures(mapper) -> None:
    out = mapper("targets", "a100-80").out
    assert "hbm: memories/hbm2e-a100-stack" in out
    assert "recalled  energy_pj_per_bit 3.9 pJ/bit [3.9 pJ/bit to 6 pJ/bit]" in out
    assert "derived: a fifth of 80 GiB" in out


def test_one_target_tells_published_beside_derived(mapper) -> None:
    assert (
        "published: macro ops_per_s.i8 210 Top/s; the parts give 210 Top/s." in mapper("targets", "axelera-metis").out
    )


def test_one_target_as_data_has_every_figure_with_its_place(mapper) -> None:
    data = json.loads(mapper("targets", "a100-80", "--json").out)
    (gpu,) = (part for part in data["parts"] if part["part"] == "gpu0")
    (sms,) = (figure for figure in gpu["figures"] if figure["key"] == "sms")
    assert (sms["value"], sms["mark"]) == (108, "read")
    assert sms["at"].endswith("gpu-a100-80.yaml:5:6")


@pytest.mark.parametrize(
    "words", [("a100-80", "superhet"), ("--page",), ("check", "--page"), ("a100-80", "--class", "gpu")]
)
def test_words_that_contradict_each_other_are_refused(mapper, words: tuple[str, ...]) -> None:
    assert mapper("targets", *words).code == 2


def test_the_check_of_a_target_counts_its_files(mapper) -> None:
    ran = mapper("targets", "check", "superhet")
    assert (ran.code, ran.out) == (0, "8 files: nothing to complain about\n")


def test_the_check_tells_the_place_of_each_complaint(mapper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "toy.yaml"
    path.write_text(
        "schema: 1\nname: toy\nsource: the maker\nunits: {a: {use: units/vector-512}}\n"
        "memories: {m: {use: memories/ddr5-4800, serves: [a]}}\npower: {limit_w: 1}\n"
    )
    ran = mapper("targets", "check", path)
    assert ran.code == 1
    assert ran.out.startswith(
        "toy.yaml:3:9: no mark: say measured, read, derived, recalled or assumed in 'the maker' [source]\n"
    )
    assert ran.out.endswith("3 files: 2 complaints (1 power, 1 source)\n")
    found = json.loads(mapper("targets", "check", path, "--json").out)
    assert [c["rule"] for c in found["complaints"]] == ["source", "power"]


def test_the_page_of_a_target_is_one_file(mapper, tmp_path: Path) -> None:
    assert mapper("targets", "edge-npu", "--page").out == "edge-npu.html\n"
    assert "default-src 'none'" in (tmp_path / "edge-npu.html").read_text()
