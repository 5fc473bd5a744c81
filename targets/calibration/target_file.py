"""The target file of a calibrated CPU: unit, memory and where each figure comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any

import yaml

from mapper.hw.calibration import KindErrors
from targets.calibration.hand_over import HandOver
from targets.calibration.processor import Processor
from targets.calibration.timing import runtime
from targets.models.cpu import Cpu

ENTRIES = {
    "matmul": ("product f32", "product i8", "batched"), "attention": ("attention",), "decode": ("decode",),
    "norm": ("norm",), "softmax": ("softmax",), "elementwise": ("elementwise",), "embedding": ("embedding",),
}  # fmt: skip
"""The kinds that are measured, by the entry of `error_band` that they belong to."""

ASSUMED_BAND = 0.5
LEAST_BAND = 0.01
ALONE = HandOver(0.0, 0.0)
"""Of one unit, which hands nothing on."""

UNLIMITED = 1e13
"""Bytes per second of what has no limit."""


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that goes into the file. bandwidth: of the memory, a unit's part where there are several. unit: each
    of `units`. handing: what a value costs on its way from one to another."""

    name: str
    processor: Processor
    bandwidth: float
    unit: Cpu
    errors: tuple[KindErrors, ...]
    units: int = 1
    handing: HandOver = ALONE


def bands(errors: Sequence[KindErrors]) -> dict[str, float]:
    """What nine in ten points stay within, kind by kind."""
    band = {e.kind: e.band for e in errors}
    found = {
        entry: max(LEAST_BAND, round(max(band[kind] for kind in kinds if kind in band), 3))
        for entry, kinds in ENTRIES.items()
        if any(kind in band for kind in kinds)
    }
    return {"assumed": ASSUMED_BAND, **found}


def target_text(found: Found) -> str:
    """The file, to be read again by mapper.hw.load."""
    versions = f"onnxruntime {runtime().__version__}, {date.today().isoformat()}"
    held_out = ", ".join(f"{e.kind} {e.held_out:.1%}" for e in found.errors if isfinite(e.held_out)) or "none measured"
    fit = f"measured: mapper calibrate cpu ({versions}); mean error on a third of the shapes, not fitted: {held_out}"
    table: dict[str, Any] = {
        "schema": 1,
        "name": found.name,
        "about": f"{found.processor.name.strip()}, {_cores(found)} with {found.processor.isa}, measured.",
        **(_one(found, fit, versions) if found.units == 1 else _several(found, fit, versions)),
        "source": f"on {found.processor.name.strip()}, {fit}",
    }
    return yaml.safe_dump(table, sort_keys=False, width=120, allow_unicode=True)


def _cores(found: Found) -> str:
    cores = f"{found.processor.cores} core{'s' if found.processor.cores > 1 else ''}"
    return cores if found.units == 1 else f"{found.units} units of {cores}"


def _one(found: Found, fit: str, versions: str) -> dict[str, Any]:
    return {"units": {"cpu": _unit(found, fit)}, "memories": {"ram": _memory(found, versions, "cpu")}}


def _several(found: Found, fit: str, versions: str) -> dict[str, Any]:
    """Equal units, each with its part of the memory's room and bandwidth, and what it costs to hand a value on."""
    names = [f"cpu{k}" for k in range(found.units)]
    handing = {
        "bandwidth_bytes_per_s": UNLIMITED,
        "latency_s": float(f"{found.handing.latency_s:.3g}"),
        "overhead_s": float(f"{found.handing.overhead_s:.3g}"),
        "energy_pj_per_bit": 0.0,
        "topology": {"all_to_all": names},
        "source": f"measured between two worker processes of mapper run, both at work ({versions})",
        "source_of": {
            "bandwidth_bytes_per_s": "assumed: no limit; values stay in a shared memory, where they are read"
        },
    }
    return {
        "units": {name: _unit(found, fit) for name in names},
        "memories": {f"ram{k}": _memory(found, versions, name) for k, name in enumerate(names)},
        "links": {"handing": handing},
        "io": "ram0",
    }


def _unit(found: Found, fit: str) -> dict[str, Any]:
    figures = found.unit.model_dump(mode="json", exclude_defaults=True)
    figures["error_band"] = found.unit.error_band.model_dump(exclude_none=True)
    for key in ("matrix_ops_per_cycle", "vector_ops_per_cycle", "energy_pj_per_op"):
        figures[key] = {dtype.value: rate for dtype, rate in getattr(found.unit, key).table().items()}
    detected = "read from the operating system (topology, caches, clock)"
    sources = {
        "cores": detected,
        "matrix_ops_per_cycle": f"assumed: {found.processor.isa}, two full pipes; the reached part is in `products`",
        "products": fit,
        "probe_s": "measured: median of the speed probe over the calibration; times are corrected by it",
        "error_band": "measured: nine in ten points, fitted or held out, the worse of the two",
        "energy_pj_per_op": "assumed, range 5-40 pJ for f32; no energy was measured",
    }
    named = {key: text for key, text in sources.items() if key in figures}
    return {"model": "cpu", **figures, "source": fit, "source_of": named}


def _memory(found: Found, versions: str, unit: str) -> dict[str, Any]:
    return {
        "capacity_bytes": found.processor.memory_bytes // found.units,
        "bandwidth_bytes_per_s": float(f"{found.bandwidth:.4g}"),
        "energy_pj_per_bit": 13.0,
        "serves": [unit],
        "source": f"measured with copies larger than the caches, on all cores at once ({versions})",
        "source_of": {"energy_pj_per_bit": "assumed, DDR4 or DDR5, range 11-20"},
    }
