from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folders import Folder, growing, phase, tensor

from mapper.emit.manifest import DimLine, InputLine
from mapper.errors import MapperError
from mapper.runtime.inputs import Brought, made_up, read_inputs, wanted
from mapper.runtime.program import Program
from mapper.runtime.run import opened


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return opened(growing(tmp_path / "folder")).program


def read(program: Program, path: Path, **arrays: Any) -> Brought:
    np.savez(path / "in.npz", **arrays)
    return read_inputs(path / "in.npz", program)


def floats(*numbers: float) -> np.ndarray[Any, Any]:
    return np.array(numbers, np.float32)


def test_a_request_brings_inputs_of_all_calls_but_no_state_that_a_call_leaves(program: Program) -> None:
    assert [(w.call, w.name, w.shape) for w in wanted(program)] == [
        (0, "n", (2,)),
        *((k, "n", (1,)) for k in (1, 2, 3)),
    ]


def test_arrays_are_found_by_call_then_phase_then_name(program: Program, tmp_path: Path) -> None:
    arrays = {"fill/n": floats(1, 2), "grow.1/n": floats(9), "n": floats(5)}
    found = read(program, tmp_path, **arrays)
    assert [found(0, at, "n").tolist() for at in range(4)] == [[1, 2], [5], [9], [5]]


def test_an_array_with_a_row_for_each_call_is_taken_row_by_row(program: Program, tmp_path: Path) -> None:
    found = read(program, tmp_path, **{"fill/n": floats(1, 2), "grow/n": floats(3, 4, 5).reshape(3, 1)})
    assert [found(0, at, "n").tolist() for at in range(1, 4)] == [[3], [4], [5]]


def test_missing_inputs_are_named_with_type_and_shape(program: Program, tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="3 inputs are missing") as caught:
        read(program, tmp_path, **{"fill/n": floats(1, 2)})
    assert caught.value.details[0] == "grow.0/n: float 1"


def test_an_unknown_input_is_told_with_what_it_may_have_been(program: Program, tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="'grwo/n' is no input") as caught:
        read(program, tmp_path, **{"fill/n": floats(1, 2), "grow/n": floats(1), "grwo/n": floats(1)})
    assert caught.value.details == ("did you mean 'grow/n'?",)


def test_a_wrong_shape_is_told_with_both(program: Program, tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="'n' has shape 3; call 0 of phase fill takes 2"):
        read(program, tmp_path, n=floats(1, 2, 3))


def test_a_wrong_type_is_told_with_both(program: Program, tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="'fill/n' has numbers of type int64; phase fill takes float32"):
        read(program, tmp_path, **{"fill/n": np.array([1, 2])})


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_npz_is_told(content: bytes, program: Program, tmp_path: Path) -> None:
    (tmp_path / "in.npz").write_bytes(content)
    with pytest.raises(MapperError, match=r"in.npz is no .npz file"):
        read_inputs(tmp_path / "in.npz", program)


def test_names_of_calls_cut_off_and_general_ones_beside_others_are_known(program: Program, tmp_path: Path) -> None:
    arrays = {"fill/n": floats(1, 2), "n": floats(5), **{f"grow.{k}/n": floats(k) for k in range(3)}}
    assert read(program.at_most(1), tmp_path, **arrays)(0, 1, "n").tolist() == [0]
    with pytest.raises(MapperError, match=r"'grow.3/n' is no input"):
        read(program.at_most(1), tmp_path, **arrays, **{"grow.3/n": floats(1)})


def member(path: Path, content: bytes, *, encrypted: bool = False) -> Path:
    """A .npz file with one member `n`."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("n.npy" if content[:1] == b"\x93" else "n", content)
    data = bytearray(path.read_bytes())
    if encrypted:
        data[6] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path


def npy(shape: str) -> bytes:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@pytest.mark.parametrize(
    ("content", "encrypted", "words"),
    [
        (b"text", False, "'n' is no array"),
        (npy("(2,)") + bytes(8), True, "encrypted"),
        (npy("(1 << 60,)"), False, "no .npz file"),
        (npy(f"({1 << 50},)"), False, "no memory for 'n'|no .npz file"),
        (npy(f"({1 << 70},)"), False, "no .npz file"),
        (npy("(2,)"), False, "no .npz file"),
    ],
)
def test_members_that_are_no_arrays_are_told(
    content: bytes, encrypted: bool, words: str, program: Program, tmp_path: Path
) -> None:
    with pytest.raises(MapperError, match=words):
        read_inputs(member(tmp_path / "in.npz", content, encrypted=encrypted), program)


def test_an_array_longer_than_any_input_is_not_read(program: Program, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "in.npz", n=np.zeros(1 << 23, np.float32))
    with pytest.raises(MapperError, match=r"'n' has 33,554,\d+ bytes, more than any input: it is not read"):
        read_inputs(tmp_path / "in.npz", program)


def test_an_array_that_no_call_takes_is_not_read(program: Program, tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="'pickled' is no input"):
        read(program, tmp_path, n=floats(1), pickled=np.array([print], object))


def test_made_up_inputs_larger_than_the_free_memory_are_refused(tmp_path: Path) -> None:
    folder, values = Folder(tmp_path), [tensor("x", 1 << 50), tensor("y", 1 << 50)]
    step = folder.step("a", values, [("Neg", ["x"], ["y"], {})])
    folder.manifest([phase(values, [step], ["y"], inputs=(InputLine(value="x"),))])
    with pytest.raises(MapperError, match=r"made-up inputs take 4,503,599,627,370,496 bytes: .* are free"):
        made_up(opened(tmp_path).program, 1, 0)


def test_an_array_without_a_name_is_told(program: Program, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", floats(1))
    with pytest.raises(MapperError, match="one array without a name"):
        read_inputs(tmp_path / "in.npy", program)


def test_objects_in_a_file_are_refused_not_run(program: Program, tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", n=np.array([print], object))
    with pytest.raises(MapperError, match=r"no .npz file of arrays"):
        read_inputs(tmp_path / "in.npz", program)


def test_made_up_inputs_are_what_their_fill_says_and_the_same_for_a_seed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    fills = {
        "w": InputLine(value="w", fill="ids", below=5),
        "o": InputLine(value="o", fill="ones"),
        "z": InputLine(value="z", fill="zeros"),
        "p": InputLine(value="p", fill="positions"),
        "t": InputLine(value="t", fill="total", add=-1),
        "f": InputLine(value="f"),
    }
    values = [tensor(n, 1, "seq", dtype="float" if n == "f" else "int64") for n in fills]
    values.append(tensor("y", 1, "seq"))
    step = folder.step("a", values, [("Neg", ["f"], ["y"], {})])
    sizes = {"seq": 3, "past": 4, "total": 7}
    dims = tuple(DimLine(name=n, first=s, last=s) for n, s in sizes.items())
    folder.manifest([phase(values, [step], ["y"], inputs=tuple(fills.values()), dims=dims)])
    program = opened(tmp_path).program
    found, again = made_up(program, 2, 1), made_up(program, 2, 1)
    assert found(0, 0, "w").dtype == np.int64
    assert 0 <= found(0, 0, "w").min() <= found(0, 0, "w").max() < 5
    assert [found(0, 0, n).tolist() for n in "ozpt"] == [[[1] * 3], [[0] * 3], [[4, 5, 6]], [[6] * 3]]
    assert np.array_equal(found(1, 0, "f"), again(1, 0, "f"))
    assert not np.array_equal(found(0, 0, "f"), found(1, 0, "f"))
