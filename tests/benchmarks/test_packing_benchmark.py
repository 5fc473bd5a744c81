"""The reader of buffer tables and the packing benchmark's bars, on files of a few lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.instances import buffers
from benchmarks.packing import bars, cases
from benchmarks.solving import main
from mapper.errors import MapperError

TABLE = "id,lower,upper,size\nb1,0,3,4\nb2,3,9,4\nb3,0,9,4\nb4,9,21,4\n"


def _write(folder: Path, name: str, text: str = TABLE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def test_a_table_is_read_with_the_capacity_of_its_name(tmp_path: Path) -> None:
    problem = buffers.read(_write(tmp_path, "input.12.csv"))
    assert problem.capacity == 12
    assert [(i.name, i.size, i.start, i.end) for i in problem.items][1] == ("b2", 4, 3, 9)


@pytest.mark.parametrize(("name", "capacity"), [("A.1048576.csv", 1048576), ("resnet50.csv", None), ("a.b.csv", None)])
def test_only_a_number_after_the_last_point_is_a_capacity(name: str, capacity: int | None) -> None:
    assert buffers.capacity(Path(name)) == capacity


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,lower,size\na,0,3\n", "no column upper; there are"),
        (TABLE + "b5,1,2,many\n", r"x.csv:6: size 'many' is not a whole number"),
        (TABLE + "b5,1\n", r"x.csv:6: upper 'None' is not a whole number"),
        (TABLE + "b1,1,2,3\n", "x.csv: two buffers have the id 'b1'"),
        ("", "no column id, lower, upper, size"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MapperError, match=message):
        buffers.read(_write(tmp_path, "x.csv", text))


def test_solutions_are_written_by_identifier_and_the_bars_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path / "bench" / "minimalloc", "input.12.csv")
    _write(tmp_path / "bench" / "idealloc", "trace.csv")
    found = tmp_path / "found"
    arguments = [str(tmp_path / "bench"), "--seconds", "5", "--workers", "1", "--solutions", str(found)]
    assert main(None, cases, bars, arguments) == 0
    for name in ("input.12", "trace"):
        offsets = json.loads((found / f"{name}.json").read_text())["offsets"]
        assert sorted(offsets) == ["b1", "b2", "b3", "b4"]
    printed = capsys.readouterr().out
    assert "minimalloc/input.12" in printed
    assert "ok      trace height <= 1.008 x bound: 1.00000" in printed


def test_what_cannot_fit_is_an_error_of_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, "small.7.csv")
    assert main(None, cases, bars, [str(tmp_path), "--seconds", "5"]) == 1
    assert "does not hold the buffers: at time 0 2 buffers are live with 8 bytes, 1 too many" in capsys.readouterr().out


def test_folders_are_no_instances_and_an_empty_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "empty.csv").touch()
    assert main(None, cases, bars, [str(tmp_path), "--seconds", "5"]) == 1
    printed = capsys.readouterr().out
    assert "0 buffers" in printed
    assert "no column id, lower, upper, size" in printed
    assert "/folder " not in printed


def test_figures_of_each_set_are_one_object_and_the_same_every_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path / "minimalloc", "input.12.csv")
    _write(tmp_path / "idealloc", "trace.csv")

    def figures() -> dict[str, dict[str, float]]:
        assert main(None, cases, bars, [str(tmp_path), "--work", "0.1", "--json"]) == 0
        told = capsys.readouterr()
        assert "minimalloc/input.12" in told.err
        found: dict[str, dict[str, float]] = json.loads(told.out)
        assert set(found.pop("timings")) == {"minimalloc", "idealloc"}
        return found

    first = figures()
    each = {"minimalloc": 1.0, "idealloc": 1.0}
    assert (first["instances"], first["found"], first["solved"], first["proven"]) == (each, each, each, each)
    assert set(first["gap_to_best_%"]) == {"minimalloc"}  # the best of what has no capacity is not known
    assert figures() == first


def test_an_instance_that_fails_is_no_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, "small.7.csv")
    assert main(None, cases, bars, [str(tmp_path), "--work", "0.1", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["found"] == {tmp_path.name: 0.0}
