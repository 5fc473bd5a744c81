from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import external_data_helper, numpy_helper

from mapper.emit.filling import Filling, operand_roles
from mapper.emit.layout import ALIGNMENT, clean
from mapper.emit.weights import Weights
from mapper.errors import MapperError


def place(tensor: onnx.TensorProto) -> tuple[str, int, int]:
    entries = {e.key: e.value for e in tensor.external_data}
    return entries["location"], int(entries.get("offset", 0)), int(entries.get("length", 0))


def beside(name: str, location: str, shape: tuple[int, ...] = (32, 32), **entries: int) -> onnx.TensorProto:
    """A weight that lies in a file beside the model."""
    found = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=shape)
    found.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        found.external_data.add(key=key, value=str(value))
    return found


def numbers(out: Path, tensor: onnx.TensorProto) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    location, offset, length = place(tensor)
    data = (out / location).read_bytes()[offset : offset + length]
    return np.frombuffer(data, np.float32).reshape(tuple(tensor.dims))


def test_small_tensors_stay_and_large_ones_are_written_aligned(tmp_path: Path) -> None:
    weights, random = Weights(tmp_path), np.random.default_rng(0)
    small = numpy_helper.from_array(np.zeros(4, np.float32), "small")
    assert weights.stored(tmp_path, small) == small
    for k in range(3):
        large = random.normal(size=(17 + k, 33)).astype(np.float32)
        stored = weights.stored(tmp_path, numpy_helper.from_array(large, f"w{k}"))
        assert place(stored)[1] % ALIGNMENT == 0
        assert np.array_equal(numbers(tmp_path, stored), large)


def test_equal_numbers_are_written_once(tmp_path: Path) -> None:
    weights = Weights(tmp_path)
    large = np.ones((32, 32), np.float32)
    first, second = (weights.stored(tmp_path, numpy_helper.from_array(large, name)) for name in "ab")
    assert place(first) == place(second)
    assert (first.name, second.name) == ("a", "b")


def test_data_beside_the_model_is_copied_once_and_referred_to_where_it_was(tmp_path: Path) -> None:
    source, out = tmp_path / "model", tmp_path / "out"
    (source / "data").mkdir(parents=True)
    out.mkdir()
    large = np.random.default_rng(1).normal(size=(2, 32, 32)).astype(np.float32)
    (source / "data" / "w.bin").write_bytes(large.tobytes())
    weights = Weights(out)
    stored = [weights.stored(source, beside(f"w{k}", "data/w.bin", offset=4096 * k, length=4096)) for k in range(2)]
    assert weights.finish() == 8192
    assert [place(s)[1] for s in stored] == [0, 4096]
    assert all(np.array_equal(numbers(out, s), large[k]) for k, s in enumerate(stored))
    assert len([p for p in out.rglob("*") if p.is_file()]) == 1
    assert not weights.missing


@pytest.mark.parametrize("location", ["../w.bin", "/etc/hostname", "a/../../w.bin"])
def test_data_outside_the_models_folder_is_refused(location: str, tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="it is not opened"):
        Weights(tmp_path).stored(tmp_path, beside("w", location))


def test_a_link_out_of_the_models_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(4096))
    source = tmp_path / "model"
    source.mkdir()
    (source / "w.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(MapperError, match="leads out of the model's folder"):
        Weights(tmp_path / "out").stored(source, beside("w", "w.bin"))


def test_numbers_that_are_not_there_are_counted_or_made_up_from_the_seed(tmp_path: Path) -> None:
    weights = Weights(tmp_path)
    weights.stored(tmp_path, beside("w", "gone.bin"))
    assert {p.name: n for p, n in weights.missing.items()} == {"gone.bin": {"w"}}
    made: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []
    for seed in (1, 1, 2):
        out = tmp_path / str(len(made))
        out.mkdir()
        filled = Weights(out, Filling(seed))
        stored = filled.stored(tmp_path, beside("w", "gone.bin"))
        assert not filled.missing
        made.append(numbers(out, stored))
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


def test_weights_of_one_name_but_other_sizes_or_types_get_numbers_of_their_own(tmp_path: Path) -> None:
    filled, whole = Weights(tmp_path, Filling()), beside("w", "gone.bin")
    halves = beside("w", "gone.bin")
    halves.data_type = onnx.TensorProto.FLOAT16
    lengths = [place(filled.stored(tmp_path, t))[2] for t in (whole, beside("w", "gone.bin", (2, 2)), halves)]
    assert lengths == [4096, 16, 2048]


@pytest.mark.parametrize("kind", ["INT4", "UINT4"])
def test_numbers_of_four_bits_are_made_up_and_written_two_to_a_byte(tmp_path: Path, kind: str) -> None:
    tensor = beside("w", "gone.bin", (3, 7))
    tensor.data_type = onnx.TensorProto.DataType.Value(kind)
    stored = Weights(tmp_path, Filling()).stored(tmp_path, tensor)
    external_data_helper.load_external_data_for_tensor(stored, str(tmp_path))
    assert len(stored.raw_data) == 11
    assert len(set(numpy_helper.to_array(stored).astype(int).reshape(-1))) > 4


def test_numbers_of_other_packed_types_are_not_made_up(tmp_path: Path) -> None:
    tensor = beside("w", "gone.bin", (3, 7))
    tensor.data_type = onnx.TensorProto.FLOAT4E2M1
    with pytest.raises(MapperError, match="no numbers are made up for 'w' of type FLOAT4E2M1"):
        Weights(tmp_path, Filling()).stored(tmp_path, tensor)


def test_four_bit_numbers_inside_a_model_keep_their_values(tmp_path: Path) -> None:
    values = np.arange(4096) % 16 - 8
    tensor = onnx.helper.make_tensor("w", onnx.TensorProto.INT4, [4096], values)
    spelled = onnx.TensorProto(name="w", data_type=tensor.data_type, dims=[4096])
    spelled.int32_data.extend(tensor.raw_data or tensor.int32_data)
    stored = Weights(tmp_path).stored(tmp_path, spelled)
    external_data_helper.load_external_data_for_tensor(stored, str(tmp_path))
    assert np.array_equal(numpy_helper.to_array(stored).astype(int), values)


def test_data_without_a_file_or_in_one_that_is_too_short_is_refused(tmp_path: Path) -> None:
    nameless = beside("w", "w.bin")
    del nameless.external_data[:]
    with pytest.raises(MapperError, match="'w' has its numbers in a file without a name"):
        Weights(tmp_path).stored(tmp_path, nameless)
    (tmp_path / "w.bin").write_bytes(bytes(5000))
    with pytest.raises(MapperError, match=r"'w' needs 4,096 bytes and states 4,096 from 1,024 on in .*which has 5,000"):
        Weights(tmp_path / "out").stored(tmp_path, beside("w", "w.bin", offset=1024))


def test_tied_weights_get_the_same_numbers(tmp_path: Path) -> None:
    filled = Weights(tmp_path, Filling())
    a, b = (filled.stored(tmp_path, beside(n, "gone.bin", offset=64, length=4096)) for n in "ab")
    assert place(a) == place(b)


def test_scales_are_about_one_and_variances_positive(tmp_path: Path) -> None:
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("LayerNormalization", ["x", "g", "b"], ["n"]),
            onnx.helper.make_node("BatchNormalization", ["n", "s", "t", "mean", "var"], ["y"]),
        ],
        "norms",
        [],
        [],
    )
    roles = operand_roles(graph)
    assert roles == {"g": "scale", "s": "scale", "var": "positive"}
    filled = Weights(tmp_path, Filling())
    for name, role in roles.items():
        array = numbers(tmp_path, filled.stored(tmp_path, beside(name, "gone.bin", (1024,)), role))
        assert array.min() > (0.5 if role == "scale" else 0)


@pytest.mark.parametrize("name", ["../../etc", "a/b c", "cim0.buffer", "", "…", "x" * 300])
def test_names_become_plain_parts_of_file_names(name: str) -> None:
    found = clean(name)
    assert found
    assert "/" not in found
    assert not found.startswith(".")
    assert len(found) <= 60
