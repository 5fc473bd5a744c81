"""Checked claims as text and as a page: the verdict first, figures beside what is said, and no line too wide."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mapper.claims.claim import Claim, ClaimsFile
from mapper.claims.found import Figure, Found, Table
from mapper.claims.page import markdown
from mapper.claims.screen import screen
from mapper.claims.verdict import Checked, checked, unchecked

UNITS = {"seconds": "s", "utilisation": "", "ratio": "x"}
LONG = "it is limited by the memory, whose bandwidth is what all of its weights pass for every token that is made"


def claims() -> tuple[Checked, ...]:
    fields = {"claim": "A token takes a second | or so.", "source": "a <talk> (recalled)", "check": {"generation": {}}}
    published = {
        "seconds": {"value": 1, "unit": "s"},
        "utilisation": {"low": 0.03, "high": 0.05},
        "ratio": {"low": 2, "unit": "x"},
    }
    first = Claim.model_validate(
        {"id": "a-token", **fields, "published": published, "beyond": "No one knows the batch."}
    )
    table = Table("by batch", ("batch", "limited by", "tokens/s"), (("1", LONG, "12"), ("16", "matrix cores", "192")))
    figures = {"seconds": Figure(1.02, 0.8, 1.3), "utilisation": Figure(0.011, 0.009, 0.013), "ratio": Figure(1525.4)}
    found = Found(figures, {"utilisation": LONG}, ("1 + 1 = 2",), (table,), ("chip: assumed; throughput ± 30 %",))
    second = Claim.model_validate({"id": "no-model", **fields})
    third = Claim.model_validate({"id": "a-question", **fields})
    return (
        checked(first, UNITS, found),
        unchecked(second, UNITS, "no model gpt5.onnx in out/models", "make claims builds all models"),
        checked(third, UNITS, Found({"ratio": Figure(2.0)})),
    )


def test_claims_are_told_as_before(golden: Callable[[str, str], None]) -> None:
    golden("claims-screen.txt", screen(claims()))
    file = ClaimsFile.model_validate({"schema": 1, "name": "some", "claims": [c.claim for c in claims()]})
    golden("claims-page.md", markdown(file, claims()))


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(len(line) for line in screen(claims(), width).splitlines()) <= min(width, 140)


def test_columns_that_have_no_room_follow_below_with_the_name_of_each_row() -> None:
    names = tuple(f"column {k}" for k in range(10))
    table = Table("by chip", ("chip", *names), (("a100", *map(str, range(10))), ("h100", *map(str, range(10, 20)))))
    told = screen((checked(claims()[2].claim, UNITS, Found({"ratio": Figure(2.0)}, tables=(table,))),), 60).splitlines()
    assert max(map(len, told)) <= 60
    assert sum(line.split()[:1] == ["h100"] for line in told) == 2
    cells = " ".join(line for line in told if line.split()[:1] == ["h100"]).split()
    assert [cell for cell in cells if cell != "h100"] == [*map(str, range(10, 20))]


def test_briefly_there_are_figures_and_verdicts_only() -> None:
    told = screen(claims(), brief=True)
    assert "reproduced within 2 %" in told
    assert not any(words in told for words in ("by batch", "rests on", "said by", "1 + 1"))
