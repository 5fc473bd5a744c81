"""Calibrates a CPU: looks at it, measures it with onnxruntime, fits its constants and writes them down."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from mapper.errors import MapperError
from mapper.hw.calibration import Calibrated, KindErrors, Tell
from mapper.hw.work import Feed
from mapper.report.units import si
from targets.calibration.fits import errors, fitted, stages
from targets.calibration.hand_over import hand_over
from targets.calibration.processor import Processor, copy_bandwidth, detected
from targets.calibration.samples import Sample, samples
from targets.calibration.target_file import ALONE, Found, bands, target_text
from targets.calibration.timing import Bench, Stretch, Timed, typical
from targets.models.cpu import Cpu

NOISY = 1.3
"""Speed at the ninth tenth of the time over that at the first, from which it is told."""

MOST_ROUNDS = 4


def calibrate(name: str, seconds: float, tell: Tell, units: int = 1) -> Calibrated:
    """A target of that name for this machine; `seconds` bound the time for graphs, before which copies and values that
    are handed on take some more. Of several units each has an equal part of the cores; one is measured alone, the
    memory with all of them at work. Raises MapperError where there was no time for anything that constants are fitted
    on."""
    start = time.perf_counter()
    whole = detected()
    with on_cores(_share(units)):
        processor = detected() if units > 1 else whole
        said = words(processor)
        tell("detect", said if units == 1 else f"{units} units of {said}", time.perf_counter() - start)
    bandwidth = copy_bandwidth(processor.shared_cache_bytes, units * processor.cores) / units
    shared = "on all cores" if units == 1 else "by a unit while all do"
    tell("copy", f"{si(bandwidth, 'B/s')} read and written {shared}", time.perf_counter() - start)
    handing = hand_over() if units > 1 else ALONE
    if units > 1:
        said_so = f"{si(handing.latency_s, 's')} from unit to unit, which both lose {si(handing.overhead_s, 's')}"
        tell("hand over", said_so, time.perf_counter() - start)
    with on_cores(_share(units)):
        bench = Bench(processor.cores)
        end = time.perf_counter() + seconds
        stretches, left = _measured(bench, samples(processor.shared_cache_bytes), end, tell)
    if all(sample.held_out for sample in stretches):
        many = f"{len(stretches)} graph{'s' if len(stretches) != 1 else ''}"
        raise MapperError(f"there was time for {many}, none to fit on, in {seconds:g} s", hint="--seconds 150")
    probe_s = float(np.median([s.probe_s for found in stretches.values() for s in found]))
    measured = [typical(sample, found, probe_s) for sample, found in stretches.items()]
    begun = time.perf_counter()
    feed = Feed(bandwidth, bandwidth)
    start_unit = unfitted(processor, bandwidth)
    unit = fitted(start_unit, feed, measured)
    found = errors(unit, feed, measured)
    constants = sum(len(ranges) for _, ranges in stages(start_unit))
    tell("fit", f"{constants} constants on {sum(not t.sample.held_out for t in measured)} times",
         time.perf_counter() - begun)  # fmt: skip
    unit = unit.scaled(error_band=bands(found), probe_s=float(f"{probe_s:.4g}"))
    text = target_text(Found(name, processor, bandwidth, unit, tuple(found), units, handing))
    notes = _notes(measured, left, found)
    if idle := whole.cores - units * processor.cores:
        notes.append(f"{idle} of {whole.cores} cores are in no unit: {units} units are to be equal")
    return Calibrated(text, said, tuple(found), tuple(notes))


def _share(units: int) -> tuple[int, ...]:
    """The cores of the first of so many equal units; none where there is nothing to divide."""
    if units == 1:
        return ()
    there = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(there) < units:
        cores = f"{len(there)} cores" if there else "no cores that this system lets a process choose"
        raise MapperError(f"{units} units, but there are {cores}", hint="fewer --units")
    return tuple(there[: len(there) // units])


@contextmanager
def on_cores(cores: Sequence[int]) -> Iterator[None]:
    """Stay on these cores for a while; anywhere if there are none."""
    if not cores:
        yield
        return
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def words(processor: Processor) -> str:
    """The processor in a line."""
    caches = f"{si(processor.private_cache_bytes, 'B')} a core, {si(processor.shared_cache_bytes, 'B')} shared"
    many = "s" if processor.cores != 1 else ""
    return f"{processor.name.strip()}: {processor.cores} core{many}, {processor.isa}; caches {caches}"


def unfitted(processor: Processor, bandwidth: float) -> Cpu:
    """The unit as the data sheet has it, with the constants that the fit starts from."""
    products = {dtype: rate for dtype, rate in processor.matrix_ops.items() if dtype in ("f64", "f32", "i8")}
    energies = {dtype: 20.0 * width for dtype, width in (("f64", 2), ("f32", 1), ("i32", 1), ("i8", 0.25))}
    return Cpu.model_validate(
        {
            "cores": processor.cores,
            "clock_hz": processor.clock_hz,
            "matrix_ops_per_cycle": products,
            "vector_ops_per_cycle": dict(processor.vector_ops),
            "cache_bytes": processor.shared_cache_bytes,
            "cache_bandwidth_bytes_per_s": 3 * bandwidth,
            "private_cache_bytes": processor.private_cache_bytes,
            "private_cache_bandwidth_bytes_per_s": 32 * processor.clock_hz * processor.cores,
            "energy_pj_per_op": energies,
        }
    )


def _measured(
    bench: Bench, wanted: Sequence[Sample], end: float, tell: Tell
) -> tuple[dict[Sample, list[Stretch]], int]:
    """Stretches of each sample until `end`, in several rounds, as a machine is slow for seconds at a time; and how many
    samples no time was left for. Samples come in random order, so that an early end leaves some of each kind."""
    found: dict[Sample, list[Stretch]] = {}
    begun = time.perf_counter()
    order = np.random.default_rng(1).permutation(len(wanted)).tolist()
    for turn in range(MOST_ROUNDS):
        for count, i in enumerate(order):
            now = time.perf_counter()
            if now > end:
                break
            tell("measure", f"round {turn + 1}: {count} of {len(wanted)} graphs, {end - now:.0f} s left", None)
            if found.get(wanted[i]) != []:
                found.setdefault(wanted[i], []).extend(bench.stretches(wanted[i]))
    able = {sample: found[sample] for sample in wanted if found.get(sample)}
    tell("measure", f"{len(able)} of {len(wanted)} graphs", time.perf_counter() - begun)
    return able, len(wanted) - len(found)


def _notes(measured: Sequence[Timed], left: int, found: Sequence[KindErrors]) -> list[str]:
    notes = []
    slow, fast = np.quantile([t.speed for t in measured], (0.1, 0.9)).tolist()
    if fast > NOISY * slow:
        notes.append(
            f"the machine's speed changed from {slow:.2f} to {fast:.2f} of its usual one while it was measured; times "
            "were set right by a probe; better measure when nothing else runs"
        )
    if left:
        notes.append(f"{left} graphs were not measured in the time given; --seconds gives more")
    worst = max(found, key=lambda e: e.band)
    if worst.band > 1:
        notes.append(f"{worst.kind} is not told well: one time in ten is off by more than {1 + worst.band:.1f} times")
    return notes
