"""What a run took, beside what the plan says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from mapper.emit.manifest import Manifest
from mapper.runtime.flow import Record
from mapper.runtime.program import Program
from mapper.runtime.speed import interval_at, latencies_at, speed_of

LEAST_REQUESTS = 4
"""Requests that it takes for a rate."""


@dataclass(frozen=True)
class PhaseTime:
    """Median time of a call, from its first step to its last. whole_s: that of the whole model; None if it did not run.
    predicted_s: what the plan says of one call alone. predicted_now_s: the same at the speed that the machine had."""

    name: str
    calls: int
    measured_s: float
    whole_s: float | None
    predicted_s: float
    predicted_now_s: float


@dataclass(frozen=True)
class Measured:
    """Times of a run. request_s: median of a request. rate: requests per second in steady state, None for few.
    whole_rate: that of the whole model, one request after the other. busy: share of the run, by place. steps: how many
    ran. gap_s: median time from the end of a step to the start of the next that ended in its call, 0 where they
    overlap. speed: of the machine over that which it was calibrated at, None where that is not known; what is predicted
    `now` is so at that speed."""

    phases: tuple[PhaseTime, ...]
    request_s: float
    whole_s: float | None
    predicted_s: float
    rate: float | None
    predicted_rate: float
    busy: tuple[float, ...]
    steps: int
    gap_s: float
    speed: float | None = None
    predicted_rate_now: float = 0.0

    @property
    def predicted_now_s(self) -> float:
        """What a request takes at the speed that the machine had."""
        return sum(p.calls * p.predicted_now_s for p in self.phases)

    @property
    def whole_rate(self) -> float | None:
        """Requests per second of the whole model, one after the other."""
        return 1 / self.whole_s if self.whole_s else None


def measured(
    manifest: Manifest,
    program: Program,
    record: Record,
    inflight: int,
    whole: Mapping[int, Sequence[float]],
    probes: Sequence[float] = (),
) -> Measured:
    """The times of a run. whole: seconds of the whole model's calls by phase. probes: of the machine's speed."""
    speed = speed_of(manifest, probes)
    now = latencies_at(manifest, speed or 1.0)
    calls: dict[int, list[float]] = {}
    for call in record.calls:
        calls.setdefault(call.part, []).append((call.end_ns - call.start_ns) / 1e9)
    phases = tuple(
        PhaseTime(
            part.line.name,
            sum(index == k for index, _ in program.calls),
            median(calls[k]),
            median(whole[k]) if whole.get(k) else None,
            part.line.latency_s,
            now[k],
        )
        for k, part in enumerate(program.parts)
        if k in calls
    )
    wholes = [(p.calls, p.whole_s) for p in phases]
    requests = sorted(record.requests.values(), key=lambda request: request[1])
    complete = len(program.calls) == _planned(manifest)
    busy = [0] * len(program.places)
    for step in record.steps:
        busy[step.place] += step.end_ns - step.start_ns
    return Measured(
        phases,
        median((b - a) / 1e9 for a, b in record.requests.values()),
        None if any(s is None for _, s in wholes) else sum(n * (s or 0) for n, s in wholes),
        sum(p.calls * p.predicted_s for p in phases),
        _rate(requests, inflight),
        _per_second(manifest.interval_s) if complete else 0.0,
        tuple(b / max(1, _spent(requests, 0, inflight)) for b in busy),
        len(record.steps),
        _gap(record),
        speed,
        _per_second(interval_at(manifest, speed or 1.0)) if complete else 0.0,
    )


def _per_second(interval_s: float) -> float:
    return 1 / interval_s if interval_s else 0.0


def _planned(manifest: Manifest) -> int:
    return sum(part.calls for part in manifest.phases)


def _rate(requests: Sequence[tuple[int, int]], inflight: int) -> float | None:
    """Requests per second after those that filled the pipeline."""
    if len(requests) < LEAST_REQUESTS:
        return None
    skipped = max(1, min(inflight, len(requests) // 2))
    return (len(requests) - skipped) / max(1, _spent(requests, skipped, inflight)) * 1e9


def _spent(requests: Sequence[tuple[int, int]], skipped: int, inflight: int) -> int:
    """Nanoseconds after the first ones, by their ends; looks at the machine's speed, which stand between requests that
    go one after the other, are no part of it."""
    if inflight == 1:
        return sum(end - start for start, end in requests[skipped:])
    start = requests[skipped - 1][1] if skipped else min(start for start, _ in requests)
    return requests[-1][1] - start


def _gap(record: Record) -> float:
    """Median time between a step and the next of its call: what handing on costs where steps stand in a row."""
    last: dict[tuple[int, int, int], int] = {}
    gaps = []
    for step in record.steps:
        key = (step.request, step.part, step.call)
        if key in last:
            gaps.append(max(0, step.start_ns - last[key]))
        last[key] = step.end_ns
    return median(gaps) / 1e9 if gaps else 0.0
