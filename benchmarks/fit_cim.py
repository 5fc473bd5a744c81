"""Constants of compute-in-memory macros, from published operating points that the benchmark does not hold out.

python -m benchmarks.fit_cim FOLDER

FOLDER is that of cim_macros.csv. For macros with several points the constants of CONSTANTS are fitted through the unit
models themselves on relative error, and the errors on both sides of the split of benchmarks/measured/cim.py are
printed. Macros published at one point take the generic energies of targets/models/cim_technology.py times one factor;
the factors of the others tell how wrong the generic energies are for a macro that nobody measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import numpy as np

from benchmarks.fitting import Array, Range, fit
from benchmarks.macros import figure
from benchmarks.measured.cim import Rate, rates
from mapper.cost.pricing import Question, feed_of, fitted
from mapper.cost.rows import question_of
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.hw.work import Feed, Work
from targets.models.cim_analog import CimAnalog
from targets.models.cim_base import CimUnit
from targets.models.cim_digital import CimDigital

CONSTANTS: Mapping[str, Mapping[str, Range]] = {
    "neurram": {
        "pulses.start_s": Range(0.5e-6, 1e-8, 1e-5),
        "pulses.plane_s": Range(0.5e-6, 1e-8, 1e-5),
        "pulses.step_s": Range(50e-9, 1e-9, 1e-6),
        "pulses.join_s": Range(0.5e-6, 1e-9, 1e-5),
        "energy_pj.dac_row": Range(4, 0.1, 100),
        "energy_pj.cell": Range(0.008, 1e-4, 1),
        "energy_pj.adc_conversion": Range(3, 0.1, 100),
    },
    "wang_22nm": {
        "read_time_s": Range(5e-9, 1e-9, 1e-7),
        "supply.threshold_v": Range(0.3, 0.1, 0.6),
        "supply.energy_slope": Range(2, 0.1, 3.2),
        "energy_pj.adc_conversion": Range(2, 0.01, 100),
        "energy_pj.dac_row": Range(0.5, 0.01, 100),
        "energy_pj.cell": Range(0.05, 1e-4, 1),
        "energy_pj.shift_add": Range(0.3, 0.001, 10),
    },
    "colonnade": {
        "energy_pj.driver": Range(0.03, 1e-4, 1),
        "energy_pj.cell": Range(0.007, 1e-4, 1),
        "supply.energy_slope": Range(3, 0.1, 6.9),
    },
}

SINGLE = {
    "cicc21-aimc": 1050, "isscc23-7-2": 19.5, "jssc23-aimc2": 15.02,
    "isscc22-11-7": 22, "isscc22-15-5": 36.63, "isscc23-7-8": 18.7, "jia-jssc20": 192, "sinangil-7nm": 351,
}  # fmt: skip
"""TOPS/W of macros with one point, at the nominal supply: cim_macros.csv, from the second line on cim_devices.csv."""


def main() -> int:
    """Prints fitted constants, errors on both sides and the factors of the generic energies."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("facts", type=Path, help="folder of cim_macros.csv")
    published = list(rates(parser.parse_args().facts))
    for device in CONSTANTS:
        fit_macro(device, [r for r in published if r.device == device])
    generic()
    return 0


def fit_macro(device: str, published: Sequence[Rate]) -> None:
    """Fits the constants of a macro on its points that are not held out, and prints them with the errors."""
    known = [r for r in published if not r.held_out]
    at = fit(CONSTANTS[device], partial(_residuals, known), _weights(known), rounds=60)
    print(f"{device}: {', '.join(f'{name} {value:.4g}' for name, value in at.items())}")
    for side in (False, True):
        for metric in sorted({r.metric for r in published}):
            chosen = [r for r in published if r.held_out == side and r.metric == metric]
            if chosen:
                error = 100 * np.abs(np.expm1(_residuals(chosen, at)))
                name = "held out" if side else "fitted"
                print(f"  {metric:<20}{name:<9}{len(chosen):>3} points, mean error {error.mean():.1f} %")


def _weights(published: Sequence[Rate]) -> Array:
    """Each metric counts alike, however many points it has."""
    count = {m: sum(r.metric == m for r in published) for m in {r.metric for r in published}}
    return np.array([1 / count[r.metric] / len(count) for r in published])


def _residuals(published: Sequence[Rate], constants: Mapping[str, float]) -> Array:
    return np.array([np.log((asked(r, constants) or 1e-30) / r.value) for r in published])


def asked(rate: Rate, constants: Mapping[str, float]) -> float | None:
    """What the macro says about a figure when it has these constants."""
    target = load_target(str(rate.columns["target"]))
    question = question_of({name: str(cell) for name, cell in rate.columns.items()})
    assert isinstance(question, Question)
    assert isinstance(question.what, Work)
    work = fitted(target.units[0], question.what, stated=True)
    assert isinstance(work, Work), work
    model = _with(target, constants)
    return figure(rate.metric, work, model.cost(work, feed_of(target, target.units[0], work)))


def _with(target: Target, constants: Mapping[str, float]) -> CimUnit:
    """The macro of a target with constants named by their path in the unit file."""
    model = target.units[0].model
    assert isinstance(model, CimUnit)
    blocks: dict[str, Any] = {}
    for path, value in constants.items():
        block, _, name = path.partition(".")
        if not name:
            blocks[block] = value
            continue
        blocks.setdefault(block, dict(getattr(model, block).model_dump(exclude_unset=True)))[name] = value
    return model.model_validate({**model.model_dump(exclude_unset=True), **blocks})


def generic() -> None:
    """Prints, for each macro with one point, its energies and how far the generic ones are from what was published."""
    factors: dict[str, float] = {}
    lines = []
    for name, tops_per_w in SINGLE.items():
        model = load_target(name).units[0].model
        assert isinstance(model, CimUnit)
        energies = _generic_energies(model)
        plain = model.model_validate({**model.model_dump(exclude_unset=True), "energy_pj": energies})
        factors[name] = 2 / tops_per_w / _pj_per_mac(plain)
        lines.append((name, {key: value * factors[name] for key, value in energies.items() if value}))
    for name, energies in lines:
        rest = geometric_mean([f for other, f in factors.items() if other != name])
        shown = ", ".join(f"{key}: {value:.4g}" for key, value in energies.items())
        print(f"{name}: {{{shown}}}; generic times {factors[name]:.2f}, the others' mean {rest:.2f}")
    spread = [abs(np.log(f / geometric_mean([g for o, g in factors.items() if o != n]))) for n, f in factors.items()]
    print(f"generic energies on a macro left out: {100 * np.expm1(np.mean(spread)):.0f} % off on average")


def _generic_energies(model: CimUnit) -> dict[str, float]:
    """The energies that the unit takes when its file names none."""
    bare = model.model_validate(model.model_dump(exclude_unset=True, exclude={"energy_pj"}))
    assert isinstance(bare, CimAnalog | CimDigital)
    return dict(bare.energies.model_dump(exclude_none=True))


def _pj_per_mac(model: CimUnit) -> float:
    """Energy of a MAC in the widths of the macro when it is full."""
    own = model.computes.matmul
    row = {
        "target": "x",
        "kind": "matmul",
        "m": "1024",
        "n": str(model.outputs(own.weights.bits)),
        "k": str(model.rows),
    }
    question = question_of({**row, "dtype": own.inputs.value, "weight_dtype": own.weights.value})
    assert isinstance(question, Question)
    assert isinstance(question.what, Work)
    work = question.what
    return model.cost(work, Feed(1e15)).total_pj / work.macs


if __name__ == "__main__":
    raise SystemExit(main())
