"""`mapper regress report` and `compare --html`: files appear, what is missing is one clear error."""

from __future__ import annotations

from pathlib import Path

import pytest
from nights import Nights, nights_in

from mapper.cli.main import main


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    return nights_in(tmp_path_factory.mktemp("suite"), 10, 5)


def regress(some: Nights, what: str, *more: str) -> int:
    return main(["regress", what, str(some.path), "--out", str(some.out), *more])


def test_a_report_is_one_file_beside_the_history(some: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    assert regress(some, "report") == 0
    page = (some.out / "site" / "index.html").read_text()
    assert "nightly: mappings night by night" in page
    assert "10 cases, 5 nights, 1.2 MB" in capsys.readouterr().out


def test_nights_cases_and_place_of_a_report_are_chosen(
    some: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regress(some, "report", "--nights", "2", "--filter", "*/superhet/*", "--site", str(tmp_path / "a")) == 0
    assert f"{tmp_path}/a/index.html: 2 cases, 2 nights" in capsys.readouterr().out
    assert regress(some, "report", "--nights", "all", "--quiet", "--baseline", str(some.path.parent / "none.json")) == 1
    assert "none.json" in capsys.readouterr().err


def test_a_report_needs_no_baseline(some: Nights, tmp_path: Path) -> None:
    suite = tmp_path / "cases.yaml"
    suite.write_text(some.path.read_text())
    assert main(["regress", "report", str(suite), "--out", str(some.out), "--quiet", "--site", str(tmp_path)]) == 0
    assert (tmp_path / "index.html").is_file()


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--nights", "0"], "or all"),
        (["--nights", "some"], "--nights some"),
        (["--filter", "none"], "means none of"),
        (["--db", "empty.db"], "there is no run of these cases of nightly yet"),
    ],
)
def test_what_is_wrong_with_a_report_is_one_clear_error(
    more: list[str], complaint: str, some: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert regress(some, "report", *more) in (1, 2)
    assert complaint in capsys.readouterr().err


def test_a_comparison_is_written_as_a_page(some: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert regress(some, "compare", "--html", str(tmp_path / "compared.html")) == 1
    assert "nightly: mappings against what was accepted" in (tmp_path / "compared.html").read_text()
