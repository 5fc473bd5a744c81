"""Published operating points of compute-in-memory macros (facts/cim_macros.csv) as figures that a target must reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measured.points import Columns, records
from mapper.errors import MapperError
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from targets.models.cim_base import CimUnit

METRICS = {
    "TOPS": "TOPS",
    "TOPS_48core": "TOPS",
    "TOPS_per_W": "TOPS/W",
    "fJ_per_MAC": "TOPS/W",
    "fJ_per_op_WL_switching": "op/J in dac",
    "fJ_per_op_input_pulses": "op/J in cell",
    "energy_frac_ADC": "part of adc",
    "energy_frac_DAC": "part of dac",
    "energy_frac_MAC": "part of cell",
    "energy_frac_Misc": "part of shift-add",
}
"""Metrics that a price answers: arithmetic rate, operations per joule, and what the energy of one cause is."""

FITTED = {
    "neurram": r"in[2567]b",
    "wang_22nm": r"0\.7V|0\.9V|1\.1V|1\.0V$",
    "colonnade": r"(1b1b|16b16b|in1b_W1b|in1b_W8b)_",
}
"""Conditions that constants may be fitted on: some widths of two macros, three voltages of the third (and the parts of
its energy at 1.0 V). Macros that are not here are published at one or two points, which made their files."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One published figure, in operations per second or joule or as a part, and the row whose price must give it."""

    device: str
    condition: str
    metric: str
    value: float
    columns: Columns
    held_out: bool = False


def rates(folder: Path) -> Iterator[Rate]:
    """The operating points that say how quick or how frugal a macro is; a target stands for a macro at a voltage."""
    for row in records(folder / "cim_macros.csv"):
        if row["metric"] in METRICS:
            device, condition = row["device"], row["condition"]
            held_out = device in FITTED and not re.search(FITTED[device], condition)
            value, columns = _value(row["metric"], float(row["published_value"])), _columns(device, condition)
            yield Rate(device, condition, METRICS[row["metric"]], value, columns, held_out)


def _value(metric: str, published: float) -> float:
    """Operations per second or per joule; a MAC counts two."""
    if metric.startswith("fJ_per_MAC"):
        return 2e15 / published
    if metric.startswith("fJ_per_op"):
        return 1e15 / published
    return published * (1e12 if metric.startswith("TOPS") else 1.0)


def _columns(device: str, condition: str) -> Columns:
    """The row: the product that fills the macro, in the widths of the condition (else the macro's own)."""
    target = target_of(device, condition)
    inputs, weights = _widths(condition)
    filled = _filling(target, weights)
    m, n, k = (4096, 256, 256) if filled is None else filled
    types = {"dtype": f"i{inputs}"} if inputs else {"dtype": _own_type(target)}
    types["weight_dtype"] = f"i{weights}" if weights else _own_type(target, weights=True)
    return {"target": target, "kind": "matmul", "m": m, "n": n, "k": k, **types}


def target_of(device: str, condition: str) -> str:
    """The name of the target: the macro, with its phases and with the voltage where the condition has one."""
    name = _known(device.replace("_", "-"))
    if "2phase" in condition:
        name += "-2phase"
    volts = re.search(r"(\d+)(?:\.(\d+))?V", condition)
    return f"{name}-{volts.group(1)}v{volts.group(2) or '0'}" if volts else name


def _known(name: str) -> str:
    """The name of our target: the same, or the only one with the same author (wang-vlsi-2022 is wang-22nm)."""
    names = target_names()
    if name in names:
        return name
    alike = [other for other in names if other.split("-")[0] == name.split("-")[0] and "phase" not in other]
    return alike[0] if len(alike) == 1 else name


def _widths(condition: str) -> tuple[int, int]:
    """Bits of an input and of a weight: 8b8b, 8b-8b, in4b_W2b, in4b_out6b_W4; 0 where nothing is said."""
    both = re.search(r"(?<![A-Za-z\d])(\d+)b[-x]?(\d+)b", condition)
    if both:
        return int(both.group(1)), int(both.group(2))
    inputs, weights = re.search(r"in(\d+)b", condition), re.search(r"W(\d+)", condition)
    return int(inputs.group(1)) if inputs else 0, int(weights.group(1)) if weights else 0


def _unit(target: str) -> CimUnit | None:
    """The macro of a target, or None where there is no such target."""
    try:
        model = load_target(target).units[0].model
    except MapperError:
        return None
    return model if isinstance(model, CimUnit) else None


def _filling(target: str, weight_bits: int) -> tuple[int, int, int] | None:
    unit = _unit(target)
    if unit is None:
        return None
    outputs = unit.outputs(weight_bits or unit.computes.matmul.weights.bits)
    return 1024 * unit.arrays, max(1, outputs), unit.rows


def _own_type(target: str, weights: bool = False) -> str:
    unit = _unit(target)
    own = unit.computes.matmul if unit else None
    return (own.weights if weights else own.inputs).value if own else "i8"
