"""Measured latencies of public sources as rows that `mapper cost --csv` prices; one file for each source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measured import aiconfigurator, deepbench, llmcompass, llmservingsim, neusight, vidur
from benchmarks.measured.points import Point

SOURCES = (vidur, aiconfigurator, llmcompass, llmservingsim, neusight, deepbench)


def points(folder: Path) -> Iterator[Point]:
    """Every measured latency below the folder."""
    for source in SOURCES:
        yield from source.points(folder)
