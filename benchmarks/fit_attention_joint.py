"""Fits one set of constants of prompts to all GPUs, for those never measured, and leaves out each GPU in turn.

Usage: python -m benchmarks.fit_attention_joint /path/to/measured prints the defaults of targets/models/flash.py and
writes a `prefill:` block into benchmarks/left_out/<target>.yaml for every measured GPU. What differs between GPUs is
what their data sheets say, and which library's tiles they run (benchmarks/attention_samples.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.attention_samples import Library, Sample, Tiles, samples
from benchmarks.fitting import Array, Constants, Range, fit
from benchmarks.left_out_files import write
from benchmarks.options import folder_options
from benchmarks.unit_files import flow
from targets.models.flash import PrefillFit

RANGES = {
    "launch_s": Range(9e-6, 1e-6, 3e-5),
    "alone_s": Range(3e-6, 1e-6, 1e-5),
    "tail": Range(0.6, 0.05, 1.0),
    "exposed": Range(0.3, 0.01, 1.0),
    "memory": Range(0.7, 0.2, 0.85),
    "l2": Range(17.0, 3.0, 64.0),
    "l2_reach": Range(1.0, 0.05, 8.0),
    "softmax_cycles": Range(0.25, 0.12, 2.0),
    "ops_per_joule": Range(4.6e11, 1e11, 2e12),
    "brief": Range(340.0, 50.0, 2000.0),
    "long": Range(640.0, 50.0, 2000.0),
    "block_cycles": Range(1200.0, 1.0, 20_000.0),
}
"""`alone_s` is the launch of a kernel without others before it; `brief` and `long` are `alone` of kernels with steps of
32 and 128 positions and blocks of 64 rows. A score takes a sixteenth of a cycle for its exponential and as much for
eight operations on the lanes, so `softmax_cycles` is no less than twice that."""

BRIEF, LONG = 32, 128
"""Positions of a step between which `alone` is interpolated by logarithms; more rows do as much more at once."""

WEIGHTS = {"a6000": 0.03, "rtx-pro-6000": 0.1}
"""LLMServingSim has a fiftieth of the points of AIConfigurator, all of one model."""

FAMILY = "f16"
"""The one type that more than one GPU was measured in."""


def block(x: Constants, library: Library, sizes: Sequence[int]) -> dict[str, Any]:
    """The constants as the fields of a PrefillFit, for the tiles of a library."""
    names = [n for n in RANGES if n in PrefillFit.model_fields and n != "launch_s"]
    start = {"launch_s": x["launch_s"]} if library.prepares else {"launch_s": x["alone_s"], "preparation": 0.0}
    kernels = {"kernels": _kernels(x, library.tiles, sizes), "short": _kernels(x, library.short, sizes)}
    return {**start, **{n: x[n] for n in names}, **{key: found for key, found in kernels.items() if found}}


def _kernels(x: Constants, tiles: Tiles, sizes: Sequence[int]) -> list[dict[str, Any]]:
    found = []
    for size in sizes:
        if size in tiles:
            rows, step = tiles[size]
            between = float(np.clip(np.log(step / BRIEF) / np.log(LONG / BRIEF), 0, 1))
            alone = x["brief"] ** (1 - between) * x["long"] ** between * rows / 64
            found.append(
                {"head_dim": size, "rows": rows, "step": step, "alone": alone, "block_cycles": x["block_cycles"]}
            )
    return found


def sizes_of(sample: Sample) -> list[int]:
    """Head dimensions that were measured."""
    return sorted({group.head_dim for group in sample.groups})


def errors(x: Constants, sample: Sample) -> Array:
    """Natural logarithms of predicted over measured seconds."""
    return sample.errors(PrefillFit(**block(x, sample.library, sizes_of(sample))))


def joint(train: Sequence[Sample]) -> dict[str, float]:
    """The constants of least weighted error on all samples."""
    counts = [sum(len(group.seconds) for group in s.groups) for s in train]
    weights = np.concatenate([np.full(n, WEIGHTS.get(s.target, 1.0) / n) for s, n in zip(train, counts, strict=True)])
    return fit(RANGES, lambda x: np.concatenate([errors(x, s) for s in train]), weights / weights.sum(), rounds=60)


def main(folder: Path) -> None:
    """Prints the joint constants and every device's error by those of the others, which it writes."""
    measured = samples(folder)
    found = [sample for sample in measured if sample.family == FAMILY]
    fitted = [sample for sample in found if not sample.held_out]
    mean = []
    for name in sorted({sample.target for sample in found}):
        x = joint([sample for sample in fitted if sample.target != name])
        own = [sample for sample in found if sample.target == name]
        wrong = np.concatenate([np.expm1(errors(x, sample)) for sample in own])
        mean.append(float(np.abs(wrong).mean()))
        print(f"without {name}: {mean[-1]:.1%} of {len(wrong)} ({wrong.mean():+.1%})", flush=True)
        sizes = sorted(own[0].library.tiles)
        families = [FAMILY, *sorted({s.family for s in measured if s.target == name and s.family != FAMILY})]
        write(name, {"prefill": {family: block(x, own[0].library, sizes) for family in families}})
    x = joint(fitted)
    print(f"joint; devices left out: {np.mean(mean):.1%} on average\n  {flow(x)}")
    for sample in found:
        wrong = np.expm1(errors(x, sample))
        side = "held out" if sample.held_out else "fitted"
        print(f"  {sample.target}: {side} {np.abs(wrong).mean():.1%} of {len(wrong)} ({wrong.mean():+.1%})")


if __name__ == "__main__":
    main(folder_options(__doc__).folder)
