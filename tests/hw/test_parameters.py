"""The parameters of a target: named, positive, each of them changeable."""

from __future__ import annotations

import pytest

from mapper.hw.load import load_target
from mapper.hw.parameters import parameters
from mapper.hw.what_if import Change, Refused, changed


@pytest.mark.parametrize("name", ["superhet", "edge-npu", "dgx-a100x4"])
def test_every_parameter_is_changed_by_its_name_in_exactly_its_parts(name: str) -> None:
    target = load_target(name)
    for parameter in parameters(target):
        try:
            other = changed(target, [Change(parameter.name, factor=2.0)])
        except Refused:
            continue
        parts = [*zip(target.units, other.units, strict=True), *zip(target.links, other.links, strict=True)]
        parts += [(a, b) for a, b in zip(target.memories, other.memories, strict=True) if not a.unit]
        assert tuple(sorted(a.name for a, b in parts if a != b)) == tuple(sorted(parameter.parts)), parameter.name
        assert other != target, parameter.name


def test_alike_parts_share_a_parameter_and_constants_of_fits_are_none() -> None:
    known = {p.name: p for p in parameters(load_target("superhet"))}
    assert known["cim*.arrays"].parts == ("cim0", "cim1", "cim2", "cim3")
    assert known["cim*.arrays"].whole
    assert known["link.d2d.bandwidth_bytes_per_s"].unit_of_measure == "B/s"
    assert known["gpu0.matrix_ops_per_s"].table
    assert not [name for name in known if ".products." in name or "error_band" in name]


def test_a_folded_target_has_the_parameters_of_the_machine() -> None:
    from mapper.hw.teams import Arrangement, arranged

    machine = load_target("dgx-a100")
    assert parameters(arranged(machine, Arrangement(4, 2))) == parameters(machine)
