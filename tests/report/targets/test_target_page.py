"""The page of a target: its floor plan, what each figure rests on, published beside derived."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mapper.hw.survey import survey
from mapper.report.targets.page import target_page


def sections(name: str) -> dict[str, Any]:
    data = target_page(survey(name)).partition('id="data">')[2].partition("</script>")[0]
    return {section["name"]: section["data"] for section in json.loads(data)["sections"]}


@pytest.fixture(scope="module")
def a100() -> dict[str, Any]:
    return sections("a100-80")


def test_every_unit_and_memory_has_a_box_with_its_class(a100: dict[str, Any]) -> None:
    floor = a100["floor"]
    assert {box[1] for box in floor["boxes"]} == {"host", "gpu0", "ddr", "hbm"}
    assert [name for name, _ in floor["classes"]] == ["cpu", "gpu"]
    assert floor["units"][1]["lines"] == ["gpu", "624 T i8", "312 T f16", "312 T bf16"]


def test_every_figure_has_a_mark_and_a_text(a100: dict[str, Any]) -> None:
    figures = a100["figures"]
    rows = {(figures["parts"][row["part"]]["name"], row["key"]): row for row in figures["rows"]}
    row = rows["hbm", "energy_pj_per_bit"]
    assert (row["value"], row["range"]) == ("3.9 pJ/bit", "3.9 pJ/bit to 6 pJ/bit")
    assert figures["texts"][row["text"]]["basis"] == "recalled"
    assert rows["gpu0", "stream.launch_s"]["fitted"]
    assert not rows["gpu0", "sms"]["fitted"]


def test_shares_of_marks_add_up(a100: dict[str, Any]) -> None:
    assert sum(part for _, part, _ in a100["headline"]["shares"]) == pytest.approx(1)


def test_measured_kinds_of_work_stand_beside_the_assumption(a100: dict[str, Any]) -> None:
    rows = {row["kind"]: row["basis"] for row in a100["times"]["rows"]}
    assert (rows["matmul"], rows["all other work"]) == ("measured", "derived")


def test_published_stands_beside_derived() -> None:
    (rate, *_) = sections("axelera-metis")["published"]["rows"]
    assert (rate["published"], rate["derived"], round(rate["off"], 3)) == ("210 Top/s", "210 Top/s", 0.001)


def test_units_whose_files_have_no_band_show_that_of_their_model() -> None:
    rows = sections("superhet")["times"]["rows"]
    assert {row["unit"] for row in rows} == {"gpu", "dsa", "cim-rram"}
    assert {row["kind"] for row in rows} == {"all work"}


def test_equal_files_give_equal_pages() -> None:
    assert target_page(survey("cim-tile")) == target_page(survey("cim-tile"))
