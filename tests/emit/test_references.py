"""`--weights reference`: pieces read the data of a model where it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from emit_builders import compiled, given, model_file, run_steps, run_whole

import mapper
from mapper.emit.emit import Emitted, emit
from mapper.emit.manifest import load
from mapper.emit.placing import put_emission
from mapper.errors import MapperError


@dataclass(frozen=True)
class Sample:
    """A plan of a tiny model whose weights lie beside it, and its pieces in the same folder."""

    path: Path
    done: mapper.Compiled
    emitted: Emitted


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("model")
    path = model_file("bert-tiny", folder)
    onnx.save(onnx.load(str(path)), str(path), save_as_external_data=True, location="w.bin")
    done = compiled(path, "superhet")
    return Sample(path, done, emit(done.plan, [path], folder, weights="reference"))


def test_nothing_is_copied_and_pieces_compute_what_the_whole_does(sample: Sample) -> None:
    folder, (part,) = sample.path.parent, sample.emitted.manifest.phases
    assert sample.emitted.weight_bytes == 0
    assert sample.emitted.referred == (folder / "w.bin",)
    assert not (folder / "weights").exists()
    values = given(part)
    found, wanted = run_steps(folder, part, values), run_whole(sample.path, values)
    assert all(np.array_equal(array, found[name]) for name, array in wanted.items())


def test_pieces_are_valid_and_the_manifest_lists_the_data(sample: Sample) -> None:
    folder = sample.path.parent
    for piece in {s.piece for s in sample.emitted.manifest.phases[0].steps}:
        onnx.checker.check_model(str(folder / piece))
    assert {line.path for line in load(folder).files} >= {"w.bin", "000-cpu.onnx"} & {p.name for p in folder.iterdir()}
    assert "w.bin" in {line.path for line in load(folder).files}


def test_an_earlier_emission_is_replaced_and_the_model_and_its_data_stay(sample: Sample) -> None:
    folder = sample.path.parent
    data = (folder / "w.bin").read_bytes()
    again = emit(sample.done.plan, [sample.path], folder, weights="reference")
    assert again.manifest == sample.emitted.manifest
    assert [line.path for line in again.manifest.files if line.given] == ["w.bin"]
    assert (folder / "w.bin").read_bytes() == data
    assert sample.path.is_file()


def test_a_model_that_an_earlier_emission_wrote_is_not_replaced_by_its_own_pieces(tmp_path: Path) -> None:
    staging, out = tmp_path / "staging", tmp_path / "out"
    for folder in (staging, out):
        folder.mkdir()
        (folder / "000-cpu.onnx").touch()
    with pytest.raises(MapperError, match=r"000-cpu\.onnx is there and no emission wrote it"):
        put_emission(staging, out, ["000-cpu.onnx"], {out / "000-cpu.onnx"})


def test_the_manifest_of_something_else_is_not_replaced(sample: Sample, tmp_path: Path) -> None:
    for file in (sample.path, sample.path.parent / "w.bin"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "an app"}))
    with pytest.raises(MapperError, match="manifest"):
        emit(sample.done.plan, [tmp_path / sample.path.name], tmp_path, weights="reference")
    assert {p.name for p in tmp_path.iterdir()} == {sample.path.name, "w.bin", "manifest.json"}


def test_data_above_or_beside_the_folder_cannot_be_referred_to(sample: Sample, tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="does not lie below"):
        emit(sample.done.plan, [sample.path], tmp_path / "out", weights="reference")
    assert not (tmp_path / "out").exists()
