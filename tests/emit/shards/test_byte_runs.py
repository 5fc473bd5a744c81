from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import external_data_helper, numpy_helper

from mapper.emit.shards.runs import SHORT_BYTES
from mapper.emit.weights import Weights
from mapper.errors import MapperError

ARRAY = np.arange(6 * 8 * 4, dtype=np.float32).reshape(6, 8, 4)


def beside(folder: Path, array: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = ARRAY) -> onnx.TensorProto:
    """A tensor whose numbers lie in a file beside its model, behind others."""
    (folder / "w.bin").write_bytes(b"\1" * 64 + array.tobytes())
    tensor = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=array.shape)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "w.bin"), ("offset", "64"), ("length", str(array.nbytes))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def numbers(out: Path, tensor: onnx.TensorProto) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        external_data_helper.load_external_data_for_tensor(tensor, str(out))
    return numpy_helper.to_array(tensor)


def place(tensor: onnx.TensorProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("outside", [True, False])
def test_stretches_hold_the_numbers_that_they_should(tmp_path: Path, axis: int, outside: bool) -> None:
    out = tmp_path / "out"
    out.mkdir()
    tensor = beside(tmp_path) if outside else numpy_helper.from_array(ARRAY, "w")
    weights = Weights(out)
    found = weights.cut(tmp_path, tensor, axis, [(0, 1), (3, 4)])
    weights.finish()
    assert np.array_equal(numbers(out, found), np.take(ARRAY, [0, 3], axis=axis))


@pytest.mark.parametrize("columns", [64, SHORT_BYTES])
def test_parts_of_several_ranks_are_copied_in_one_go(tmp_path: Path, columns: int) -> None:
    out = tmp_path / "out"
    out.mkdir()
    array = np.arange(3 * columns, dtype=np.float32).reshape(3, columns)
    weights, quarter = Weights(out), columns // 4
    tensor = beside(tmp_path, array)
    first = weights.cut(tmp_path, tensor, 1, [(0, quarter), (2 * quarter, 3 * quarter)])
    second = weights.cut(tmp_path, tensor, 1, [(quarter, 2 * quarter)])
    assert weights.finish() == array.nbytes * 3 // 4
    assert np.array_equal(numbers(out, first), array.reshape(3, 4, -1)[:, [0, 2]].reshape(3, -1))
    assert np.array_equal(numbers(out, second), array[:, quarter : 2 * quarter])
    assert [p.name for p in (out / "weights").iterdir()] == ["cut.bin"], "nothing else is read of it"


def test_rows_are_a_reference_to_the_same_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    weights, tensor = Weights(out), beside(tmp_path)
    whole, rows = weights.stored(tmp_path, tensor), weights.cut(tmp_path, tensor, 0, [(2, 4)])
    assert place(rows) == place(whole) | {"offset": str(64 + 2 * 128), "length": "256"}
    weights.finish()
    assert [p.name for p in (out / "weights").iterdir()] == ["0-w.bin"]


def test_equal_cuts_are_copied_once(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    weights, tensor = Weights(out), beside(tmp_path)
    first, second = (weights.cut(tmp_path, tensor, 2, [(0, 2)]) for _ in range(2))
    assert place(first) == place(second)
    weights.finish()
    assert (out / "weights" / "cut.bin").stat().st_size == ARRAY.nbytes // 2


def test_half_a_byte_is_refused(tmp_path: Path) -> None:
    tensor = onnx.TensorProto(name="w", data_type=onnx.TensorProto.INT4, dims=(2, 3))
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="w.bin")
    (tmp_path / "w.bin").write_bytes(b"\0" * 3)
    with pytest.raises(MapperError, match="half a byte"):
        Weights(tmp_path).cut(tmp_path, tensor, 1, [(0, 1)])


CUT_BIG = """
import sys, onnx
from pathlib import Path
from mapper.emit.weights import Weights
folder, axis, rows, columns = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
tensor = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=(rows, columns))
tensor.data_location = onnx.TensorProto.EXTERNAL
tensor.external_data.add(key="location", value="w.bin")
weights, size = Weights(folder / "out"), tensor.dims[axis] // 64
for rank in range(2):
    weights.cut(folder, tensor, axis, [(rank * size, (rank + 1) * size)])
weights.finish()
status = Path("/proc/self/status").read_text()
print(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the most memory used is read from /proc")
@pytest.mark.parametrize(("axis", "rows"), [(0, 1 << 14), (1, 1 << 14), (1, 64)])
def test_two_gigabytes_are_cut_in_little_memory(tmp_path: Path, axis: int, rows: int) -> None:
    (tmp_path / "out").mkdir()
    with (tmp_path / "w.bin").open("wb") as file:
        file.truncate(1 << 31)
    arguments = [str(tmp_path), str(axis), str(rows), str((1 << 29) // rows)]
    done = subprocess.run([sys.executable, "-c", CUT_BIG, *arguments], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200 << 10  # kilobytes
