"""How far the clocks of one machine come down under load, known by some products timed on it.

Usage: python -m benchmarks.machines MEASURED prints the `throttle` of targets/systems/hgx-a100-4-rank.yaml, the machine
of LLMCompass, by its products without those of the layer that benchmarks/end_to_end.py compiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.measured import llmcompass
from benchmarks.measured.points import Point
from benchmarks.options import folder_options
from mapper.cost.pricing import feed_of, main_units
from mapper.cost.rows import question_of
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.hw.work import TICKS_PER_SECOND, DType, UnitModel, Work

LONG_S = 1e-3
"""Products that take at least so long have the clock of sustained load."""

LAYER_ROWS = 8 * 2048
"""Rows of the products of the layer: what it is judged by must not be fitted."""

STEPS = 20
"""Halvings of the range of the throttling that is searched: to a millionth."""


def under_load(target: Target, points: Sequence[Point]) -> Target:
    """The target with the throttling of 16-bit products at which long products timed on the machine have no bias.

    GPUs of one kind differ by 15 % here: large products reach 237 TFLOP/s on Vidur's A100, 260 on AIConfigurator's and
    280 on LLMCompass's. Only points that may be fitted on count. The target itself where there is none.
    """
    unit = main_units(target, DType.F16)[0]
    timed = [(work, p.seconds) for p in points if not p.held_out and p.seconds >= LONG_S and (work := _product(p))]
    if not timed:
        return target
    works, feed = [work for work, _ in timed], feed_of(target, unit, timed[0][0])
    seconds = np.array([s for _, s in timed])

    def bias(model: UnitModel) -> float:
        ours = np.array([cost.ticks / TICKS_PER_SECOND for cost in model.costs(works, feed)])
        return float(np.mean(np.log(ours / seconds)))

    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if bias(_throttled(unit.model, middle)) > 0 else (middle, high)
    cooled = replace(unit, model=_throttled(unit.model, low))
    return replace(target, units=tuple(cooled if u.name == unit.name else u for u in target.units))


def _product(point: Point) -> Work | None:
    asked = question_of({name: str(cell) for name, cell in point.columns.items()})
    what = getattr(asked, "what", None)
    return what if isinstance(what, Work) and what.kind == "matmul" and what.dtype is DType.F16 else None


def _throttled(model: UnitModel, throttle: float) -> UnitModel:
    products = model.model_dump()["products"]
    return model.scaled(products={**products, "f16": {**products["f16"], "throttle": throttle}})


def main(folder: Path) -> None:
    """Prints the throttling of LLMCompass's machine."""
    timed = [p for p in llmcompass.points(folder) if str(p.columns.get("m")) != str(LAYER_ROWS)]
    cooled = under_load(load_target("a100-80-device"), timed)
    print(f"throttle: {main_units(cooled, DType.F16)[0].model.model_dump()['products']['f16']['throttle']:.3g}")


if __name__ == "__main__":
    main(folder_options(__doc__).folder)
