"""Fits the tile constants of every GPU: its own where it was measured, those of its kin where not.

python -m benchmarks.fit_gemm /path/to/measured [TARGET...]           prints the constants and their errors
python -m benchmarks.fit_gemm /path/to/measured [TARGET...] --write   and writes them into targets/units, those that a
                                                                      measured device gets from others into left_out
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import left_out_files
from benchmarks.fitting import Array, Constants, Range, fit
from benchmarks.gemm_samples import MOST, Sample, samples
from benchmarks.kin import BIRTHS, TWINS, kinship, mark_of
from benchmarks.options import folder_options
from benchmarks.unit_files import flow, replace_block, replace_source
from mapper.hw.load import load_target
from mapper.hw.work import DType
from targets.models.gpu import Gpu

RANGES = {
    "launch_cycles": Range(5e3, 100, 2e5),
    "compute": Range(0.9, 0.1, 1.25),
    "memory": Range(0.8, 0.3, 1.1),
    "overlap": Range(4.0, 1.0, 12.0),
    "k_overhead": Range(100.0, 1.0, 600.0),
    "l2_reach": Range(0.9, 0.1, 2.0),
    "l2": Range(1.0, 0.1, 4.0),
    "split_cycles": Range(1e3, 10, 2e4),
    "ops_per_byte": Range(50.0, 3.0, 200.0),
    "throttle": Range(0.2, 0.001, 1.5),
    "throttle_s": Range(1e-3, 1e-5, 0.01),
}
"""Bounds are physical: a reached part near one, a throttle that at most quarters the clock."""

FAMILY_RANGES = {
    "f8": {"launch_s": Range(8e-6, 1e-7, 4e-5), "quantise": Range(1.0, 0.05, 10.0)},
    "f32": {"k_overhead": Range(20.0, 1.0, 600.0), "launch_cycles": Range(1.5e4, 100, 2e5)},
}
KIN_RANGES = {"f32": {"pj_per_op_nm": Range(1.0, 0.3, 2.0)}}
"""Power is known from other devices only: on its own one the reached part of the peak holds it."""

COMMON = {
    "f8": {"launch_cycles": 4900.0},
    "f32": {"ops_per_byte": 10.0, "throttle": 0.0, "throttle_s": 1e-3, "wave_share": 0.9},
}
"""Held by family. f8: launches beyond the product's own are in launch_s. f32: neither supply nor clocks limit."""

FIXED = {"overlap": 4.0, "l2_reach": 0.9, "throttle_s": 1e-3}
"""Held in fits over several devices, near what single devices agree on."""

WEIGHTS = {"vidur": 3.0, "llmservingsim": 0.3, "llmcompass": 0.1}
"""Vidur's bar is the tighter one; LLMCompass has twenty points with the launch from Python in them."""

FEW = 200
"""Points below which a device gets only the free constants of a joint fit."""

WEIGHT_ONLY = ("int8_wo", "int4_wo")
"""Families of 16-bit arithmetic on narrow weights."""

LANES_I8 = ("p4", "gtx-1080-ti", "titan-x-pascal")
"""GPUs whose ordinary lanes multiply bytes; matrix cores do it by the constants of 16 bits."""

KIN_MOST = 400
"""Points of each sample of a fit over several devices."""


@dataclass(frozen=True)
class Found:
    """Constants of one device for one family of types, and what they were fitted on in words."""

    constants: dict[str, float]
    words: str
    measured: frozenset[str]
    """The devices whose measurements they are fitted to."""


def constants(
    given: Sequence[Sample], held: Constants, weight: Callable[[Sample], float], kin: bool
) -> dict[str, float]:
    """The fit of one set of constants to all samples, of equal weight but for WEIGHTS and `weight`."""
    thin = [sample.thinned(KIN_MOST if kin else MOST) for sample in given]
    weights = np.concatenate([np.full(len(s.seconds), _weight(s) * weight(s) / len(s.seconds)) for s in thin])
    family = given[0].family
    ranges = RANGES | FAMILY_RANGES.get(family, {}) | (KIN_RANGES.get(family, {}) if kin else {})
    held = {**COMMON.get(family, {}), **held}
    free = {name: r for name, r in ranges.items() if name not in held}

    def residuals(x: Constants) -> Array:
        return np.concatenate([s.residuals({**x, **held}) for s in thin])

    return {**fit(free, residuals, weights / weights.sum()), **held}


def _weight(sample: Sample) -> float:
    return WEIGHTS.get(sample.source, 1.0)


def own(of: Sequence[Sample]) -> Found:
    """Constants of a measured device; with few points most are held at what devices agree on."""
    fitted = [s for s in of if not s.held_out]
    x = constants(fitted, FIXED if sum(len(s.seconds) for s in fitted) < FEW else {}, lambda s: 1.0, kin=False)
    words = f"on {of[0].target}: {report(x, [s for s in of if s.held_out])}"
    return Found(x, words, frozenset(s.target for s in of))


def from_kin(device: str, family: str, all_of: Sequence[Sample]) -> Found | None:
    """Constants of a device by the measurements of others; None where none has the type."""
    others = [s for s in all_of if s.family == family and s.target != device and not s.held_out]
    if not others:
        return _narrow_weights(device, all_of) if family in WEIGHT_ONLY else None
    x = constants(others, FIXED, lambda s: kinship(device, s.target), kin=True)
    nearest = sorted({s.target for s in others}, key=lambda name: -kinship(device, name))
    return Found(x, "by others, most by " + ", ".join(nearest[:2]), frozenset(nearest))


def _narrow_weights(device: str, all_of: Sequence[Sample]) -> Found | None:
    """Constants for narrow weights where no other device has any: those of 16 bits, with the further launches of f8, as
    both are quantised layers of the same library."""
    wide, narrow = from_kin(device, "f16", all_of), from_kin(device, "f8", all_of)
    if wide is None or narrow is None:
        return None
    constants_of = {**wide.constants, "launch_s": narrow.constants["launch_s"]}
    return Found(constants_of, "as f16, with the launches of f8", wide.measured | narrow.measured)


def report(x: Constants, tested: Iterable[Sample]) -> str:
    """Mean absolute error of each sample and its sign."""
    words = []
    for s in tested:
        errors = s.errors(x)
        words.append(f"{s.source} {np.abs(errors).mean():.1%} of {len(errors)} ({np.median(errors):+.0%})")
    return ", ".join(words)


def families_of(device: str) -> list[str]:
    """The families of types in which a GPU multiplies."""
    model = next(u.model for u in load_target(device).units if isinstance(u.model, Gpu))
    given = [family for family in ("f32", "f16", "f8", "i8") if model.matrix_ops_per_s.of(DType(family))]
    return [*given, *WEIGHT_ONLY] if "f16" in given else given


def main(folder: Path, names: Sequence[str], write: bool) -> None:
    """Prints, device by device, its own constants and those by its kin, each with its errors."""
    found = list(samples(folder))
    for device in names or BIRTHS:
        shipped: dict[str, Found] = {}
        left: dict[str, Found] = {}
        for family in families_of(device):
            of = [s for s in found if (s.target, s.family) == (device, family)]
            twin = [s for s in found if (s.target, s.family) == (TWINS.get(device), family)]
            kin = from_kin(device, family, found) if family != "i8" or device in LANES_I8 else None
            if of or twin:
                shipped[family] = own(of or twin)
                print(f"{device} {family}: held out {shipped[family].words}\n  {flow(shipped[family].constants)}")
            elif kin:
                shipped[family] = kin
            if kin:
                left[family] = kin
                print(f"  {kin.words}: {report(kin.constants, of)}\n  {flow(kin.constants)}", flush=True)
        if write:
            _write(device, shipped, left, measured=any(s.target == device for s in found))
    if not names:
        _print_joint(found)


def _print_joint(found: Sequence[Sample]) -> None:
    """The defaults of targets/models/tiles.py: all devices alike, for units that no file of ours describes."""
    for family in dict.fromkeys(s.family for s in found):
        given = [s for s in found if s.family == family and not s.held_out]
        print(f"joint {family}\n  {flow(constants(given, FIXED, lambda s: 1.0, kin=True))}", flush=True)


def texts_of(device: str, shipped: Mapping[str, tuple[str, Iterable[str]]]) -> dict[str, str]:
    """Where the constants come from, by dotted key: the families that are known least have the text of the block, each
    of the others one of its own. shipped: by family the words, and the devices it was fitted on."""
    marks = {family: mark_of(device, measured) for family, (_, measured) in shipped.items()}
    least = next(mark for mark in ("assumed", "derived", "measured") if mark in marks.values())
    by, errors = "benchmarks/fit_gemm.py", "mean error held out: "
    together = "; ".join(f"{family} {words}" for family, (words, _) in shipped.items() if marks[family] == least)
    apart = {
        f"products.{family}": f"{marks[family]}: {by}, {errors if words.startswith('on ') else ''}{words}"
        for family, (words, _) in shipped.items()
        if marks[family] != least
    }
    return {"products": f"{least}: {by}, {errors if ' on ' in f' {together}' else ''}{together}", **apart}


def _write(device: str, shipped: dict[str, Found], left: dict[str, Found], measured: bool) -> None:
    blocks = {family: flow(found.constants) for family, found in shipped.items()}
    texts = texts_of(device, {family: (found.words, found.measured) for family, found in shipped.items()})
    replace_block(f"gpu-{device}", "products", blocks, texts.pop("products"))
    for key, text in texts.items():
        replace_source(f"gpu-{device}", key, text)
    if measured:
        left_out_files.write(device, {"products": {family: found.constants for family, found in left.items()}})


if __name__ == "__main__":
    given = folder_options(__doc__, targets=True, write=True)
    main(given.folder, given.targets, given.write)
