"""Least mean absolute log error by damped Gauss-Newton steps on reweighted residuals; deterministic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Constants = Mapping[str, float]
Residuals = Callable[[Constants], Array]
"""Natural logarithms of predicted over measured, for given constants."""

STEP = 0.02
"""Relative step of the difference quotients; kinks of tile counts are narrower."""

LEAST_RESIDUAL = 0.02
"""Residuals below this count as squares, which keeps the weights finite."""


@dataclass(frozen=True, slots=True)
class Range:
    """Where a constant starts and what bounds it; all are positive and searched by their logarithm."""

    start: float
    low: float
    high: float


def fit(ranges: Mapping[str, Range], residuals: Residuals, weights: Array, rounds: int = 30) -> dict[str, float]:
    """Constants of least weighted mean absolute residual near the start."""
    at = {name: r.start for name, r in ranges.items()}
    error = residuals(at)
    loss, damping = float(weights @ np.abs(error)), 0.03
    for _ in range(rounds):
        slopes = _slopes(ranges, residuals, at, error)
        scaled = slopes * (weights / np.maximum(np.abs(error), LEAST_RESIDUAL))
        normal, gradient = scaled @ slopes.T, scaled @ error
        better = False
        for _ in range(5):
            damped = normal + damping * np.diag(np.diag(normal) + 1e-9)
            step: Array = -np.linalg.solve(damped, gradient).astype(np.float64)
            moved = _moved(ranges, at, step)
            tried = residuals(moved)
            gain = loss - float(weights @ np.abs(tried))
            if better := gain > 1e-6:
                break
            damping *= 4
        if not better:
            break
        at, error, loss, damping = moved, tried, loss - gain, max(damping / 3, 1e-4)
        if gain < 3e-5:
            break
    return at


def _slopes(ranges: Mapping[str, Range], residuals: Residuals, at: Constants, error: Array) -> Array:
    rows = []
    for name, r in ranges.items():
        step = STEP if at[name] * (1 + STEP) < r.high else -STEP
        rows.append((residuals({**at, name: at[name] * float(np.exp(step))}) - error) / step)
    return np.array(rows)


def _moved(ranges: Mapping[str, Range], at: Constants, step: Array) -> dict[str, float]:
    """The constants after a step in their logarithms of at most a factor of two, within their bounds."""
    factors = np.exp(np.clip(step, -0.7, 0.7)).tolist()
    return {
        name: min(r.high, max(r.low, at[name] * factor))
        for (name, r), factor in zip(ranges.items(), factors, strict=True)
    }
