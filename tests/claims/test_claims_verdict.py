"""A figure is reproduced within its tolerance, left open where only its band reaches what is said, else it differs."""

from __future__ import annotations

import pytest

from mapper.claims.claim import Claim, Published
from mapper.claims.found import Figure, Found
from mapper.claims.verdict import Checked, Said, checked, unchecked
from mapper.claims.words import found, said


def held(figure: Figure, **published: object) -> Checked:
    return checked(claim_of(a=Published.model_validate(published)), {"a": "s"}, Found({"a": figure}))


def claim_of(**published: Published) -> Claim:
    fields = {"id": "c", "claim": "so", "source": "assumed", "check": {"support": {}}}
    return Claim.model_validate(fields).model_copy(update={"published": published})


@pytest.mark.parametrize(
    ("value", "published", "words"),
    [
        (2.0, {"value": 2.0}, "reproduced"),
        (2.1, {"value": 2.0}, "reproduced within 5 %"),
        (2.0001, {"value": 2.0}, "reproduced within 0.1 %"),
        (2.5, {"value": 2.0}, "differs (+25 %)"),
        (6.0, {"value": 2.0}, "differs (3 x what is said)"),
        (2.5, {"low": 2.0, "high": 3.0}, "reproduced, inside what is said"),
        (3.2, {"low": 2.0, "high": 3.0}, "reproduced within 7 %"),
        (1.0, {"low": 2.0}, "differs (0.5 x what is said)"),
        (-1.0, {"value": 2.0}, "differs (inf x what is said)"),
    ],
)
def test_verdicts_say_how_far_a_figure_is(value: float, published: dict[str, float], words: str) -> None:
    assert held(Figure(value), **published).verdicts[0].words == words


def test_a_band_that_reaches_what_is_said_leaves_it_open() -> None:
    found = held(Figure(3.0, 1.9, 4.0), value=2.0)
    assert found.verdicts[0].words == "left open (+50 %; its range reaches what is said)"
    assert found.said is Said.OPEN
    assert held(Figure(0.7, 0.4, 1.4), low=1.0).said is Said.OPEN
    assert held(Figure(3.0, 2.1, 4.0), value=2.0).said is Said.DIFFERS


def test_a_claim_is_as_its_worst_figure() -> None:
    claim = claim_of(a=Published(value=1), b=Published(value=1), c=Published(value=1))
    units = dict.fromkeys("abc", "")
    assert checked(claim, units, Found({"a": Figure(1), "b": Figure(9), "c": Figure(1)})).said is Said.DIFFERS
    missing = checked(claim, units, Found({"a": Figure(1), "b": Figure(9)}, why_not={"c": "no peak"}))
    assert missing.said is Said.UNCHECKED
    assert missing.verdicts[2].because == "no peak"


def test_a_claim_without_published_figures_is_a_question() -> None:
    assert checked(claim_of(), {"a": ""}, Found({"a": Figure(1)})).said is Said.ANSWERED
    assert unchecked(claim_of(), {"a": ""}, "no model").said is Said.UNCHECKED


def test_figures_are_told_with_their_units_and_ends() -> None:
    verdict = held(Figure(0.226, 0.19, 0.303), value=0.35).verdicts[0]
    assert (said(verdict), found(verdict)) == ("350 ms", "226 ms (190 ms to 303 ms)")
