from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mapper.emit.files import staged_folder, write_atomically, write_folder_atomically
from mapper.errors import MapperError


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def fail_after(calls: int, monkeypatch: pytest.MonkeyPatch, number: int = errno.ENOSPC) -> None:
    """Let os.fsync fail from the given call on, as on a full disk."""
    left = iter(range(calls))

    def fsync(_: Any) -> None:
        if next(left, None) is None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_file_is_written_with_its_folders_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b.txt", "é")
    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "é"
    assert names(tmp_path) == ["a", "a/b.txt"]


def test_a_file_is_readable_like_any_other_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_atomically(tmp_path / "ours", "")
    write_folder_atomically(tmp_path / "out", {"ours": ""})
    mode = (tmp_path / "plain").stat().st_mode
    assert (tmp_path / "ours").stat().st_mode == mode == (tmp_path / "out" / "ours").stat().st_mode


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")
    fail_after(0, monkeypatch)
    with pytest.raises(MapperError, match=r"cannot write .*plan.json: No space left") as caught:
        write_atomically(path, "new")
    assert caught.value.hint == "free some space or write elsewhere"
    assert path.read_text() == "old"
    assert names(tmp_path) == ["plan.json"]


def test_a_folder_gets_all_files_and_keeps_others(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").touch()
    (out / "plan.json").write_text("old")
    write_folder_atomically(out, {"plan.json": "new", "partitions/a.onnx": b"\0"})
    assert names(tmp_path) == ["out", "out/mine.txt", "out/partitions", "out/partitions/a.onnx", "out/plan.json"]
    assert (out / "plan.json").read_text() == "new"


def test_a_disk_that_fills_up_leaves_the_folder_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    write_folder_atomically(out, {"a": "old", "b": "old"})
    fail_after(1, monkeypatch)
    with pytest.raises(MapperError, match="No space left"):
        write_folder_atomically(out, {"a": "new", "b": "new", "c": "new"})
    assert names(tmp_path) == ["out", "out/a", "out/b"]
    assert (out / "a").read_text() == (out / "b").read_text() == "old"


def test_a_failure_makes_no_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_after(0, monkeypatch, errno.EACCES)
    with pytest.raises(MapperError, match="Permission denied"):
        write_folder_atomically(tmp_path / "out", {"a": ""})
    assert names(tmp_path) == []


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(MapperError, match="is a file, not a folder"):
        write_folder_atomically(tmp_path / "out", {"a": ""})


def test_a_folder_in_the_place_of_a_file_is_refused_before_anything_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder_atomically(out, {"a": "old", "b/c": "old"})
    with pytest.raises(MapperError, match="is a folder"):
        write_folder_atomically(out, {"a": "new", "b": "new"})
    assert (out / "a").read_text() == "old"


def test_a_staged_folder_replaces_nothing_where_a_folder_is_in_the_way(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder_atomically(out, {"a": "old", "b/c": "old"})
    staged = staged_folder(out)
    folder = staged.__enter__()
    for name in ("a", "b"):
        (folder / name).write_text("new")
    with pytest.raises(MapperError, match="is a folder"):
        staged.__exit__(None, None, None)
    assert (out / "a").read_text() == "old"


def test_what_cannot_be_read_while_a_folder_is_staged_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(MapperError, match=r"cannot read .*gone: No such file"), staged_folder(tmp_path / "out"):
        (tmp_path / "gone").read_bytes()
    with pytest.raises(MapperError, match=r"cannot write .*out: "), staged_folder(tmp_path / "out") as folder:
        (folder / "no" / "folder").write_text("")
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["../a", "/a", "", ".", "b/../../a"])
def test_names_that_lead_out_of_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="is not a path below the folder"):
        write_folder_atomically(tmp_path / "out", {name: ""})
