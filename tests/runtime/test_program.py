from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from folders import Folder, growing, phase, tensor, two_units

from mapper.emit.manifest import NAME, DimLine, InputLine, PhasePart, Port, StateLine, load, sealed, to_json
from mapper.errors import MapperError
from mapper.runtime.program import Part, Place
from mapper.runtime.run import opened


def line(folder: Path) -> PhasePart:
    return opened(two_units(folder)).program.parts[0].line


def test_open_dims_go_from_first_to_last_in_even_steps() -> None:
    part = Part(phase([], [], [], calls=5, dims=(DimLine(name="past", first=8, last=16),)))
    assert [part.sizes(call)["past"] for call in range(5)] == [8, 10, 12, 14, 16]


def test_fewer_calls_are_the_first_ones(tmp_path: Path) -> None:
    program = opened(growing(tmp_path), calls=2).program
    assert program.calls == ((0, 0), (1, 0), (1, 1))
    assert program.parts[1].sizes(1)["past"] == 3


def test_each_step_is_numbered_where_it_runs(tmp_path: Path) -> None:
    program = opened(growing(tmp_path)).program
    assert program.places == (Place("a"), Place("b"))
    assert program.where == (((0, 0),), ((0, 1), (1, 0)))


def late(part: PhasePart) -> PhasePart:
    return part.model_copy(update={"steps": part.steps[::-1]})


def twice(part: PhasePart) -> PhasePart:
    return part.model_copy(update={"steps": (*part.steps, part.steps[1])})


def lost(part: PhasePart) -> PhasePart:
    return part.model_copy(update={"steps": part.steps[:1]})


def unknown(part: PhasePart) -> PhasePart:
    step = part.steps[1].model_copy(update={"inputs": (Port(name="s", value="q"),)})
    return part.model_copy(update={"steps": (part.steps[0], step)})


def doubled(part: PhasePart) -> PhasePart:
    return part.model_copy(update={"values": (*part.values, part.values[0])})


def two_ports(part: PhasePart) -> PhasePart:
    step = part.steps[1]
    return part.model_copy(update={"steps": (part.steps[0], step.model_copy(update={"outputs": step.outputs * 2}))})


def unknown_input(part: PhasePart) -> PhasePart:
    return part.model_copy(update={"inputs": (InputLine(value="q"),)})


def unmade_state(part: PhasePart) -> PhasePart:
    values = (*part.values, tensor("p", 2))
    return part.model_copy(update={"values": values, "states": (StateLine(name="c", present="p"),)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (late, "reads 's', which no step before it makes"),
        (twice, "'y' is made twice"),
        (lost, "no step makes the result 'y'"),
        (doubled, "two values are called 'x'"),
        (two_ports, "'y' is made twice"),
        (unknown_input, "the input 'q' is no value of the phase"),
        (unmade_state, "no step makes the state 'p'"),
        (unknown, "has a port for 'q', which is no value of the phase"),
    ],
)
def test_a_phase_that_cannot_be_followed_is_refused(
    change: Callable[[PhasePart], PhasePart], words: str, tmp_path: Path
) -> None:
    with pytest.raises(MapperError, match=words):
        Part(change(line(tmp_path))).check()


def test_a_piece_without_the_ports_of_its_step_is_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    values = [tensor("x", 2), tensor("y", 2)]
    step = folder.step("a", values, [("Neg", ["x"], ["y"], {})])
    odd = step.model_copy(update={"inputs": (Port(name="z", value="x"),)})
    folder.manifest([phase(values, [odd], ["y"], inputs=(InputLine(value="x"),))])
    with pytest.raises(MapperError, match="its piece has no input 'z'"):
        opened(tmp_path)


def test_a_whole_model_that_is_not_among_the_files_is_not_opened(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    values = [tensor("x", 2), tensor("y", 2)]
    step = folder.step("a", values, [("Neg", ["x"], ["y"], {})])
    folder.manifest([phase(values, [step], ["y"], inputs=(InputLine(value="x"),))], whole=("../m.onnx",))
    with pytest.raises(MapperError, match=r"whole model '\.\./m.onnx' is not among its files"):
        opened(tmp_path)


def with_weight(folder: Path, place: str, **facts: Any) -> Path:
    """A piece that adds a weight from a file."""
    made = Folder(folder)
    values = [tensor("x", 2), tensor("y", 2)]
    step = made.step("a", values, [("Add", ["x", "w"], ["y"], {})])
    model = onnx.load(str(folder / step.piece))
    weight = model.graph.initializer.add(name="w", data_type=1, dims=[2], data_location=1)
    for key, value in {"location": place, **facts}.items():
        weight.external_data.add(key=key, value=str(value))
    (folder / step.piece).write_bytes(model.SerializeToString())
    return made.manifest([phase(values, [step], ["y"], inputs=(InputLine(value="x"),))])


def test_weights_that_are_not_there_are_told_with_the_way_to_make_some_up(tmp_path: Path) -> None:
    with pytest.raises(MapperError, match=r"weight 'w' is not there: weights/a.bin is missing") as caught:
        opened(with_weight(tmp_path, "weights/a.bin"))
    assert "--random-weights" in caught.value.hint


def test_weights_that_are_too_short_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"1234")
    with pytest.raises(MapperError, match=r"weight .w. ends at byte 8 of a\.bin, which has 4"):
        opened(with_weight(tmp_path, "a.bin", length=8))


def test_places_of_weights_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"1234")
    with pytest.raises(MapperError, match="has offset 'x' and length '0', not numbers of bytes"):
        opened(with_weight(tmp_path, "a.bin", offset="x"))


def test_weights_in_attributes_are_seen_too(tmp_path: Path) -> None:
    made, values = Folder(tmp_path), [tensor("x", 2), tensor("y", 2)]
    step = made.step("a", values, [("Neg", ["x"], ["y"], {})])
    model = onnx.load(str(tmp_path / step.piece))
    weight = onnx.TensorProto(name="w", data_type=1, dims=[2], data_location=1)
    weight.external_data.add(key="location", value="../a.bin")
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["c"], value=weight))
    (tmp_path / step.piece).write_bytes(model.SerializeToString())
    made.manifest([phase(values, [step], ["y"], inputs=(InputLine(value="x"),))])
    with pytest.raises(MapperError, match="lies outside the folder"):
        opened(tmp_path)


def test_weights_in_a_file_that_the_manifest_does_not_list_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"12345678")
    with pytest.raises(MapperError, match=r"weight 'w' lies in a\.bin, which is none of the manifest's files"):
        opened(with_weight(tmp_path, "a.bin", length=8))


@pytest.mark.parametrize("dtype", ["float16", "double", "int8"])
def test_a_value_of_another_type_than_the_port_it_goes_through_is_refused(dtype: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    step = folder.step("a", [tensor("x", 2), tensor("y", 2)], [("Neg", ["x"], ["y"], {})])
    values = [tensor("x", 2), tensor("y", 2, dtype=dtype)]
    folder.manifest([phase(values, [step], ["y"], inputs=(InputLine(value="x"),))])
    with pytest.raises(MapperError, match=f"output 'y' of its piece is of type float, 'y' of type {dtype}"):
        opened(tmp_path)


def test_a_value_larger_than_any_memory_is_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    values = [tensor("x", 1 << 40, 0, 1 << 40), tensor("y", 1 << 40, 0, 1 << 40)]
    step = folder.step("a", values, [("Neg", ["x"], ["y"], {})])
    folder.manifest([phase(values, [step], ["y"], inputs=(InputLine(value="x"),))])
    with pytest.raises(MapperError, match="'x' of 1099511627776x0x1099511627776 has more bytes than can be counted"):
        opened(tmp_path)


@pytest.mark.parametrize("place", ["../a.bin", "/etc/hostname", "", "*/_ORT_MEM_ADDR_/*"])
def test_weights_outside_the_folder_are_not_read(place: str, tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="lies outside the folder"):
        opened(with_weight(tmp_path, place))


@pytest.mark.parametrize(
    ("change", "words"),
    [({"inflight": 0}, "inflight: Input should be greater"), ({"phases": ()}, "phases: Tuple should have at least 1")],
)
def test_numbers_that_no_run_has_are_refused_under_a_fitting_seal(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    found = load(two_units(tmp_path))
    (tmp_path / NAME).write_text(to_json(sealed(found.model_copy(update=change))), encoding="utf-8")
    with pytest.raises(MapperError, match=words):
        opened(tmp_path)
