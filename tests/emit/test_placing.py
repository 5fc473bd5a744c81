from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from emit_builders import compiled, model_file

import mapper
from mapper.emit.emit import emit
from mapper.emit.files import staged_folder
from mapper.emit.manifest import NAME, load
from mapper.emit.placing import put_emission
from mapper.errors import MapperError

Made = tuple[mapper.Compiled, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    path = model_file("bert-tiny", tmp_path_factory.mktemp("model"))
    return compiled(path, "superhet"), path


@pytest.fixture(scope="module")
def fewer(made: Made) -> Made:
    """The same model in fewer pieces."""
    return compiled(made[1], "superhet", "greedy"), made[1]


def put(made: Made, out: Path) -> None:
    emit(made[0].plan, [made[1]], out)


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_an_emission_takes_the_place_of_an_earlier_one_and_other_files_stay(
    made: Made, fewer: Made, tmp_path: Path
) -> None:
    put(made, tmp_path / "out")
    before = names(tmp_path / "out")
    (tmp_path / "out" / "notes.txt").touch()
    put(fewer, tmp_path / "out")
    put(fewer, tmp_path / "alone")
    assert names(tmp_path / "out") == names(tmp_path / "alone") | {"notes.txt"} != before
    load(tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["alone", "out"]


@pytest.mark.parametrize("name", ["000-cim0.onnx", "weights/inside.bin"])
def test_a_file_that_no_emission_wrote_is_not_replaced(made: Made, name: str, tmp_path: Path) -> None:
    put(made, tmp_path / "first")
    taken = sorted(names(tmp_path / "first") - {NAME})[0] if name.endswith(".onnx") else name
    (tmp_path / "out" / taken).parent.mkdir(parents=True)
    (tmp_path / "out" / taken).write_text("mine")
    with pytest.raises(MapperError, match=f"{taken} is there and no emission wrote it"):
        put(made, tmp_path / "out")
    assert names(tmp_path / "out") == {taken}
    assert (tmp_path / "out" / taken).read_text() == "mine"


def test_a_manifest_of_something_else_is_not_replaced(made: Made, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("{}")
    with pytest.raises(MapperError, match=r"has a manifest\.json that is none of this version's"):
        put(made, tmp_path)
    assert names(tmp_path) == {NAME}


def test_a_link_to_elsewhere_in_the_folder_is_not_followed(made: Made, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "weights").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MapperError, match="weights leads out of"):
        put(made, tmp_path / "out")
    assert names(tmp_path / "elsewhere") == set()


def test_an_emission_that_stops_between_is_no_folder_to_run_and_the_next_one_replaces_it(
    made: Made, fewer: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    put(made, out)
    rename, left = os.replace, iter(range(4))

    def stops(*words: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        rename(*words)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", stops)
        with pytest.raises(KeyboardInterrupt):
            put(fewer, out)
    with pytest.raises(MapperError, match="was stopped before its end"):
        load(out)
    put(fewer, out)
    put(fewer, tmp_path / "alone")
    assert names(out) == names(tmp_path / "alone")
    load(out)


def test_a_listed_file_that_emissions_do_not_write_is_not_removed(made: Made, fewer: Made, tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(made, out)
    (out / "mine.txt").touch()
    text = (out / NAME).read_text()
    line = '{"path": "mine.txt", "bytes": 0}, {"path": "../out/mine.txt", "bytes": 0},'
    (out / NAME).write_text(text.replace('"files": [', f'"files": [{line}'))
    put(fewer, out)
    assert (out / "mine.txt").is_file()


def test_a_folder_behind_a_link_is_written_where_it_lies(made: Made, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "out").symlink_to("there")
    put(made, tmp_path / "out")
    assert NAME in names(tmp_path / "there")
    assert (tmp_path / "out").is_symlink()


def test_the_working_directory_is_a_folder_to_write_into(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(made, Path())
    load(tmp_path)


def test_two_emissions_into_a_folder_leave_one_of_them_whole(made: Made, fewer: Made, tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def one(which: Made) -> None:
        try:
            for _ in range(3):
                put(which, tmp_path / "out")
        except BaseException as error:  # told by the test
            errors.append(error)

    threads = [threading.Thread(target=one, args=(which,)) for which in (made, fewer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    put(made, tmp_path / "a")
    put(fewer, tmp_path / "b")
    assert names(tmp_path / "out") in (names(tmp_path / "a"), names(tmp_path / "b"))
    load(tmp_path / "out")


def test_what_a_killed_emission_left_is_removed_by_the_next_but_not_what_one_is_writing(tmp_path: Path) -> None:
    left, busy = (tmp_path / f".out.{digit * 32}.part" for digit in "01")
    for folder in (left, busy):
        folder.mkdir()
        (folder / "weights.bin").touch()
        os.utime(folder, (time.time() - 100, time.time() - 100))
    lock = os.open(busy, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with staged_folder(tmp_path / "out", put_emission):
        assert (left.exists(), busy.exists()) == (False, True)
    os.close(lock)
