"""The study of super-heterogeneous packages: how rivals are counted, what ratios mean, and a run on tiny models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.superhet import main
from benchmarks.superhet_page import ratio, span, unanswered, verdict
from benchmarks.superhet_rivals import Draw, Machine, Package, machines, memory_draw, unit_draw
from mapper.hw.checks import check_files
from mapper.hw.load import load_target


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Machine]]:
    out = tmp_path_factory.mktemp("rivals")
    return out, machines(Package("superhet"), out)


def row(target: str, rate: float, band: float, equal: str = "") -> dict[str, Any]:
    machine = {"kind": "superhet" if not equal else target.split("-")[0], "equal": equal}
    bands = {"throughput_per_s": {"low": rate / (1 + band), "high": rate * (1 + band)}}
    return {"target": target, "outcome": "found", "machine": machine, "throughput_per_s": rate, "energy_j": 1.0,
            "bands": bands, "shares": {"ops": {"CIM": 0.9}, "time": {"CIM": 0.1}}}  # fmt: skip


def case(own: float, others: dict[str, float], band: float = 0.2) -> dict[str, Any]:
    rivals = [row(f"{kind}-only", rate, band, "power") for kind, rate in others.items()]
    return {"name": "a-case", "objective": "throughput", "rows": [row("superhet", own, band), *rivals]}


def test_a_package_at_its_load_takes_its_limit() -> None:
    package = Package("superhet")
    parts = [unit_draw(package.target, unit) for unit in package.target.units]
    parts += [memory_draw(m) for m in package.target.memories if m.name in ("hbm", "ddr")]
    links = sum(link.idle_power_w for link in package.target.links)
    assert sum(parts, Draw(links, 0.0)).at(package.load) == pytest.approx(package.limit_w)


def test_rivals_of_equal_power_have_as_many_parts_as_the_limit_takes(written: tuple[Path, list[Machine]]) -> None:
    package = Package("superhet")
    for machine in written[1]:
        if machine.equal == "area" or machine.kind == "superhet":
            continue
        parts = load_target(machine.file)
        host = package.draw_of(["host"], ["ddr"]).at(package.load)
        units = sum((unit_draw(parts, u) for u in parts.units if u.name != "host"), Draw(0.0, 0.0))
        stacks = sum((memory_draw(m) for m in parts.memories if m.name.endswith("hbm")), Draw(0.0, 0.0))
        bricks = (units + stacks).at(package.load)
        assert host + bricks <= package.limit_w < host + bricks * (machine.bricks + 1) / machine.bricks


def test_rivals_of_equal_area_are_no_larger(written: tuple[Path, list[Machine]]) -> None:
    package, *rivals = written[1]
    assert all(m.area_mm2 <= package.area_mm2 for m in rivals if "area" in m.equal)


def test_files_of_rivals_are_readable_and_complain_of_nothing(written: tuple[Path, list[Machine]]) -> None:
    found = check_files(sorted(written[0].rglob("*.yaml")))
    assert [str(complaint) for complaint in found if str(written[0]) in str(complaint)] == []


def test_a_factor_of_ten_is_told_and_so_is_where_the_bands_leave_it_open() -> None:
    text = verdict([case(120.0, {"gpu": 10.0, "dsa": 5.0})])
    assert "reached in 1 of 1 cases: a-case" in text
    assert "(1 beyond the error bands)" in text
    assert "(0 beyond the error bands)" in verdict([case(12.0, {"gpu": 10.0})])


def test_what_no_plan_can_change_is_told_and_what_a_better_one_could() -> None:
    found = case(8.0, {"gpu": 10.0})
    assert "proven bounds" not in verdict([found])
    found["rows"][0]["bound"] = 15.0
    assert "No plan of the package does better than 1.50 times (a-case)" in verdict([found])
    assert "put it ahead in a-case (1.50)." in verdict([found])
    found["rows"][0]["bound"] = 9.0
    assert "put it ahead in no other." in verdict([found])


def test_rivals_of_equal_area_are_told_apart() -> None:
    found = case(8.0, {"gpu": 10.0})
    assert "Of equal area" not in verdict([found])
    found["rows"].append(row("dsa-only", 4.0, 0.2, "area"))
    assert "Of equal area it is ahead in 1 of 1, from 2.00 to 2.00." in verdict([found])


def test_cases_without_an_answer_are_named() -> None:
    found = case(8.0, {"gpu": 10.0})
    assert unanswered([found]) == ""
    found["rows"][0]["outcome"] = "not run"
    assert unanswered([found]).endswith("in none of the counts: a-case (the package: not run).")


def test_ranges_of_the_package_widen_the_span() -> None:
    found = case(20.0, {"gpu": 10.0})
    own, other = found["rows"]
    assert ratio(found, own, other) == 2.0
    low, high = span(found, own, other)
    own["asked"] = {"good": 1.5, "bad": 0.5}
    assert span(found, own, other) == (low * 0.5, high * 1.5)


@pytest.mark.slow
def test_the_quick_study_writes_its_page_and_finds_it_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--quick", "--effort", "quick", "--out", str(tmp_path / "page.md"), "--work", str(tmp_path / "work")]
    assert main(given) == 0
    first = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "## gpt2-tiny-b4-latency" in first
    capsys.readouterr()
    assert main(given) == 0
    assert "s)" not in capsys.readouterr().out.replace("(known)", "")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == first
