"""The readers of PSPLIB projects and of flexible job shops, and the benchmark on tiny files of both formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import makespan
from benchmarks.instances import fjsp, psplib
from benchmarks.solving import main
from mapper.errors import MapperError

PROJECT = """\
jobs (incl. supersource/sink ):  4
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1        1          2           2   3
   2        1          1           4
   3        1          1           4
   4        1          0
REQUESTS/DURATIONS:
jobnr. mode duration  R 1  R 2
------------------------------
  1      1     0       0    0
  2      1     3       2    0
  3      1     4       2    1
  4      1     0       0    0
RESOURCEAVAILABILITIES:
  R 1  R 2
   3    1
"""
SHOP = "2 2 1.5\n2 1 1 3 2 1 4 2 2\n1 1 2 5\n"


def folder(path: Path) -> Path:
    """A folder of sets with a project and a shop."""
    (path / "rcpsp-psplib" / "j30").mkdir(parents=True)
    (path / "rcpsp-psplib" / "j30" / "tiny_1.sm").write_text(PROJECT)
    (path / "rcpsp-psplib" / "best_known.csv").write_text(
        "set,file,lower_bound,upper_bound,status\nj30,tiny_1.sm,7,7,closed\n"
    )
    (path / "fjsp").mkdir()
    (path / "fjsp" / "tiny.txt").write_text(SHOP)
    (path / "fjsp" / "best_known.csv").write_text("file,upper_bound\ntiny.txt,7\n")
    return path


def test_a_project_is_read_with_its_jobs_demands_and_order() -> None:
    problem = psplib.parse(PROJECT)
    assert [a.ticks for a in problem.activities] == [0, 3, 4, 0]
    assert problem.activities[2].demands == ((0, 2), (1, 1))
    assert problem.after == ((), (0,), (0,), (1, 2))
    assert [r.capacity for r in problem.resources] == [3, 1]


def test_a_shop_is_read_with_its_machines_and_jobs() -> None:
    problem = fjsp.parse(SHOP)
    assert [t.name for t in problem.tasks] == ["0.0", "0.1", "1.0"]
    assert [(m.name, m.ticks) for m in problem.tasks[1].modes] == [("1", 4), ("2", 2)]
    assert [(e.source, e.sink) for e in problem.edges] == [(0, 1)]


def test_both_sets_are_solved_and_written_for_others_to_check(tmp_path: Path) -> None:
    out = tmp_path / "solutions"
    assert (
        main(
            makespan.__doc__,
            makespan.cases,
            makespan.bars,
            [str(folder(tmp_path)), "--solutions", str(out), "--seconds", "4"],
        )
        == 0
    )
    project = json.loads((out / "tiny_1.json").read_text())
    assert project["machine"] == {}
    assert sorted(project["start"]) == ["1", "2", "3", "4"]
    assert project["start"]["4"] == 7
    shop = json.loads((out / "tiny.json").read_text())
    assert sorted(shop["start"]) == sorted(shop["machine"]) == ["0.0", "0.1", "1.0"]
    assert shop["machine"]["0.0"] == 1


def test_one_set_alone_is_a_folder_too(tmp_path: Path) -> None:
    root = folder(tmp_path)
    assert [c.name for c in makespan.cases(root / "fjsp")] == ["tiny"]
    assert [c.name for c in makespan.cases(root / "rcpsp-psplib")] == ["tiny_1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PROJECT.replace("3        1          1           4", "3        2          1           4"),
            "job 3 has 2 modes",
        ),
        (PROJECT.replace("1           4\n   3", "1           9\n   3"), "job 2 precedes job 9 of 4"),
        (PROJECT.replace("3       2    0", "3       2"), "job 2 requests 1 of 2 resources"),
        ("nothing", "StopIteration"),
    ],
)
def test_a_file_that_is_no_project_of_one_mode_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.sm"
    path.write_text(text)
    with pytest.raises(MapperError, match=message):
        psplib.read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 2\n1 1 1 3\n", "1 of 2 jobs"),
        ("1 2\n1 1 3 3\n", "job 0, operation 0: machine 3 of 2"),
        ("1 2\n1 2 1 3 2\n", "job 0 ends within operation 0"),
        ("1 2\n1 1 1 3 7\n", "job 0 has 1 numbers after its last operation"),
        ("", "IndexError"),
    ],
)
def test_a_file_that_is_no_shop_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(MapperError, match=message):
        fjsp.read(path)


def test_a_broken_table_of_best_known_values_ends_with_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "best_known.csv").write_text("file,upper_bound\ntiny.txt,short\n")
    assert main(None, makespan.cases, makespan.bars, [str(tmp_path)]) == 1
    assert "best_known.csv is not a table of best known values" in capsys.readouterr().out


def test_folders_and_files_that_are_no_text_are_no_instances(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "folder.sm").mkdir()
    (tmp_path / "image.txt").write_bytes(b"\xff\xfe\x00")
    assert list(makespan.cases(tmp_path)) == []
