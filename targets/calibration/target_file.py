"""The target file of a calibrated CPU: unit, memory and where each figure comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from mapper.hw.calibration import KindErrors
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


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that goes into the file."""

    name: str
    processor: Processor
    bandwidth: float
    unit: Cpu
    errors: tuple[KindErrors, ...]


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
    held_out = ", ".join(f"{e.kind} {e.held_out:.1%}" for e in found.errors)
    fit = f"mapper calibrate cpu ({versions}); mean error on a third of the shapes, not fitted: {held_out}"
    table: dict[str, Any] = {
        "schema": 1,
        "name": found.name,
        "about": f"{found.processor.name.strip()}, {found.processor.cores} cores with {found.processor.isa}, measured.",
        "units": {"cpu": _unit(found, fit)},
        "memories": {"ram": _memory(found, versions)},
        "source": f"measured on {found.processor.name.strip()} by {fit}",
    }
    return yaml.safe_dump(table, sort_keys=False, width=120, allow_unicode=True)


def _unit(found: Found, fit: str) -> dict[str, Any]:
    figures = found.unit.model_dump(mode="json", exclude_defaults=True)
    figures["error_band"] = found.unit.error_band.model_dump(exclude_none=True)
    for key in ("matrix_ops_per_cycle", "vector_ops_per_cycle", "energy_pj_per_op"):
        figures[key] = {dtype.value: rate for dtype, rate in getattr(found.unit, key).table().items()}
    detected = "the operating system (topology, caches, clock), rates by instruction set"
    sources = {
        "cores": detected,
        "matrix_ops_per_cycle": f"{found.processor.isa}, two pipes of full width; the reached part is in `products`",
        "products": fit,
        "probe_s": "median of the speed probe over the calibration; times were set right for what it was off that",
        "error_band": "nine in ten measured points, fitted or held out, the worse of the two",
        "energy_pj_per_op": "assumed, range 5-40 pJ for f32; no energy was measured",
    }
    return {"model": "cpu", **figures, "source": fit, "source_of": sources}


def _memory(found: Found, versions: str) -> dict[str, Any]:
    return {
        "capacity_bytes": found.processor.memory_bytes,
        "bandwidth_bytes_per_s": float(f"{found.bandwidth:.4g}"),
        "energy_pj_per_bit": 13.0,
        "serves": ["cpu"],
        "source": f"measured with copies larger than the caches ({versions})",
        "source_of": {"energy_pj_per_bit": "assumed, DDR4 or DDR5, range 11-20"},
    }
