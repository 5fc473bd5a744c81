"""The study of super-heterogeneous packages: how rivals are counted, what ratios mean, and a run on tiny models."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.superhet import main
from benchmarks.superhet_cases import CARD
from benchmarks.superhet_facts import facts
from benchmarks.superhet_lessons import lessons, verdict
from benchmarks.superhet_page import page, unanswered
from benchmarks.superhet_rivals import AREA, FULL, POWER, Draw, Machine, Package, machines, memory_draw, unit_draw
from benchmarks.superhet_rows import best_rival, ratio, span
from benchmarks.superhet_running import Wished
from mapper.hw.checks import check_files
from mapper.hw.load import load_target


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Machine]]:
    out = tmp_path_factory.mktemp("rivals")
    return out, machines(Package("superhet"), out)


def row(target: str, rate: float, band: float, *equal: str) -> dict[str, Any]:
    machine = {"kind": target.split("-")[0], "equal": list(equal)}
    bands = {
        "throughput_per_s": {"low": rate / (1 + band), "high": rate * (1 + band), "relative": band},
        "latency_s": {"low": 1 / rate / (1 + band), "high": (1 + band) / rate, "relative": band},
        "energy_j": {"relative": band},
    }
    return {"target": target, "outcome": "found", "whole": True, "machine": machine, "throughput_per_s": rate,
            "latency_s": 1 / rate, "energy_j": 1.0, "inflight": 1, "batch": 1, "fullest": {"name": "hbm", "part": 0.5},
            "bands": bands, "shares": {"ops": {"CIM": 0.9}, "time": {"CIM": 0.1}},
            "gap": 0.01, "average_power_w": 50.0, "power_limit_w": 75.0}  # fmt: skip


def study_of(found: dict[str, Any]) -> dict[str, Any]:
    """A study of one case, whose rivals of equal area cover half of the package."""
    made = {"bricks": 1, "limit_w": 75.0}
    machines = [
        {"name": "superhet", "kind": "superhet", "equal": [], "area_mm2": 100.0, **made},
        {"name": "gpu-only", "kind": "gpu", "equal": [AREA], "area_mm2": 50.0, **made},
    ]
    package = {"name": "superhet", "count": 1, "load": 0.2, "machines": machines}
    return {"precision": "int8", "packages": [package], "cases": [found]}


def case(own: float, others: dict[str, float], band: float = 0.2) -> dict[str, Any]:
    rivals = [row(f"{kind}-only", rate, band, "power") for kind, rate in others.items()]
    return {
        "name": "a-case",
        "model": "a-model",
        "batch": 1,
        "objective": "throughput",
        "phases": ["run"],
        "parameters": 1,
        "rows": [row("superhet", own, band), *rivals],
    }


def test_a_package_at_its_load_takes_its_limit() -> None:
    package = Package("superhet")
    parts = [unit_draw(package.target, unit) for unit in package.target.units]
    parts += [memory_draw(m) for m in package.target.memories if m.name in ("hbm", "ddr")]
    links = sum(link.idle_power_w for link in package.target.links)
    assert sum(parts, Draw(links, 0.0)).at(package.load) == pytest.approx(package.limit_w)


def test_rivals_of_equal_power_have_as_many_parts_as_the_limit_takes(written: tuple[Path, list[Machine]]) -> None:
    package = Package("superhet")
    for machine in written[1]:
        if POWER not in machine.equal:
            continue
        parts = load_target(machine.file)
        host = package.draw_of(["host"], ["ddr"]).at(package.load)
        units = sum((unit_draw(parts, u) for u in parts.units if u.name != "host"), Draw(0.0, 0.0))
        stacks = sum((memory_draw(m) for m in parts.memories if m.name.endswith("hbm")), Draw(0.0, 0.0))
        bricks = (units + stacks).at(package.load)
        assert host + bricks <= package.limit_w < host + bricks * (machine.bricks + 1) / machine.bricks


def test_rivals_of_equal_area_are_no_larger(written: tuple[Path, list[Machine]]) -> None:
    package, *rivals = written[1]
    assert all(m.area_mm2 <= package.area_mm2 for m in rivals if AREA in m.equal)


def test_files_of_rivals_are_readable_and_complain_of_nothing(written: tuple[Path, list[Machine]]) -> None:
    found = check_files(sorted(written[0].rglob("*.yaml")))
    assert [str(complaint) for complaint in found if str(written[0]) in str(complaint)] == []


def test_rivals_at_full_power_keep_the_limit_at_their_full_rate_or_are_one(written: tuple[Path, list[Machine]]) -> None:
    package, whole = Package("superhet"), [m for m in written[1] if FULL in m.equal]
    assert [m.kind for m in whole] == ["gpu", "dsa", "cim"]
    for machine in whole:
        parts = load_target(machine.file)
        units = sum((unit_draw(parts, u) for u in parts.units), Draw(0.0, 0.0))
        draw = units + sum((memory_draw(m) for m in parts.memories if m.name[-3:] in ("hbm", "ddr")), Draw(0.0, 0.0))
        assert machine.limit_w == package.limit_w
        assert machine.bricks == 1 or draw.at(1.0) <= machine.limit_w


def test_a_rival_of_as_many_parts_in_two_ways_is_one_machine(written: tuple[Path, list[Machine]]) -> None:
    counted = [(m.kind, m.bricks) for m in written[1]]
    assert len(counted) == len(set(counted))
    assert {what for m in written[1] if m.kind == "cim" for what in m.equal} == {POWER, FULL, AREA}


def test_the_best_rival_is_looked_for_among_those_of_the_kind_that_is_asked() -> None:
    found = case(8.0, {"gpu": 10.0})
    found["rows"].append(row("dsa-only", 4.0, 0.2, FULL, AREA))
    assert best_rival(found, POWER)["target"] == "gpu-only"  # type: ignore[index]
    assert best_rival(found, FULL) is best_rival(found, AREA) is found["rows"][-1]


def test_fewer_parts_at_full_power_are_the_rival_of_equal_power_where_they_are_better() -> None:
    found = case(8.0, {"gpu": 10.0})
    found["rows"].append(row("gpu-full", 12.0, 0.2, FULL))
    assert best_rival(found, POWER)["target"] == "gpu-full"  # type: ignore[index]


def test_a_factor_of_ten_is_told_and_so_is_where_the_bands_leave_it_open() -> None:
    text = verdict([case(120.0, {"gpu": 10.0, "dsa": 5.0})])
    assert (
        "Answer: in 1 of 1 against rivals of equal power, parts that take turns as the package's do (a-case)." in text
    )
    assert "| 1 (1) | 0 (0) | **12** |" in text
    assert "| 1 (0) | 0 (0) | **1.20** |" in verdict([case(12.0, {"gpu": 10.0})])
    assert "no, in none of 1 cases" in verdict([case(12.0, {"gpu": 10.0})])


def test_what_no_plan_can_change_is_told_and_what_a_better_one_could() -> None:
    found = case(8.0, {"gpu": 10.0})
    assert "Proven bounds" not in verdict([found])
    found["rows"][0]["bound"] = 15.0
    assert "no plan of the package is more than 1.50 times better" in verdict([found])
    assert "ahead at equal power in a-case (1.50)." in verdict([found])
    found["rows"][0]["bound"] = 9.0
    assert "ahead at equal power in no other case." in verdict([found])


def test_each_way_to_count_rivals_has_its_row() -> None:
    found = case(8.0, {"gpu": 10.0})
    assert "equal area" not in verdict([found])
    found["rows"].append(row("dsa-only", 4.0, 0.2, AREA))
    assert "| equal area | 1 | 1 (1) | 0 (0) | **2.00** |" in verdict([found])


def test_a_case_that_is_open_is_told_with_what_is_in_flight_and_what_is_full() -> None:
    found = case(8.0, {"gpu": 10.0})
    assert "is open" not in lessons([found])
    found["rows"][0] |= {"gap": 0.5, "inflight": 1, "batch": 16, "fullest": {"name": "hbm", "part": 0.99}}
    assert "**a-case is open** (gap 50 %): 1 batch of 16 in flight, hbm 99 % full." in lessons([found])
    assert "Its busiest unit has no rest" in lessons([found])
    found["rows"][0]["waits"] = "the busiest, gpu0, is 60 % busy"
    assert "hbm 99 % full; the busiest, gpu0, is 60 % busy. The bound counts neither" in lessons([found])


def test_what_parts_at_full_rate_turn_is_told() -> None:
    found = case(8.0, {"gpu": 10.0})
    found["rows"].append(row("gpu-full", 4.0, 0.2, FULL))
    assert "ahead in 1 instead of 0 of 1 cases; turned: a-case (0.80 to 2.00)." in lessons([found])


def test_the_figures_of_the_text_are_those_of_the_files() -> None:
    found = facts({"cases": [{"model": "a-model", "parameters": 66_060_289}]})
    assert (found["dies"], found["watts_superhet"]) == ("2", f"{CARD.limit_w:.0f}")
    assert (found["rows"], found["sum_bits"], found["adc_bits"]) == ("128", "9", "8")


def test_what_changes_brought_is_known_while_plan_and_code_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "superhet"
    here.mkdir()
    (here / "answer.json").write_text('{"plan_sha256": "one"}')
    wished = Wished("a-case", {"target": "superhet"}, tmp_path, {"good": ("a*=2",), "bad": ("a/=2",)}, "")
    (here / "asked.json").write_text(json.dumps({"of": wished.of, "answers": {"a*=2": 1.5}}))
    again = replace(wished)
    assert (again.known, again.missing) == ({"good": 1.5}, {"bad": ("a/=2",)})
    monkeypatch.setattr("benchmarks.superhet_running.program", lambda without: {"code": "of another day"})
    assert replace(wished).known == {}


def test_changes_of_an_open_plan_are_asked_from_where_its_tasks_lie(tmp_path: Path) -> None:
    def patience(gap: float, prefix: str = "") -> float:
        return Wished("a-case", {"target": "superhet", "gap": gap}, tmp_path, {}, prefix).patience

    assert patience(0.5) == 1.0
    assert patience(0.1) == patience(0.5, "brick*.") < 0.1


def test_cases_without_an_answer_are_named() -> None:
    found = case(8.0, {"gpu": 10.0})
    assert unanswered([found]) == ""
    found["rows"][0]["outcome"] = "not run"
    assert unanswered([found]).endswith("in none of the counts: a-case (the package: not asked in this run).")


def test_machines_without_a_plan_are_named_with_the_reason() -> None:
    found = case(8.0, {"gpu": 10.0, "dsa": 9.0, "cim": 1.0})
    found["rows"][1] |= {"outcome": "not run", "whole": False}
    found["rows"][2] |= {"outcome": "refused", "whole": True, "reason": "no room"}
    found["rows"][3] |= {"outcome": "refused", "whole": False, "reason": "no room"}
    assert unanswered([found]).endswith(
        "gpu-only at a-case (not asked in this run); dsa-only at a-case (no plan: no room); "
        "cim-only at a-case (cut short without a plan: no room)."
    )


def test_a_search_that_was_cut_short_is_marked_wherever_its_plan_counts() -> None:
    found = case(8.0, {"gpu": 10.0})
    assert "cut short" not in page(study_of(found))
    found["rows"][1]["whole"] = False
    text = page(study_of(found))
    assert "| **0.80** x GPU (0.56 to 1.15; no bound, rival cut short, bands alone) |" in text
    assert "might have found better plans: gpu-only at a-case." in text
    assert "| gpu-only (cut short) | 10.0 " in text


def test_that_ranges_were_not_asked_is_told() -> None:
    found = case(8.0, {"gpu": 10.0})
    found["rows"][0]["asked"] = {"good": 1.0, "bad": None}
    assert "bands alone" in page(study_of(found))
    found["rows"][0]["asked"] = {"good": 1.0, "bad": 1.0}
    assert "bands alone" not in page(study_of(found)).partition("Made by")[0]


def test_a_study_without_any_rival_says_nothing_of_rivals() -> None:
    text = page(study_of(case(8.0, {})))
    assert "No case has both" in text
    assert "rival to beat" not in text
    assert "No case has both" in page(study_of({**case(8.0, {}), "rows": []}))


def test_a_variant_is_one_package_and_told_against_how_many() -> None:
    found = case(8.0, {"gpu": 10.0})
    found["rows"].append({**row("superhet-3d", 4.0, 0.2), "machine": None, "gap": 0.5})
    assert "| superhet-3d | 0.50 of the flat package |" in page(study_of(found))
    found["rows"][0]["machine"]["bricks"] = 2
    assert "| superhet-3d | 0.50 of 2 flat packages |" in page(study_of(found))
    assert "(0.50 of 2 flat packages) is open, too" in lessons([found])


def test_why_an_open_time_is_open_is_not_guessed() -> None:
    found = {**case(8.0, {"gpu": 10.0}), "objective": "latency"}
    found["rows"][0] |= {"gap": 0.5}
    text = lessons([found])
    assert "**a-case is open** (gap 50 %)" in text
    assert "busiest unit" not in text


def test_what_limits_is_told_by_kinds_of_ops_and_of_moves() -> None:
    found = case(8.0, {"gpu": 10.0})
    found["rows"][0]["limited_by"] = [{"what": "moves hbm > ddr in decode", "part": 0.4}]
    assert "moves in 1 of the cases" in verdict([found])


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
    assert "### gpt2-tiny-b4-latency" in first
    capsys.readouterr()
    assert main(given) == 0
    assert "requests/s" not in capsys.readouterr().out
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == first
