"""The built-in targets, and the door that others come in through."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from itertools import product

import pytest
from sweeps import sweep

import targets
from mapper.errors import MapperError, TargetError
from mapper.hw import plugins
from mapper.hw.editor import json_schema
from mapper.hw.library import find_target, target_names
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.hw.topology import routes, unreachable
from mapper.hw.work import DType, Operand, Role, Work

FOLDER = targets.folder()
FILES = sorted(FOLDER.glob("*/*.yaml"))


FEW = target_names()[::5]
"""Enough for the fast tests: `test_library_checks` reads every file there, too."""


@pytest.fixture(scope="module", params=sweep([*FEW, *(name for name in target_names() if name not in FEW)], len(FEW)))
def target(request: pytest.FixtureRequest) -> Target:
    """Each built-in target."""
    return load_target(request.param)


def test_these_targets_are_built_in() -> None:
    assert {"superhet", "a100-80", "dgx-a100", "xeon-8592", "edge-npu", "rram-cim"} <= set(target_names())


def test_everything_reaches_everything(target: Target) -> None:
    assert unreachable(target) is None
    names = [m.name for m in target.memories][:: 1 + len(target.memories) // 50]
    for pair in product(names, names):
        assert routes(target)[pair].bandwidth_bytes_per_s > 0


def test_every_unit_has_its_memories(target: Target) -> None:
    for unit in target.units:
        assert unit.data in target.memory
        assert all(name in target.memory for name in unit.weights)


def test_idle_power_leaves_room_under_the_limit(target: Target) -> None:
    assert target.power_limit_w is not None
    assert 0 < target.idle_power_w < 0.6 * target.power_limit_w


def test_equal_kinds_are_equal_units(target: Target) -> None:
    first = {unit.kind: unit for unit in reversed(target.units)}
    assert all(unit.model == first[unit.kind].model for unit in target.units)


def test_every_part_is_used_by_a_target() -> None:
    text = "".join(p.read_text() for p in FILES if p.parent.name in ("chips", "systems"))
    unused = [p.stem for p in FILES if p.parent.name in ("units", "memories", "links") and p.stem not in text]
    assert set(unused) <= {"pcie5-x16"}


def test_superhet_is_sized_for_the_interesting_cases() -> None:
    target = load_target("superhet")
    cells = sum(m.capacity_bytes for m in target.memories if m.name.endswith(".arrays"))
    gpt2, bert_large, llama2_7b = 124e6, 335e6, 6.74e9
    assert gpt2 < cells < bert_large < 1.5 * cells < llama2_7b
    assert 2 * llama2_7b < target.memory["hbm"].capacity_bytes


def test_superhet_has_the_units_of_its_example() -> None:
    names = ["host", "gpu0", "dsa0", "dsa1", "cim0", "cim1", "cim2", "cim3"]
    assert list(load_target("superhet").unit) == names


def test_every_target_runs_any_op_somewhere(target: Target) -> None:
    if find_target(target.name).parent.name == "chips" and not any(u.model_name == "cpu" for u in target.units):
        pytest.skip("a part of systems or a macro by itself, without a CPU")
    work = Work("opaque", (("elements", 8),), (Operand(Role.ACTIVATION, 8, DType.F32),), (), DType.F32)
    assert any(unit.model.why_not(work) is None for unit in target.units)


def test_peaks_agree_with_the_data_sheets() -> None:
    a100 = load_target("a100-80").unit["gpu0"].model.peak_ops_per_s()
    xeon = load_target("xeon-8592").unit["cpu"].model.peak_ops_per_s()
    assert a100[DType.F16] == 312e12
    assert xeon[DType.BF16] == pytest.approx(124e12, rel=0.01)
    assert xeon[DType.I8] == pytest.approx(249e12, rel=0.01)


def test_the_json_schema_knows_every_model_and_is_json() -> None:
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert {f"unit:{name}" for name in plugins.names("unit_models")} <= set(schema["$defs"])
    assert "arrays" in schema["$defs"]["unit:cim-analog"]["properties"]


def entries(monkeypatch: pytest.MonkeyPatch, *found: EntryPoint) -> None:
    """Lets the given entry points be all there are."""

    def chosen(*, group: str, name: str | None = None) -> list[EntryPoint]:
        return [e for e in found if e.group == group and name in (None, e.name)]

    monkeypatch.setattr(plugins, "entry_points", chosen)


def test_an_unknown_unit_model_names_the_nearest() -> None:
    with pytest.raises(TargetError, match="no unit model named 'cim-analogue'\n  next: did you mean 'cim-analog'"):
        plugins.load("unit_models", "cim-analogue")


def test_a_broken_plugin_is_an_error_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    entries(monkeypatch, EntryPoint("odd", "no_such_module:x", "mapper.passes"))
    assert plugins.names("passes") == ("odd",)
    with pytest.raises(MapperError, match="pass 'odd' of an unnamed package is broken: ModuleNotFoundError"):
        plugins.load("passes", "odd")


def test_a_plugin_with_two_owners_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    entries(monkeypatch, EntryPoint("x", "a:b", "mapper.passes"), EntryPoint("x", "c:d", "mapper.passes"))
    with pytest.raises(MapperError, match="pass 'x' is provided by"):
        plugins.load("passes", "x")
