"""Figures of units that the command line changes."""

from __future__ import annotations

import pytest

from mapper.errors import UsageError
from mapper.hw.load import load_target
from mapper.hw.what_if import changed


def test_a_figure_of_the_matching_units_changes_and_their_kind_with_it() -> None:
    shipped = load_target("dgx-a100")
    eager = changed(shipped, ["gpu*.gpu.launch_gap_s=8e-6"])
    gaps = {unit.name: getattr(unit.model, "launch_gap_s", None) for unit in eager.units}
    assert {gap for name, gap in gaps.items() if name.startswith("gpu")} == {8e-6}
    assert {unit.kind for unit in eager.units if unit.name.startswith("gpu")} == {"gpu-a100-80+launch_gap_s=8e-06"}
    assert [u for u in eager.units if u.model_name == "cpu"] == [u for u in shipped.units if u.model_name == "cpu"]


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
    ],
)
def test_a_setting_that_is_none_says_why(setting: str, words: str) -> None:
    with pytest.raises(UsageError, match="--set") as found:
        changed(load_target("a100-80"), [setting])
    assert words in str(found.value)
