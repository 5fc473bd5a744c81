"""Fits the products of ARM CPUs that DeepBench measured: python -m benchmarks.fit_cpu MEASURED prints the constants."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.measured import deepbench
from benchmarks.options import folder_options
from mapper.cost.pricing import Question
from mapper.cost.rows import question_of
from mapper.hw.load import load_target
from mapper.hw.work import Feed, Work
from targets.calibration.fits import with_constants
from targets.fitting import Array, Constants, Range, fit
from targets.models.cpu import Cpu
from targets.models.multicore import core_seconds

DEVICES = ("raspberry-pi-3", "iphone-6")
RANGES = {
    "products.i8.compute": Range(0.4, 0.02, 1.2),
    "products.i8.rows": Range(1.0, 0.01, 60),
    "products.i8.columns": Range(5.0, 0.01, 200),
    "products.i8.k_overhead": Range(5.0, 0.1, 1000),
}


def main(folder: Path) -> None:
    """Prints constants and mean errors on both sides of the split, device by device."""
    points = list(deepbench.points(folder))
    for device in DEVICES:
        mine = [p for p in points if p.columns["target"] == device]
        asked = [question_of({name: str(cell) for name, cell in p.columns.items()}) for p in mine]
        works = [q.what for q in asked if isinstance(q, Question) and isinstance(q.what, Work)]
        held_out = np.array([p.held_out for p in mine])
        seconds = np.array([p.seconds for p in mine])
        target = load_target(device)
        unit = target.unit["cpu"].model
        assert isinstance(unit, Cpu)
        bandwidth = target.memories[0].bandwidth_bytes_per_s
        feed = Feed(bandwidth, bandwidth)
        weights = ~held_out / (~held_out).sum()

        def ratios(
            x: Constants, unit: Cpu = unit, works: list[Work] = works, seconds: Array = seconds, feed: Feed = feed
        ) -> Array:
            found: Array = core_seconds(works, feed, with_constants(unit, x).multicore)[0] / seconds
            return found

        constants = fit(RANGES, lambda x, ratios=ratios: np.log(ratios(x)), weights)
        error = np.abs(ratios(constants) - 1)
        print(f"{device}: fitted {error[~held_out].mean():.1%}, held out {error[held_out].mean():.1%}")
        print("  " + ", ".join(f"{name.split('.')[-1]}: {value:.3g}" for name, value in constants.items()))


if __name__ == "__main__":
    main(folder_options(__doc__).folder)
