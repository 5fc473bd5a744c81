"""Bisecting: the commit that moved a case is found, what cannot tell is skipped, and no checkout is touched."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bisect_repository import git, repository

from mapper.errors import MapperError, UsageError
from mapper.regress.bisect import Bisection, Culprit, Step, gave, told_by
from mapper.regress.bisect_answer import KEPT, Answer, Asking, write_metadata
from mapper.regress.bisect_git import Repository, Revision, Worktree
from mapper.regress.cases import MappingCase
from mapper.regress.record import Ended, Record
from mapper.regress.suite import Asked, Workload
from mapper.regress.verdicts import verdict

COMMITS = 6


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    return made


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("commits") / "repository", [f"gives({k})" for k in range(COMMITS)])


@dataclass
class Told:
    """What the commits give: a throughput, None for no plan, or the kind of a failure."""

    values: Sequence[float | str | None]
    case: Any = field(default_factory=lambda: SimpleNamespace(objective="throughput"))

    def answer(self, worktree: Worktree, revision: Revision) -> Answer:
        return answer(self.values[int(revision.subject.removeprefix("commit "))])


def bisected(
    root: Path, values: Sequence[float | str | None], good: str = "c0", bad: str = "c5"
) -> tuple[Culprit, list[Step]]:
    steps = list[Step]()
    known = Repository(root)
    asking: Any = Told(values)
    bisection = Bisection(known, asking, {}, lambda one: None, steps.append)
    return bisection.between(known.revision(good), known.revision(bad)), steps


def answer(value: float | str | None) -> Answer:
    if isinstance(value, str):
        return Answer(Record("it", "k", Ended.BROKEN, reason="broken"), value)
    if value is None:
        return Answer(Record("it", "k", Ended.INFEASIBLE))
    return Answer(Record("it", "k", Ended.FOUND, {"throughput_per_s": value, "value": value}))


@pytest.mark.parametrize(
    ("first", "last", "one", "expected"),
    [
        (100, 95, 99.6, "good"),
        (100, 95, 98, "good"),  # a part of the loss, and not the larger one
        (100, 95, 97, "bad"),
        (100, 95, 110, "good"),  # it was better in between
        (100, 95, None, "skip"),
        (100, 95, "import", "skip"),
        (100, None, None, "bad"),
        (100, None, 90, "good"),
        (None, 100, 90, "bad"),
        (None, 100, None, "good"),
        (100, "exit code 1", "exit code 1", "bad"),  # a fault is looked for, not a loss
        (100, "exit code 1", 90, "good"),
        (100, "exit code 1", "import", "skip"),
        (None, "exit code 1", None, "good"),
    ],
)
def test_a_revision_is_as_the_one_that_it_is_nearer_to(
    first: float | None, last: float | str | None, one: float | str | None, expected: str
) -> None:
    assert gave(answer(one), answer(first), answer(last), "throughput_per_s") == expected


def test_the_metric_that_tells_is_the_objectives_own_if_it_moved() -> None:
    before, after = ({"latency_s": 1.0, "energy_j": 1.0, "ops on dsa": 1.0}, {"latency_s": 1.1, "energy_j": 2.0})
    found = verdict(*(Record("it", "k", Ended.FOUND, m) for m in (before, after)))
    assert told_by(found, "latency_s") == "latency_s"
    assert told_by(found, "throughput_per_s") == "energy_j"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "subject"),
    [
        ([100, 100, 100, 98, 98, 98], "commit 3"),
        ([100, 97, 97, 97, 97, 97], "commit 1"),
        ([100, 100.1, 100.2, 100.2, 100.1, 95], "commit 5"),
        ([100, 100, 100, 100, None, None], "commit 4"),
        ([100, 100, 97, 97, "exit code 1", "exit code 1"], "commit 4"),
        ([100, "import", 100, 97, 97, 97], "commit 3"),
    ],
)
def test_the_first_commit_that_is_as_the_bad_one_is_found(
    root: Path, values: list[float | str | None], subject: str
) -> None:
    assert bisected(root, values)[0].revision.subject == subject


@pytest.mark.slow
def test_where_the_one_before_tells_nothing_both_are_named(root: Path) -> None:
    with pytest.raises(MapperError, match="one of 2 commits moved the case") as error:
        bisected(root, [100, 100, "import", 97, 97, 97])
    assert sorted(line.partition(" ")[2] for line in error.value.details) == ["commit 2", "commit 3"]


@pytest.mark.slow
def test_the_culprit_is_held_against_the_commit_before_it(root: Path) -> None:
    found, steps = bisected(root, [100, 100, 110, 110, 90, 90])
    change = found.verdict.changes[0]
    assert (change.before, change.after) == (110, 90)
    assert found.revision.author == "Ann <ann@x>"
    assert found.revision.date.startswith("2023-11-14T22:13:24")
    assert [step.revision.subject for step in steps][:2] == ["commit 0", "commit 5"]


@pytest.mark.slow
def test_neither_the_checkout_nor_a_bisection_of_the_users_own_is_touched(root: Path, place: Path) -> None:
    git(root, "bisect", "start", "c5", "c1")
    before = [git(root, *words) for words in (["rev-parse", "HEAD"], ["bisect", "log"], ["status", "--porcelain"])]
    bisected(root, [100, 100, 100, 98, 98, 98])
    after = [git(root, *words) for words in (["rev-parse", "HEAD"], ["bisect", "log"], ["status", "--porcelain"])]
    git(root, "bisect", "reset")
    assert before == after
    assert len(git(root, "worktree", "list").splitlines()) == 1
    assert list(place.iterdir()) == []


def test_nothing_is_left_behind_when_it_is_interrupted(
    root: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        assert len(git(root, "worktree", "list").splitlines()) == 2
        raise KeyboardInterrupt

    monkeypatch.setattr(Told, "answer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bisected(root, [])
    assert len(git(root, "worktree", "list").splitlines()) == 1
    assert list(place.iterdir()) == []


def test_a_case_that_is_the_same_at_both_is_told_with_its_values(root: Path) -> None:
    with pytest.raises(
        MapperError, match=r"the case is the same at both: throughput_per_s 100 at .*, throughput_per_s 100\.125 at "
    ):
        bisected(root, [100, 1, 1, 1, 1, 100.125])


def test_a_good_revision_without_an_answer_is_refused(root: Path) -> None:
    with pytest.raises(MapperError, match="the case has no answer: broken"):
        bisected(root, ["import", 1, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [("c5", "c0", "--good is the older one"), ("c1", "c1", "the same commit"), ("c9", "c1", "'c9' is no commit in"),
     ("--all", "c1", "'--all' is no commit in")],
)  # fmt: skip
def test_revisions_that_are_no_range_are_refused(root: Path, good: str, bad: str, complaint: str) -> None:
    with pytest.raises(UsageError) as error:
        bisected(root, [1] * COMMITS, good, bad)
    assert complaint in str(error.value)


def test_a_folder_without_a_repository_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a git repository"):
        Repository(tmp_path).revision("HEAD")


@pytest.mark.slow
def test_no_two_revisions_are_checked_out_in_one_second(root: Path) -> None:
    known = Repository(root)
    with known.worktree() as worktree:
        seconds = []
        for name in ("c1", "c2"):
            worktree.check_out(known.revision(name))
            assert (worktree.root / "notes").read_text() == f"{name[1]}\n"
            seconds.append(int((worktree.root / "notes").stat().st_mtime))
    assert seconds[0] < seconds[1]


def test_only_what_is_not_the_default_is_said_to_older_code(tmp_path: Path) -> None:
    workload = Workload(file="m.onnx", phases=["p: seq=1"], dims={"batch": 1}, mix={"a": 1, "b": 2})
    asked = Asked(objective="latency", seed=3, set=["a.b*=2"])
    asking = Asking(MappingCase("it", "m", workload, "t.yaml", asked), tmp_path, tmp_path, tmp_path)
    words = [word.removeprefix(f"{tmp_path}/") for word in asking.options]
    assert words == ["m.onnx", "--target", "t.yaml", "--phase", "p: seq=1", "--dim", "batch=1", "--mix", "a=1,b=2",
                     "--set", "a.b*=2", "--objective", "latency", "--seed", "3"]  # fmt: skip


def test_an_answer_is_of_the_parts_of_its_target_too(root: Path, tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    (tmp_path / "t.yaml").write_text("use: units/npu")
    asking = Asking(MappingCase("it", "m", Workload(file="m.onnx"), "t.yaml", Asked()), tmp_path, tmp_path, tmp_path)
    keys = set()
    for clock in ("1e9", "2e9", "1e9"):
        (tmp_path / "units" / "npu.yaml").write_text(f"clock_hz: {clock}")
        keys.add(asking.key(Repository(root), Repository(root).revision("c0")))
    assert len(keys) == 2


def test_what_a_revision_offers_is_found_as_if_it_were_installed(tmp_path: Path) -> None:
    code, place = tmp_path / "code", tmp_path / "place"
    code.mkdir()
    place.mkdir()
    text = (
        '[project]\nname = "het-map"\nversion = "7"\n[project.entry-points."mapper.passes"]\nold = "passes.old:Old"\n'
    )
    (code / "pyproject.toml").write_text(text)
    write_metadata(code, place)
    (found,) = distributions(path=[str(place)])
    assert (found.name, found.version) == ("het-map", "7")
    assert [(e.group, e.name, e.value) for e in found.entry_points] == [("mapper.passes", "old", "passes.old:Old")]


@pytest.mark.slow
def test_code_without_the_package_is_not_answered_by_what_is_installed(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "other")
    git(
        tmp_path / "other", "-c", "user.name=A", "-c", "user.email=a@x", "commit", "--quiet", "--allow-empty", "-mfirst"
    )
    known = Repository(tmp_path / "other")
    case = MappingCase("it", "m", Workload(file="m.onnx"), "edge-npu", Asked())
    with known.worktree() as worktree:
        asking = Asking(case, tmp_path, tmp_path, tmp_path / "kept")
        kept = tmp_path / "kept" / asking.key(known, known.revision("main")) / KEPT
        kept.parent.mkdir(parents=True)
        for broken in ('{"code": 0}', '{"code": 0, "reason": "", "kind": ""}', "[]"):  # without its plan; no answer
            kept.write_text(broken)
            found = asking.answer(worktree, known.revision("main"))
    assert (found.kind, found.record.reason) == ("import", "the revision has no package mapper")
