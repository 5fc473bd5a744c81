from __future__ import annotations

import subprocess
import sys

import pytest

from mapper.errors import UsageError
from mapper.frontend.phases import PhaseSpec, parse_phase


def test_a_phase_has_a_name_sizes_ranges_and_calls() -> None:
    assert parse_phase("decode: batch=1 past=512..639 calls=7") == PhaseSpec(
        "decode", (("batch", (1, 1)), ("past", (512, 639))), 7
    )


def test_calls_default_to_the_length_of_the_range() -> None:
    assert parse_phase("decode: past=512..639").calls_or_length == 128
    assert parse_phase("prefill: seq=16").calls_or_length == 1


def test_a_phase_remembers_what_was_asked_for() -> None:
    assert parse_phase("d: batch=2, past=3..9").given == (("batch", "2"), ("past", "3..9"))


@pytest.mark.parametrize(("low", "high"), [(512, 639), (0, 1), (0, 2), (7, 10), (0, 1000)])
def test_the_samples_of_a_range_have_its_exact_mean(low: int, high: int) -> None:
    samples, shares = parse_phase(f"d: past={low}..{high}").samples()
    sizes = [sample["past"] for sample in samples]
    assert (sizes[0], sizes[-1]) == (low, high)
    assert sum(shares) == pytest.approx(1, abs=1e-12)
    assert all(share > 0 for share in shares)
    assert sum(s * x for s, x in zip(shares, sizes, strict=True)) == pytest.approx((low + high) / 2, abs=1e-9)


def test_a_fixed_phase_has_one_sample() -> None:
    assert parse_phase("p: seq=16").samples() == (({"seq": 16},), (1.0,))


def test_ranges_of_one_phase_step_together() -> None:
    samples, _ = parse_phase("d: past=10..20 total=11..21").samples()
    assert [(s["past"], s["total"]) for s in samples] == [(10, 11), (15, 16), (20, 21)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("decode", "does not start with a name and a colon"),
        (": seq=1", "does not start with a name and a colon"),
        ("d: seq", "cannot read 'seq'"),
        ("d: seq=-4", "cannot read 'seq=-4'"),
        ("d: seq=1...3", "cannot read"),
        ("d: past=9..3", "runs backwards"),
        ("d: seq=1 seq=2", "twice"),
        ("d: calls=0", "not a count"),
        ("d: calls=1..3", "not a count"),
        ("d: past=0..9 total=0..5", "same length"),
    ],
)
def test_a_phase_that_cannot_be_read_is_refused_with_the_form(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        parse_phase(text)
    assert caught.value.hint


def test_reading_phases_does_not_load_onnx() -> None:
    code = "import sys, mapper.frontend.phases, mapper.frontend; sys.exit('onnx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
