"""Published operating points of compute-in-memory macros (facts/cim_macros.csv) as rates that a target must reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measured.points import Columns, records

RATE_METRICS = {"TOPS": "TOPS", "TOPS_48core": "TOPS", "TOPS_per_W": "TOPS/W", "fJ_per_MAC": "TOPS/W"}
"""Metrics that a price answers: arithmetic rate, and operations per joule."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One published figure, in operations per second or per joule, and the row whose price must give it."""

    device: str
    condition: str
    metric: str
    value: float
    columns: Columns


def rates(folder: Path) -> Iterator[Rate]:
    """The operating points that say how quick or how frugal a macro is; a target stands for a macro at a voltage."""
    for row in records(folder / "cim_macros.csv"):
        if row["metric"] not in RATE_METRICS:
            continue
        value = float(row["published_value"])
        per_joule = 2e15 / value if row["metric"] == "fJ_per_MAC" else value * 1e12
        columns = {
            "target": _target(row["device"], row["condition"]),
            "kind": "matmul",
            "m": 4096,
            "n": 256,
            "k": 256,
            "dtype": _dtype(row["condition"]),
        }
        yield Rate(row["device"], row["condition"], RATE_METRICS[row["metric"]], per_joule, columns)


def _target(device: str, condition: str) -> str:
    """The name of the target: the macro, with the voltage where it was measured at several."""
    volts = re.search(r"(\d\.\d)V", condition)
    name = device.replace("_", "-")
    return f"{name}-{volts.group(1).replace('.', 'v')}" if volts else name


def _dtype(condition: str) -> str:
    """The type of the inputs: the number of bits before the weights', as in 8b8b and in4b."""
    bits = re.search(r"(\d+)b", condition)
    return f"i{bits.group(1)}" if bits and bits.group(1) in ("2", "4", "8", "16") else "i8"
