from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from emit_builders import compiled, model_file

from mapper.emit.emit import emit
from mapper.emit.manifest import NAME, load, sealed, to_json
from mapper.errors import MapperError


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manifest")
    path = model_file("bert-tiny", folder)
    emit(compiled(path, "superhet").plan, [path], folder / "out")
    return folder / "out"


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "out"))


def change(folder: Path, edit: Callable[[dict[str, Any]], None], *, seal: bool = False) -> None:
    """Edit the manifest as text; `seal` as somebody would who knows how."""
    data = json.loads((folder / NAME).read_text())
    edit(data)
    (folder / NAME).write_text(json.dumps(data))
    if seal:
        from mapper.emit.manifest import Manifest

        (folder / NAME).write_text(to_json(sealed(Manifest.model_validate(data))))


def test_a_manifest_is_read_as_it_was_written(folder: Path) -> None:
    found = load(folder)
    assert to_json(found) == (folder / NAME).read_text()


def test_a_changed_manifest_does_not_fit_its_seal(folder: Path) -> None:
    change(folder, lambda data: data.update(target="another"))
    with pytest.raises(MapperError, match="changed after it was written: its seal"):
        load(folder)


def test_an_unknown_field_is_named(folder: Path) -> None:
    change(folder, lambda data: data["phases"][0].update(color="red"))
    with pytest.raises(MapperError, match=r"phases\.0\.color"):
        load(folder)


def test_another_schema_is_refused(folder: Path) -> None:
    change(folder, lambda data: data.update(schema=2))
    with pytest.raises(MapperError, match="schema"):
        load(folder)


@pytest.mark.parametrize(
    "path",
    ["../secret.onnx", "/etc/hostname", "a\0b", "a/../../b", "a\x1b[31m", "a\\b", "C:a", "", ".", "*/a", "\u202ea"],
)
def test_a_path_that_emit_would_not_write_is_not_opened_even_under_a_seal(folder: Path, path: str) -> None:
    change(folder, lambda data: data["files"][-1].update(path=path), seal=True)
    with pytest.raises(MapperError, match="is no path that emit writes; it is not opened"):
        load(folder)


def test_a_piece_that_onnxruntime_would_not_read_as_onnx_is_refused(folder: Path) -> None:
    piece = next(folder.glob("0*.onnx"))
    piece.rename(folder / "piece.ort")

    def renamed(data: dict[str, Any]) -> None:
        for line in (*data["files"], *data["phases"][0]["steps"]):
            for key in {"path", "piece"} & line.keys():
                line[key] = "piece.ort" if line[key] == piece.name else line[key]

    change(folder, renamed, seal=True)
    with pytest.raises(MapperError, match=r"piece 'piece\.ort' is no \.onnx file"):
        load(folder)


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        (lambda data: data["phases"][0].update(calls=10**12), "calls"),
        (lambda data: data["phases"][0]["values"][0].update(shape=[1] * 65), "shape"),
        (lambda data: data["phases"][0]["values"][0].update(shape=[1 << 63]), "shape"),
        (lambda data: data["phases"][0]["inputs"][0].update(below=1 << 63), "below"),
        (lambda data: data["phases"][0].update(latency_s=float("inf")), "latency_s"),
    ],
)
def test_numbers_beyond_all_runs_are_refused(folder: Path, edit: Callable[[dict[str, Any]], None], where: str) -> None:
    change(folder, edit)
    with pytest.raises(MapperError, match=where):
        load(folder)


def test_a_manifest_too_large_to_be_one_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mapper.emit.manifest.MOST_BYTES", 1000)
    with pytest.raises(MapperError, match="manifests have 1,000 at most"):
        load(folder)


def test_an_emission_that_was_stopped_is_told(folder: Path) -> None:
    change(folder, lambda data: data.update(seal=""))
    with pytest.raises(MapperError, match="was stopped before its end"):
        load(folder)


def test_a_link_that_leads_out_is_not_opened(folder: Path) -> None:
    piece = next(folder.glob("0*.onnx"))
    outside = folder.parent / "outside.onnx"
    shutil.move(piece, outside)
    piece.symlink_to(outside)
    with pytest.raises(MapperError, match="leads out of the folder"):
        load(folder)


def test_a_missing_piece_is_named(folder: Path) -> None:
    piece = next(folder.glob("0*.onnx"))
    piece.unlink()
    with pytest.raises(MapperError, match=f"{piece.name} is missing"):
        load(folder)


def test_a_piece_of_another_size_or_content_is_refused(folder: Path) -> None:
    piece = next(folder.glob("0*.onnx"))
    data = bytearray(piece.read_bytes())
    data[-1] ^= 1
    piece.write_bytes(bytes(data))
    with pytest.raises(MapperError, match="its digest does not fit"):
        load(folder)
    piece.write_bytes(bytes(data[:-1]))
    with pytest.raises(MapperError, match="bytes, not"):
        load(folder)


def test_changed_weights_are_refused(folder: Path) -> None:
    weights = next((folder / "weights").iterdir())
    data = bytearray(weights.read_bytes())
    data[0] ^= 1
    weights.write_bytes(bytes(data))
    with pytest.raises(MapperError, match="its digest does not fit"):
        load(folder)


def test_a_step_whose_piece_is_not_listed_is_refused(folder: Path) -> None:
    change(folder, lambda data: data["phases"][0]["steps"][0].update(piece="other.onnx"), seal=True)
    with pytest.raises(MapperError, match="not among its files"):
        load(folder)


def test_no_manifest_no_text_and_no_json_are_told(tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / NAME).write_bytes(b"\xff")
    with pytest.raises(MapperError, match="not UTF-8"):
        load(tmp_path)
    (tmp_path / NAME).write_text("{")
    with pytest.raises(MapperError, match="JSON"):
        load(tmp_path)


def test_a_step_stands_on_one_line(folder: Path) -> None:
    found = load(folder)
    lines = [line.strip().rstrip(",") for line in to_json(found).splitlines()]
    step = found.phases[0].steps[0]
    told = next(json.loads(line) for line in lines if line.startswith(f'{{"name": "{step.name}"') and '"piece"' in line)
    assert (told["piece"], told["unit"]) == (step.piece, step.unit)


@pytest.mark.parametrize(
    ("speeds", "words"),
    [
        ([(0.5, 1), (0.5, 1)], "do not rise"),
        ([(0.7, 1), (0.5, 1)], "do not rise"),
        ([(1.0, 1)], "or are 1"),
        ([(0.5, 2)], "without a time for each of 1 phases"),
        ([(1e-300, 1)], "speeds.0.speed"),
    ],
)
def test_speeds_between_which_no_time_can_be_found_are_refused(
    folder: Path, speeds: list[tuple[float, int]], words: str
) -> None:
    lines = [{"speed": speed, "latencies_s": [1.0] * count, "interval_s": 1.0} for speed, count in speeds]
    change(folder, lambda data: data.update(speeds=lines, probe_s=5e-4))
    with pytest.raises(MapperError, match=words):
        load(folder)


@pytest.mark.parametrize(("probe_s", "speeds"), [(5e-4, []), (0.0, [0.5]), (60.0, [0.5])])
def test_a_probe_goes_with_speeds_and_is_short(folder: Path, probe_s: float, speeds: list[float]) -> None:
    lines = [{"speed": speed, "latencies_s": [1.0], "interval_s": 1.0} for speed in speeds]
    change(folder, lambda data: data.update(speeds=lines, probe_s=probe_s))
    with pytest.raises(MapperError, match=f"a probe of {probe_s:g} s with {len(speeds)} speeds"):
        load(folder)


@pytest.mark.parametrize(("table", "column"), [("moves", "bytes"), ("buffers", "size"), ("buffers", "offset")])
def test_sizes_beyond_any_memory_are_refused(folder: Path, table: str, column: str) -> None:
    change(folder, lambda data: data["phases"][0][table][0].update({column: 10**400}))
    with pytest.raises(MapperError, match=rf"phases\.0\.{table}\.0\.{column}"):
        load(folder)


@pytest.mark.parametrize("seconds", [-1.0, 1e300])
def test_times_that_no_plan_has_are_refused(folder: Path, seconds: float) -> None:
    change(folder, lambda data: data["phases"][0].update(latency_s=seconds))
    with pytest.raises(MapperError, match=r"phases\.0\.latency_s"):
        load(folder)


@pytest.mark.parametrize("table", ["steps", "moves", "buffers"])
def test_what_ends_before_it_starts_is_refused_even_under_a_seal(folder: Path, table: str) -> None:
    made = load(folder)
    lines = getattr(made.phases[0], table)
    wrong = lines[0].model_copy(update={"start_s": 2e-3, "end_s": 1e-3})
    part = made.phases[0].model_copy(update={table: (wrong, *lines[1:])})
    (folder / NAME).write_text(to_json(sealed(made.model_copy(update={"phases": (part,)}))))
    with pytest.raises(MapperError, match=rf"phases\.0\.{table}\.0: .*ends at 0.001 s, before it starts at 0.002 s"):
        load(folder)
