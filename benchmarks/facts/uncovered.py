"""Rows that nothing here can answer, and why."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.facts.rows import Fact, Kind, Uncovered

REASONS = {
    "MLP-GPTJ-Orin": "the library has no Jetson AGX Orin: its figures are recalled, and its two DLAs are not published",
    "CALC-175B-train": "training: graphs here are those of inference",
    "CER-8B": "the library has no wafer-scale chip: 44 GB of SRAM in 900,000 cores are no unit model's",
    "CER-405B": "the library has no wafer-scale chip: 44 GB of SRAM in 900,000 cores are no unit model's",
}


def _why(fact: Fact) -> Iterator[Uncovered]:
    yield Uncovered(REASONS[fact.name])


UNCOVERED = Kind(frozenset(REASONS), _why)
