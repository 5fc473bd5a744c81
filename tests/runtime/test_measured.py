from __future__ import annotations

from pathlib import Path

import pytest
from folders import growing

from mapper.emit.manifest import load
from mapper.runtime import speed as module
from mapper.runtime.flow import CallTime, Record, StepTime
from mapper.runtime.measured import measured
from mapper.runtime.program import program_of
from mapper.runtime.speed import interval_at, is_this_machine, latencies_at

SECOND = 10**9


def record(requests: int) -> Record:
    """Requests that leave a second apart; each call takes 2 s, its step on the first place half of that."""
    found = Record()
    for r in range(requests):
        start = r * SECOND
        for at, (part, call) in enumerate(((0, 0), (1, 0), (1, 1), (1, 2))):
            begin = start + 2 * at * SECOND
            found.calls.append(CallTime(r, part, call, begin, begin + 2 * SECOND))
            found.steps.append(StepTime(r, part, call, 0, 0, begin, begin + SECOND))
        found.requests[r] = (start, start + 8 * SECOND)
    return found


def test_a_phase_has_the_median_of_its_calls_beside_those_of_the_whole_model(tmp_path: Path) -> None:
    manifest = load(growing(tmp_path))
    found = measured(manifest, program_of(manifest), record(1), 1, {0: [1.0], 1: [0.5, 3.0, 0.25]})
    assert [(p.name, p.calls, p.measured_s, p.whole_s) for p in found.phases] == [
        ("fill", 1, 2.0, 1.0),
        ("grow", 3, 2.0, 0.5),
    ]
    assert (found.request_s, found.whole_s, found.whole_rate) == (8.0, 2.5, 0.4)
    assert found.busy == (0.5, 0.0)


def test_the_rate_leaves_out_what_fills_the_pipeline_and_needs_some_requests(tmp_path: Path) -> None:
    manifest = load(growing(tmp_path))
    rates = [measured(manifest, program_of(manifest), record(n), 2, {}).rate for n in (3, 8)]
    assert rates[0] is None
    assert rates[1] == pytest.approx(1.0)


def test_without_the_whole_model_there_are_no_times_of_it(tmp_path: Path) -> None:
    manifest = load(growing(tmp_path))
    found = measured(manifest, program_of(manifest), record(1), 1, {})
    assert found.whole_s is found.whole_rate is None


def test_a_target_is_this_machine_if_it_was_measured_on_its_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = load(growing(tmp_path))
    about = manifest.model_copy(update={"about": "Fast CPU 9, 2 cores with AVX2, measured."})
    monkeypatch.setattr(module, "_processor", lambda: "Fast CPU 9")
    assert is_this_machine(about)
    assert not is_this_machine(manifest)
    monkeypatch.setattr(module, "_processor", lambda: "Fast CPU")
    assert not is_this_machine(about)
    monkeypatch.setattr(module, "_processor", lambda: "")
    assert not is_this_machine(about)


def test_times_at_another_speed_lie_between_those_of_the_manifest(tmp_path: Path) -> None:
    manifest = load(growing(tmp_path))
    one = tuple(part.latency_s for part in manifest.phases)
    half = {"speed": 0.5, "latencies_s": tuple(2 * t for t in one), "interval_s": 2 * manifest.interval_s}
    known = manifest.model_validate(manifest.model_dump(by_alias=True) | {"probe_s": 1e-3, "speeds": [half]})
    assert latencies_at(known, 1.0) == pytest.approx(one)
    assert latencies_at(known, 2 / 3) == pytest.approx([1.5 * t for t in one])
    assert latencies_at(known, 0.25) == pytest.approx([4 * t for t in one])
    assert interval_at(known, 0.5) == pytest.approx(2 * manifest.interval_s)
    found = measured(known, program_of(known), record(1), 1, {}, probes=[2e-3, 2e-3, 9e-3])
    assert found.speed == 0.5
    assert [p.predicted_now_s for p in found.phases] == pytest.approx([2 * t for t in one])
    assert found.predicted_now_s == pytest.approx(2 * found.predicted_s)


def test_without_a_probe_the_times_stay_those_of_the_plan(tmp_path: Path) -> None:
    manifest = load(growing(tmp_path))
    found = measured(manifest, program_of(manifest), record(1), 1, {})
    assert found.speed is None
    assert found.predicted_now_s == found.predicted_s


def test_looks_at_the_speed_between_single_requests_are_no_part_of_the_rate(tmp_path: Path) -> None:
    manifest = load(growing(tmp_path))
    apart = record(4)
    apart.requests = {r: (20 * r * SECOND, (20 * r + 8) * SECOND) for r in range(4)}
    found = measured(manifest, program_of(manifest), apart, 1, {})
    assert found.rate == pytest.approx(1 / 8)
    assert found.busy[0] == pytest.approx(0.5)
