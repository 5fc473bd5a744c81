"""Fits the constants of attention against a cache for every GPU it was measured on, with held-out errors.

Usage: python -m benchmarks.fit_decode /path/to/measured prints a `decode:` block for each unit file and a joint one for
GPUs never measured, and writes the blocks by the constants of all others below benchmarks/left_out.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.fitting import Array, Constants, Range, fit
from benchmarks.gemm_samples import MOST, work_of
from benchmarks.left_out_files import write
from benchmarks.measured import aiconfigurator, llmservingsim
from benchmarks.measured.points import Point
from benchmarks.options import folder_options
from benchmarks.unit_files import flow, rounded
from mapper.cost.pricing import feed_of
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from targets.models.decode import decode_seconds
from targets.models.decode_grid import DecodeDevice, DecodeFit, Steps, grid_of, steps_of
from targets.models.gpu import Gpu

LIBRARY = aiconfigurator.SOURCE
"""The source whose library has the two kernels; joint constants are of its devices alone."""

KERNELS = ("single", "grouped", "single_narrow", "grouped_narrow")
"""Blocks of DecodeFit in the order of Grid.kernel."""

WARM, COLD = 0.8, 0.1
"""Parts of the L2 that a fit starts from: between repeated steps nothing comes, or the rest of a model."""

DEVICE = {"memory": Range(0.82, 0.3, 1.1), "l2_reach": Range(WARM, 0.02, 3.0)}
KERNEL = {
    "launch_s": Range(5e-6, 1e-6, 3e-5),
    "block": Range(7000.0, 100.0, 60_000.0),
    "by_width": Range(0.2, 0.001, 1.0),
    "thread_bytes": Range(0.05, 0.003, 0.25),
    "l2": Range(25.0, 2.0, 64.0),
    "split_s": Range(3e-6, 1e-8, 2e-5),
    "part": Range(100.0, 1.0, 1000.0),
    "overlap": Range(2.0, 1.0, 8.0),
}
"""An SM takes at most 64 bytes per cycle from the L2, which are 0.25 for each of 256 threads."""

SINGLE = {"ramp": Range(2000.0, 1.0, 30_000.0)}
GROUPED = {"step": Range(1500.0, 10.0, 20_000.0), "wide": Range(1.3, 1.0, 3.0)}
RESIDENT = {"single": 4.0, "single_narrow": 3.0, "grouped": 2.0, "grouped_narrow": 2.0}
"""Found by trying 1 to 6 on A100 and L40S: the neighbours of 4 and 3 are a third to two thirds worse in sample."""

FLAGS = ("few_parts", "splits_narrow")
"""The version of a library is told by the fit that is better in sample."""

FEW = 200
"""Points below which a device gets only some constants of its own, and its others from the joint fit."""

OWN = ("memory", "l2_reach", "grouped.launch_s", "grouped.split_s")
LIKELY = 30
"""Points of a kernel from which its constants are fitted."""

Flags = Mapping[str, bool]


@dataclass(frozen=True)
class Sample:
    """The decode steps that were measured on one target."""

    target: str
    source: str
    steps: Steps
    device: DecodeDevice
    seconds: Array
    held_out: NDArray[np.bool_]
    ops: NDArray[np.str_]

    def predict(self, constants: DecodeFit) -> Array:
        """Seconds, the launch included."""
        total, _, launch = decode_seconds(self.steps, self.device, constants)
        return total + launch

    def part(self, chosen: NDArray[np.bool_]) -> Sample:
        """Some of the steps."""
        steps = Steps(*[getattr(self.steps, field.name)[chosen] for field in fields(Steps)])
        arrays = {name: getattr(self, name)[chosen] for name in ("seconds", "held_out", "ops")}
        return replace(self, steps=steps, **arrays)

    def thinned(self) -> Sample:
        """At most MOST of the points to fit on, the same ones on every run."""
        order = np.random.default_rng(0).permutation(np.flatnonzero(~self.held_out))[:MOST]
        return self.part(np.isin(np.arange(len(self.seconds)), order))


def samples(folder: Path) -> Iterator[Sample]:
    """Measured decode steps by target."""
    groups: defaultdict[tuple[str, str], list[Point]] = defaultdict(list)
    for source in (aiconfigurator, llmservingsim):
        for point in source.points(folder):
            if point.op.startswith("decode ") and "one cache" not in point.op:
                groups[str(point.columns["target"]), point.source].append(point)
    for (target, name), points in sorted(groups.items()):
        if target in target_names():
            yield _sample(target, name, points)


def _sample(name: str, source: str, points: Sequence[Point]) -> Sample:
    target = load_target(name)
    unit, model = next((unit, unit.model) for unit in target.units if isinstance(unit.model, Gpu))
    works = [work_of(point) for point in points]
    return Sample(
        name,
        source,
        steps_of(works),
        model.decode_device(feed_of(target, unit, works[0]).data),
        np.array([point.seconds for point in points]),
        np.array([point.held_out for point in points]),
        np.array([point.op for point in points]),
    )


def constants_of(x: Constants, flags: Flags) -> DecodeFit:
    """Constants, of three digits, from names such as `grouped.block`; kernels for narrow caches without any take those
    for caches of 16 bits."""
    kernels: dict[str, dict[str, float]] = {name: {} for name in KERNELS}
    device = {}
    for name, value in x.items():
        kernel, _, field = name.rpartition(".")
        (kernels[kernel] if kernel else device)[field] = rounded(float(value))
    known = {name: {**kernel, "resident": RESIDENT[name]} for name, kernel in kernels.items() if kernel}
    for name in set(known) & {"single", "grouped"}:
        known.setdefault(f"{name}_narrow", {**known[name], "resident": RESIDENT[f"{name}_narrow"]})
    return DecodeFit.model_validate({**known, **device, **flags})


def ranges_of(found: Sequence[Sample], flags: Sequence[Flags]) -> dict[str, Range]:
    """The constants that the points tell."""
    ranges = dict(DEVICE)
    runs = [grid_of(s.steps, s.device, DecodeFit(**f)).kernel for s, f in zip(found, flags, strict=True)]
    for index, kernel in enumerate(KERNELS):
        if sum(int((run == index).sum()) for run in runs) >= LIKELY:
            own = KERNEL | (GROUPED if kernel.startswith("grouped") else SINGLE)
            if all(len(np.unique(s.steps.head_dim)) == 1 for s in found):
                own = {name: r for name, r in own.items() if name != "by_width"}
            ranges |= {f"{kernel}.{name}": r for name, r in own.items()}
    return ranges


def fitted(
    found: Sequence[Sample], flags: Sequence[Flags], held: Constants | None = None, l2_reach: float = WARM
) -> dict[str, float]:
    """Constants of least mean absolute error over the samples, each of equal weight; `held` ones but for OWN."""
    thin = [sample.thinned() for sample in found]
    free = ranges_of(thin, flags) if held is None else {**DEVICE, **{n: KERNEL[n.split(".")[1]] for n in OWN[2:]}}
    free["l2_reach"] = replace(free["l2_reach"], start=l2_reach)
    rest = {name: value for name, value in (held or {}).items() if name not in free}
    weights = np.concatenate([np.full(len(s.seconds), 1 / len(s.seconds)) for s in thin])

    def residuals(x: Constants) -> Array:
        return np.concatenate(
            [np.log(s.predict(constants_of({**rest, **x}, f)) / s.seconds) for s, f in zip(thin, flags, strict=True)]
        )

    return {**rest, **fit(free, residuals, weights, rounds=60)}


def best(sample: Sample, held: Constants | None = None) -> tuple[dict[str, float], dict[str, bool]]:
    """Constants and flags of one device, the flags by the error in sample. Only one of the libraries has the single
    kernel."""
    least, found = np.inf, (dict[str, float](), dict[str, bool]())
    for *values, l2_reach in itertools.product((True, False), (True, False), (WARM, COLD)):
        flags = dict(zip(FLAGS, values, strict=True)) | {"only_grouped": sample.source != LIBRARY}
        x = fitted([sample], [flags], held, l2_reach)
        thin = sample.thinned()
        error = float(np.abs(thin.predict(constants_of(x, flags)) / thin.seconds - 1).mean())
        if error < least - 1e-3:  # equal where a flag concerns no point: the default stays
            least, found = error, (x, flags)
    return found


def block(constants: DecodeFit) -> dict[str, Any]:
    """Constants as a block of a unit file: what differs from the defaults."""
    return constants.model_dump(exclude_defaults=True)


def report(sample: Sample, constants: DecodeFit) -> str:
    """Mean absolute error by line of the table and side of the split, and its sign."""
    errors, words = sample.predict(constants) / sample.seconds - 1, []
    for op in sorted(set(sample.ops.tolist())):
        for held_out, side in ((False, "fitted"), (True, "held out")):
            chosen = errors[(sample.ops == op) & (sample.held_out == held_out)]
            if len(chosen):
                words.append(f"{op} {side} {np.abs(chosen).mean():.1%} of {len(chosen)} ({np.median(chosen):+.0%})")
    return "; ".join(words)


def main(folder: Path) -> None:
    """Prints the constants of each device and their errors, then the joint ones; writes those of devices left out."""
    found = list(samples(folder))
    library = [s for s in found if s.source == LIBRARY]
    own = {sample.target: best(sample) for sample in library}
    flags = {target: known for target, (_, known) in own.items()}
    joint = fitted(library, [flags[s.target] for s in library])
    print(f"joint\n  decode: {flow(constants_of(joint, {}).model_dump())}")
    for sample in found:
        few = int((~sample.held_out).sum()) < FEW
        x, known = own.get(sample.target) or best(sample, joint if few else None)
        constants = constants_of({**joint, **x}, known)
        print(f"{sample.target}: {report(sample, constants)}\n  decode: {flow(block(constants))}", flush=True)
    for sample in found:
        others = [s for s in library if s.target != sample.target]
        constants = constants_of(fitted(others, [flags[s.target] for s in others]), {})
        print(f"without {sample.target}: {report(sample, constants)}", flush=True)
        write(sample.target, {"decode": constants.model_dump()})  # whole: what is absent would be the shipped figure


if __name__ == "__main__":
    main(folder_options(__doc__).folder)
