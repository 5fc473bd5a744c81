"""Which targets a comparison is about."""

from __future__ import annotations

from pathlib import Path

import pytest

import mapper.comparison.machines as module
from mapper.comparison.machines import key_of, machines, program
from mapper.errors import TargetError, UsageError
from mapper.hw.library import find_target, target_names


def names(*texts: str) -> list[str]:
    return [m.name for m in machines(texts)]


def test_names_and_commas_and_blanks_give_each_target_once_in_the_order_named() -> None:
    assert names("l4, edge-npu,", "l4") == ["l4", "edge-npu"]


def test_a_pattern_gives_every_target_that_matches() -> None:
    found = names("mi2*")
    assert found == [n for n in target_names() if n.startswith("mi2")]
    assert len(found) > 1


def test_files_and_patterns_of_files_are_targets_too(tmp_path: Path) -> None:
    for name in ("one", "two"):
        text = find_target("l4-card").read_text().replace("name: l4-card", f"name: {name}")
        (tmp_path / f"{name}.yaml").write_text(text)
    assert names(f"{tmp_path}/*.yaml") == ["one", "two"]


def test_an_unknown_name_and_a_pattern_without_a_match_say_what_is_near() -> None:
    with pytest.raises(TargetError, match="did you mean 'edge-npu'"):
        machines(["edge-nup"])
    with pytest.raises(TargetError, match=r"did you mean 'dgx-\*'"):
        machines(["dgz-*"])
    with pytest.raises(UsageError, match="names no target"):
        machines([","])


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "l4-card.yaml").write_text(find_target("l4-card").read_text())
    with pytest.raises(UsageError, match="two targets are called 'l4-card'"):
        machines(["l4-card", f"{tmp_path}/l4-card.yaml"])


def test_a_setting_holds_for_the_targets_that_have_such_a_unit() -> None:
    one, other = machines(["edge-npu", "l4-card"], ["cpu.idle_power_w=9"])
    assert (one.settings, other.settings) == (("cpu.idle_power_w=9",), ())
    assert one.target.unit["cpu"].model.idle_power_w == 9
    with pytest.raises(UsageError, match="no unit 'nothing'"):
        machines(["edge-npu", "l4-card"], ["nothing.idle_power_w=9"])


def test_the_address_of_an_answer_changes_with_the_target_and_with_the_question() -> None:
    plain, changed = machines(["edge-npu"])[0], machines(["edge-npu"], ["cpu.idle_power_w=9"])[0]
    assert key_of(plain, {"seed": 0}) == key_of(machines(["edge-npu"])[0], {"seed": 0})
    assert len({key_of(plain, {"seed": 0}), key_of(plain, {"seed": 1}), key_of(changed, {"seed": 0})}) == 3


def test_the_address_of_an_answer_changes_with_the_code_that_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = machines(["edge-npu"])[0]
    now = key_of(machine, program())
    monkeypatch.setattr(module, "code", lambda without: "of another day")
    assert key_of(machine, program()) != now


def test_code_that_no_answer_depends_on_leaves_the_address_alone() -> None:
    assert program()["code"] != program(without=())["code"]
    assert "mapper/cost" not in module.APART
    assert "targets/models" not in module.APART
