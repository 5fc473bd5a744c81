"""How fast the machine computes beside the speed it was calibrated at, and what a plan takes at that speed."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from mapper.emit.manifest import Manifest
from mapper.runtime.jobs import Setup
from mapper.runtime.probe import Probe

MOST_CORES = 8
"""Cores that are probed at most, where workers are not pinned."""


class Watch:
    """Probes the machine while a plan of a target that was measured on it runs; else it does nothing."""

    def __init__(self, manifest: Manifest, setups: Sequence[Setup], *, here_alone: bool) -> None:
        wanted = manifest.probe_s > 0 and is_this_machine(manifest)
        self._probe = Probe() if wanted else None
        self._cores = () if here_alone else _cores(setups)
        self.seconds: list[float] = []

    def look(self) -> None:
        """Take the probe's time now."""
        if self._probe is not None:
            self.seconds.append(self._probe.seconds_on(self._cores))


def _cores(setups: Sequence[Setup]) -> tuple[int, ...]:
    """The cores that workers have, or may have."""
    own = sorted({core for setup in setups for core in setup.cores})
    there = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return tuple(own or there[:MOST_CORES])


def speed_of(manifest: Manifest, probes: Sequence[float]) -> float | None:
    """Speed over that of the calibration; None without probes."""
    return manifest.probe_s / median(probes) if probes and manifest.probe_s else None


def latencies_at(manifest: Manifest, speed: float) -> tuple[float, ...]:
    """Planned seconds of a call of each phase at a speed."""
    planned = tuple(part.latency_s for part in manifest.phases)
    rows = [(line.speed, line.latencies_s) for line in manifest.speeds] + [(1.0, planned)]
    return tuple(_between([(s, row[k]) for s, row in rows], speed) for k in range(len(planned)))


def interval_at(manifest: Manifest, speed: float) -> float:
    """Planned seconds between requests at a speed."""
    return _between([(line.speed, line.interval_s) for line in manifest.speeds] + [(1.0, manifest.interval_s)], speed)


def _between(points: Sequence[tuple[float, float]], speed: float) -> float:
    """Straight lines over 1 / speed, the outermost ones drawn on."""
    rows = sorted((1 / s, seconds) for s, seconds in points)
    if len(rows) < 2:
        return rows[0][1]
    x = 1 / speed
    (a, low), (b, high) = next((p for p in pairwise(rows) if x <= p[1][0]), (rows[-2], rows[-1]))
    return max(0.0, low + (high - low) * (x - a) / (b - a))


def is_this_machine(manifest: Manifest) -> bool:
    """Whether the target was measured on a processor of this name (`mapper calibrate` records it)."""
    return is_of_this_processor(manifest.about)


def is_of_this_processor(about: str) -> bool:
    """Whether what a target says of itself begins with the name of this machine's processor."""
    name = _processor()
    return bool(name) and about.startswith(f"{name},")


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    fields = dict(reversed([line.split(":", 1) for line in text.splitlines() if ":" in line]))
    found = {key.strip(): value.strip() for key, value in fields.items()}
    return found.get("model name") or found.get("Hardware") or platform.machine()
