"""The benchmark of selection on a tiny instance in the contest's format."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from benchmarks import selection
from benchmarks.instances import iopddl
from benchmarks.solving import Answer, Row, main
from mapper.errors import MapperError

README = """# an own instance
| inst | nodes | edges | limit s | contest best | team | winner re-run best | lower bound |
|---|---|---|---|---|---|---|---|
| T | 2 | 1 | 7 | 14 | own | 12 | 11 |
| U | 2 | 1 | - | 5 | own | - | - |
"""

INSTANCE = {
    "problem": {
        "name": "own",
        "nodes": {"intervals": [[0, 4], [2, 6]], "costs": [[1, 4], [3, 9]], "usages": [[5, 1], [6, 2]]},
        "edges": {"nodes": [[0, 1]], "costs": [[0, 0, 5, 10**18]]},
        "usage_limit": 7,
    }
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    its = tmp_path / "iopddl"
    its.mkdir()
    (its / "README.md").write_text(README)
    with gzip.open(its / "asplos-2025-iopddl-T.json.gz", "wt") as file:
        json.dump(INSTANCE, file)
    return tmp_path


def test_an_instance_is_solved_and_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(selection.__doc__, selection.cases, selection.bars, [str(folder), "--solutions", str(folder / "out")])
    printed = capsys.readouterr().out
    assert code == 0
    assert "T value <= 1.05 of the best known: 0.83333" in printed
    assert json.loads((folder / "out" / "asplos-2025-iopddl-T.json").read_text()) == {"strategies": [0, 1]}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("[1, 4]", "[NaN, 4]", "nodes.costs 0 is not a list of whole numbers"),
        ("[1, 4]", '["1", 4]', "nodes.costs 0 is not a list of whole numbers"),
        ("[1, 4]", "1", "nodes.costs 0 is not a list of whole numbers: 1"),
        ("[0, 0, 5, ", "[0, 0, 5.5, ", "5.5 is not a whole number"),
        ("[0, 0, 5, ", "[0, 0, 5e999999999, ", "not a whole number"),
        ("[0, 4]", '["a", 4]', "nodes.intervals 0"),
        ('"usage_limit": 7', '"usage_limit": "7"', "usage_limit is not"),
    ],
)
def test_what_is_no_whole_number_is_told_with_its_place(tmp_path: Path, old: str, new: str, why: str) -> None:
    file = tmp_path / "odd-iopddl-T.json"
    file.write_text(json.dumps(INSTANCE).replace(old, new, 1))
    with pytest.raises(MapperError, match=why):
        iopddl.read(file)


def test_a_cost_with_an_exponent_is_a_whole_number(tmp_path: Path) -> None:
    file = tmp_path / "own-iopddl-T.json"
    file.write_text(json.dumps(INSTANCE).replace(str(10**18), "1e18"))
    assert list(iopddl.read(file).edges[0].costs) == [0, 0, 5, 10**18]


def test_limits_and_best_known_values_come_from_the_table(folder: Path) -> None:
    for given in (folder, folder / "iopddl"):
        (case,) = selection.cases(given)
        assert (case.name, case.seconds, case.best) == ("asplos-2025-iopddl-T", 7.0, 12.0)
    assert "limit s" not in iopddl.published(folder / "iopddl" / "README.md")["U"]


def test_an_instance_that_the_table_lacks_has_the_usual_limit(folder: Path) -> None:
    (folder / "iopddl" / "README.md").unlink()
    (case,) = selection.cases(folder)
    assert (case.seconds, case.best) == (selection.SECONDS, None)


def test_a_value_above_its_bar_is_missed(folder: Path) -> None:
    (case,) = selection.cases(folder)
    row = Row(case, Answer(13, 11, "own", None), 1.0)
    assert [bar.met for bar in selection.bars([row])] == [False, True]


@pytest.mark.parametrize("text", ["", "[1]", '{"problem": {}}', '{"problem": {"nodes": 1, "edges": 2}}'])
def test_a_file_of_another_format_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "iopddl-X.json"
    path.write_text(text)
    with pytest.raises(MapperError, match="is not an iopddl instance"):
        iopddl.read(path)


def test_the_reader_keeps_costs_usages_and_intervals(folder: Path) -> None:
    problem = iopddl.read(folder / "iopddl" / "asplos-2025-iopddl-T.json.gz")
    assert [(n.start, n.end, list(n.costs), list(n.usages)) for n in problem.nodes] == [
        (0, 4, [1, 4], [5, 1]),
        (2, 6, [3, 9], [6, 2]),
    ]
    assert list(problem.edges[0].costs) == [0, 0, 5, 10**18]
    assert problem.limits == (7,)
    assert problem.objective((0, 1)) == 10
