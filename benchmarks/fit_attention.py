"""Fits the constants of attention over a prompt for every GPU it was measured on, with held-out errors.

Usage: python benchmarks/fit_attention.py /path/to/measured [TARGET...] prints a `prefill:` block for each unit file.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fit_gemm import MOST, block, work_of
from benchmarks.fitting import Array, Constants, Range, fit
from benchmarks.measured import aiconfigurator
from benchmarks.measured.points import Point
from mapper.cost.pricing import feed_of
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from mapper.hw.work import TICKS_PER_SECOND, Feed, Work
from targets.models.flash import PrefillFit
from targets.models.gpu import Gpu

FITTED = "prefill bf16"
"""The one type that every device has; other types and windows are reported by benchmarks/fidelity.py."""

RANGES = {
    "start_s": Range(5e-6, 1e-8, 5e-5),
    "matrix": Range(0.6, 0.05, 1.0),
    "lanes": Range(0.25, 0.02, 1.0),
    "block_s": Range(5e-7, 1e-9, 2e-5),
    "memory": Range(0.8, 0.2, 1.1),
    "l2_reach": Range(0.1, 0.01, 4.0),
}


@dataclass(frozen=True)
class Sample:
    """Attention of one GPU: its unit model, the pieces of work with what feeds them, and the measured seconds."""

    model: Gpu
    asked: tuple[tuple[Work, Feed], ...]
    seconds: Array

    def errors(self, x: Constants) -> Array:
        """Natural logarithms of predicted over measured seconds."""
        model = self.model.model_copy(update={"prefill": PrefillFit(**x)})
        ticks = np.array([model.cost(work, feed).ticks for work, feed in self.asked], dtype=np.float64)
        return np.log(ticks / TICKS_PER_SECOND / self.seconds)

    def thinned(self) -> Sample:
        """At most MOST points, the same ones on every run."""
        pick = np.random.default_rng(0).permutation(len(self.seconds))[:MOST]
        return Sample(self.model, tuple(self.asked[i] for i in pick), self.seconds[pick])


def samples(folder: Path) -> dict[tuple[str, bool], Sample]:
    """Measured prompts by target and side of the split."""
    groups: defaultdict[tuple[str, bool], list[Point]] = defaultdict(list)
    for point in aiconfigurator.points(folder):
        if point.op == FITTED:
            groups[str(point.columns["target"]), point.held_out].append(point)
    return {key: _sample(key[0], points) for key, points in sorted(groups.items()) if key[0] in target_names()}


def _sample(name: str, points: Sequence[Point]) -> Sample:
    target = load_target(name)
    unit, model = next((u, u.model) for u in target.units if isinstance(u.model, Gpu))
    works = [work_of(point) for point in points]
    return Sample(model, tuple((w, feed_of(target, unit, w)) for w in works), np.array([p.seconds for p in points]))


def main(folder: Path, names: Sequence[str]) -> None:
    """Prints the constants of each device and their errors."""
    found = samples(folder)
    for name in names or sorted({name for name, _ in found}):
        thin = found[name, False].thinned()
        x = fit(RANGES, thin.errors, np.full(len(thin.seconds), 1 / len(thin.seconds)))
        for held_out, side in ((False, "fitted"), (True, "held out")):
            errors = np.expm1(found[name, held_out].errors(x))
            print(f"{name}: {side} {np.abs(errors).mean():.1%} of {len(errors)} ({np.median(errors):+.0%})")
        print(f"  prefill: {block(x)}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
