"""Fits the constants of attention over a prompt for every GPU it was measured on, with held-out errors.

Usage: python -m benchmarks.fit_attention /path/to/measured [TARGET...] writes the `prefill:` block of each unit file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.attention_samples import Library, Sample, samples
from benchmarks.fitting import Array, Constants, Range, fit
from benchmarks.options import folder_options
from benchmarks.unit_files import flow, replace_block, rounded
from targets.models.flash import PrefillFit

DEVICE = {
    "launch_s": Range(8e-6, 1e-6, 3e-5),
    "tail": Range(0.6, 0.05, 1.0),
    "exposed": Range(0.3, 0.01, 1.0),
    "memory": Range(0.7, 0.2, 1.1),
    "l2": Range(17.0, 3.0, 64.0),
    "l2_reach": Range(1.0, 0.05, 8.0),
}
"""Constants of a device and a number type; bounds are physical."""

KERNEL = {
    "full": Range(0.45, 0.05, 1.0),
    "alone": Range(500.0, 50.0, 2000.0),
    "block_cycles": Range(1000.0, 1.0, 20_000.0),
}
"""Constants of a kernel."""

SHORT = "short"
"""How fast kernels for short caches are, relative to those for long ones."""

SAME_CHIP = {"gpu-a100-80": ("gpu-a100-pcie-40",)}
"""Units that take the constants of another."""

STARTS = 6
"""Starting points of a fit: the best is kept, as the error has kinks."""


def ranges(library: Library, sizes: Iterable[int]) -> dict[str, Range]:
    """The constants to fit where heads of those sizes were measured."""
    own = {f"{size}.{name}": r for size in sizes for name, r in KERNEL.items()}
    device = DEVICE if library.prepares else {name: DEVICE[name] for name in ("launch_s", "tail", "exposed")}
    short = {SHORT: Range(0.7, 0.2, 2.0)} if any(size in library.short for size in sizes) else {}
    return {**device, **own, **short}


def block(x: Constants, library: Library, sizes: Iterable[int]) -> dict[str, Any]:
    """The constants as the fields of a PrefillFit."""
    kernels = [_kernel(x, size, library.tiles[size]) for size in sizes]
    short = [_kernel(x, size, library.short[size], x[SHORT]) for size in sizes if size in library.short]
    known = rounded({name: x[name] for name in DEVICE if name in x})
    known |= {} if library.prepares else {"preparation": 0.0}
    return {**known, "kernels": kernels, **({"short": short} if short else {})}


def _kernel(x: Constants, size: int, tile: tuple[int, int], speed: float = 1.0) -> dict[str, Any]:
    speeds = {name: x[f"{size}.{name}"] * speed for name in ("full", "alone")}
    own = rounded({**speeds, "block_cycles": x[f"{size}.block_cycles"]})
    return {"head_dim": size, "rows": tile[0], "step": tile[1], **own}


def fitted(sample: Sample, sizes: Sequence[int]) -> dict[str, Any]:
    """The block of least mean absolute log error, the best of several starts."""
    library, count = sample.library, sum(len(group.seconds) for group in sample.groups)
    free, weights = ranges(library, sizes), np.full(count, 1 / count)

    def residuals(x: Constants) -> Array:
        return sample.errors(PrefillFit(**block(x, library, sizes)))

    random = np.random.default_rng(0)
    found = []
    for start in range(STARTS):
        moved = {
            name: Range(
                float(np.clip(r.start * np.exp(0.3 * (start > 0) * random.normal()), r.low, r.high)), r.low, r.high
            )
            for name, r in free.items()
        }
        x = fit(moved, residuals, weights, rounds=60)
        found.append((float(weights @ np.abs(residuals(x))), block(x, library, sizes)))
    return min(found, key=lambda pair: pair[0])[1]


def told(own: Sample, found: Sequence[Sample], constants: PrefillFit) -> str:
    """Errors of the constants on both sides of the split."""
    words = []
    for sample in found:
        if (sample.target, sample.family) == (own.target, own.family):
            errors = np.expm1(sample.errors(constants))
            side = "held out" if sample.held_out else "fitted"
            words.append(f"{side} {np.abs(errors).mean():.1%} of {len(errors)} ({errors.mean():+.0%})")
    return f"{own.family} {', '.join(words)}"


def main(folder: Path, names: Sequence[str]) -> None:
    """Fits each device and type, and writes its block into the unit file."""
    found = samples(folder)
    blocks: defaultdict[str, dict[str, str]] = defaultdict(dict)
    errors: defaultdict[str, list[str]] = defaultdict(list)
    for own in found:
        if not own.held_out and (not names or own.target in names):
            constants = fitted(own, sorted({group.head_dim for group in own.groups}))
            blocks[own.unit][own.family] = flow(constants)
            errors[own.unit].append(told(own, found, PrefillFit(**constants)))
            print(f"{own.target} {errors[own.unit][-1]}", flush=True)
    for unit, block_of in blocks.items():
        source = f"measured: benchmarks/fit_attention.py, mean error {'; '.join(errors[unit])}"
        replace_block(unit, "prefill", block_of, source)
        for other in SAME_CHIP.get(unit, ()):
            replace_block(other, "prefill", block_of, f"derived: the fit of {unit}: the same chip")


if __name__ == "__main__":
    given = folder_options(__doc__, targets=True)
    main(given.folder, given.targets)
