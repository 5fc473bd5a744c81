"""The floor plan: every part has a place of its own, near what it belongs to, with the judge's figures."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest
from real_plans import finished

from mapper.cost.judge import judge
from mapper.hw.load import load_target
from mapper.report.page.floor.box import Box
from mapper.report.page.floor.grid import mesh
from mapper.report.page.floor.layout import Drawing, layout
from mapper.report.page.floor.section import section
from mapper.report.summary import summarise

TARGETS = ("superhet", "edge-npu", "dgx-a100x4", "superhetx16", "hgx-h100x12", "mi300x-8", "raspberry-pi-3", "isaac-ce")


@pytest.mark.parametrize("name", TARGETS)
def test_every_part_is_drawn_once_and_nothing_overlaps(name: str) -> None:
    target, drawing = load_target(name), layout(load_target(name))
    parts = [b for b in drawing.boxes if b.kind != "group"]
    outside = [m.name for m in target.memories if not m.unit]
    assert sorted(b.name for b in parts) == sorted([*target.unit, *target.routers, *outside])
    assert not [(a.name, b.name) for a, b in combinations(parts, 2) if a.overlaps(b)]


@pytest.mark.parametrize("name", TARGETS)
def test_every_link_is_drawn_within_the_picture(name: str) -> None:
    target, drawing = load_target(name), layout(load_target(name))
    assert sorted(w.link for w in drawing.wires) == sorted(target.link)
    for x, y in [p for w in drawing.wires for p in w.points] + [(b.right, b.bottom) for b in drawing.boxes]:
        assert -1e-9 <= x <= drawing.wide + 1e-9
        assert -1e-9 <= y <= drawing.high + 1e-9


@pytest.mark.parametrize("name", ["dgx-a100x4", "superhetx16"])
def test_a_frame_holds_the_parts_whose_names_begin_with_its_own(name: str) -> None:
    drawing = layout(load_target(name))
    frames = [b for b in drawing.boxes if b.kind == "group"]
    assert frames
    for frame in frames:
        for box in drawing.boxes:
            if box.kind != "group":
                assert box.name.startswith(f"{frame.name}.") == frame.overlaps(box), (frame.name, box.name)


def test_a_mesh_stands_as_in_the_target_s_file() -> None:
    at = {b.name: (b.y, b.x) for b in _units(layout(load_target("superhet")))}
    rows = [["host", "gpu0", "dsa0", "dsa1"], ["cim0", "cim1", "cim2", "cim3"]]
    assert sorted(at, key=at.__getitem__) == [*rows[0], *rows[1]]
    assert len({at[name][0] for name in rows[0]}) == 1
    assert [at[name][1] for name in rows[0]] == [at[name][1] for name in rows[1]]


def test_a_grid_of_chips_stands_as_its_names_say() -> None:
    frames = {b.name: b for b in layout(load_target("superhetx16")).boxes if b.kind == "group"}
    assert frames["card_0_0"].y == frames["card_0_3"].y
    assert frames["card_0_0"].x == frames["card_3_0"].x
    assert frames["card_1_0"].y < frames["card_2_0"].y


def test_a_memory_lies_along_the_units_that_it_serves() -> None:
    boxes = {b.name: b for b in layout(load_target("superhet")).boxes}
    assert (boxes["hbm"].x, boxes["hbm"].right) == pytest.approx((boxes["gpu0"].x, boxes["dsa1"].right))
    assert (boxes["ddr"].x, boxes["ddr"].right) == pytest.approx((boxes["host"].x, boxes["host"].right))


@pytest.mark.parametrize(
    ("links", "found"),
    [
        ([(0, 1), (1, 2)], {0: (0, 0), 1: (0, 1), 2: (0, 2)}),
        ([(0, 1), (1, 3), (2, 3), (0, 2)], {0: (0, 0), 1: (0, 1), 2: (1, 0), 3: (1, 1)}),
        ([(0, 1), (1, 2), (2, 0)], {}),
        ([(0, 1), (2, 3)], {}),
        ([(0, 1), (0, 2), (0, 3)], {}),
    ],
)
def test_a_mesh_is_recognised_by_its_links(links: list[tuple[int, int]], found: dict[int, tuple[int, int]]) -> None:
    core = sorted({i for pair in links for i in pair})
    near = [{b for a, b in [*links, *((b, a) for a, b in links)] if a == i} for i in core]
    assert mesh(core, near) == found


def test_the_figures_are_those_of_the_summary() -> None:
    verdict = judge(finished())
    data = _data("edge-npu")
    summary = summarise(verdict, {}, {})
    assert {u["name"]: u["busy"] for u in data["units"]} == pytest.approx(
        {name: u["utilisation"] for name, u in summary["units"].items()}, abs=1e-4
    )
    assert {m["name"]: m["peak_bytes"] for m in data["memories"]} == verdict.peaks
    assert max(row["busy"] for row in data["links"]) <= 1
    assert {row["name"]: row["bytes"] for row in data["links"]} == {
        name: row["bytes"] for name, row in summary["links"].items()
    }


def test_the_busiest_part_is_pointed_at() -> None:
    busiest = judge(finished()).steady.busiest
    data = _data("edge-npu")
    kind, k = data["busiest"]
    assert data[f"{kind}s"][k]["name"] == busiest.partition("/")[0]


def test_the_floor_plan_is_the_same_every_time() -> None:
    assert json.dumps(_data("superhet")) == json.dumps(_data("superhet"))


def _data(target: str) -> dict[str, Any]:
    verdict = judge(finished("gpt2-tiny", target))
    data: dict[str, Any] = section(verdict, summarise(verdict, {}, {})).data
    return data


def _units(drawing: Drawing) -> list[Box]:
    return [b for b in drawing.boxes if b.kind == "unit"]
