"""A file of claims is read whole or refused, with the line and column of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapper.claims.read import read_claims
from mapper.errors import TargetError

CLAIM = """schema: 1
name: one
questions:
  q: {model: m.onnx, target: TARGET}
claims:
  - id: c
    claim: Something is so.
    source: "SOURCE"
    check: {CHECK}
    published:
      PUBLISHED
"""
GOOD = {
    "TARGET": "superhet",
    "SOURCE": "someone (recalled)",
    "CHECK": "support: {questions: [q]}",
    "PUBLISHED": "runs: {low: 1}",
}


def written(folder: Path, **changes: str) -> Path:
    text = CLAIM
    for name, words in {**GOOD, **changes}.items():
        text = text.replace(name, words)
    (folder / "claims.yaml").write_text(text, encoding="utf-8")
    return folder / "claims.yaml"


def test_a_right_file_is_read(tmp_path: Path) -> None:
    found = read_claims(written(tmp_path))
    assert [claim.id for claim in found.chosen([])] == ["c"]
    assert found.models == ["m.onnx"]


@pytest.mark.parametrize(
    ("part", "words", "where", "said"),
    [
        ("CHECK", "suport: {questions: [q]}", "9:13", "did you mean 'support'?"),
        ("CHECK", "support: {question: [q]}", "9:22", "missing key 'questions'"),
        ("CHECK", "support: {questions: [p]}", "9:13", "no question 'p'; there are: q"),
        ("CHECK", "stages: {deal: q, per_board: 0}", "9:42", "'per_board'"),
        ("TARGET", "superhat", "4:30", "did you mean 'superhet'"),
        ("TARGET", "superhet, batch: 0", "4:47", "batch"),
        ("TARGET", "superhet, objective: fast", "4:51", "fast"),
        ("TARGET", "superhet, precision: int9", "4:51", "no precision 'int9'; did you mean 'int8'"),
        ("TARGET", "superhet, pipeline: nix", "4:50", "nix"),
        ("TARGET", "superhet, set: [gpu0]", "4:46", "gpu0"),
        ("TARGET", 'superhet, phases: ["x x"]', "4:49", "does not start with a name and a colon; write NAME"),
        ("PUBLISHED", "run: {low: 1}", "11:7", "no figure 'run'; did you mean 'runs'?"),
        ("PUBLISHED", "runs: {low: 1, unit: s}", "11:7", "'runs' has no unit, not in 's'"),
        ("PUBLISHED", "runs: {value: 1, low: 1}", "11:13", "give `value`, or `low`, `high` or both"),
        ("PUBLISHED", "runs: {low: 2, high: 1}", "11:13", "`low` 2 is above `high` 1"),
        ("SOURCE", "someone", "8:13", "measured, read, derived, recalled, assumed"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, part: str, words: str, where: str, said: str) -> None:
    path = written(tmp_path, **{part: words})
    with pytest.raises(TargetError) as problem:
        read_claims(path)
    assert str(problem.value).startswith(f"{path}:{where}: ")
    assert said in str(problem.value)


def test_a_range_holds_its_value(tmp_path: Path) -> None:
    days = "training: {parameters: {value: 1, range: [2, 3], source: assumed}}"
    with pytest.raises(TargetError, match=r"the range 2\.\.3 does not hold 1"):
        read_claims(written(tmp_path, CHECK=days))
