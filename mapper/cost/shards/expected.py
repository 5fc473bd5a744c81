"""How many rows the busiest rank gets when a router deals them to experts that the ranks have between them."""

from __future__ import annotations

from functools import lru_cache
from math import erfc, exp, lgamma, log, sqrt

_EXACT = 4096
"""Up to so many rows the distribution is summed exactly; beyond it is as good as normal."""


@lru_cache(maxsize=4096)
def busiest(rows: int, ranks: int, experts: int) -> int:
    """The expected largest number of rows of a rank, rounded, when each row goes to any of `experts` alike.

    Balls into bins: a rank with m of E experts gets Binomial(rows, m/E); the maximum over ranks is taken as if they
    were independent, E[max] = sum over x of 1 - F(x)^ranks. They are negatively associated (Joag-Dev and Proschan,
    Annals of Statistics 1983), so that the true maximum is slightly larger. Routers trained for balance come close to
    even; others are worse.
    """
    if ranks <= 1 or rows <= 0:
        return max(rows, 0)
    mine = -(-experts // ranks)
    share = mine / experts
    owners = -(-experts // mine)
    if owners <= 1:
        return rows
    if rows > _EXACT:
        return min(rows, round(_normal(rows, share, owners)))
    return min(rows, max(1, round(_exact(rows, share, owners))))


def _exact(rows: int, share: float, owners: int) -> float:
    """Sum over x of 1 - F(x)^owners for a binomial F."""
    total, below = 0.0, 0.0
    for x in range(rows):
        chance = lgamma(rows + 1) - lgamma(x + 1) - lgamma(rows - x + 1) + x * log(share) + (rows - x) * log(1 - share)
        below = min(1.0, below + exp(chance))
        total += 1 - below**owners
        if x > rows * share and 1 - below < 1e-12:
            break
    return total


def _normal(rows: int, share: float, owners: int, steps: int = 400) -> float:
    """The same for the normal distribution of equal mean and variance, by the trapezoidal rule over +-8 deviations."""
    mean, deviation = rows * share, sqrt(rows * share * (1 - share))
    width = 16 / steps
    points = [1 - (1 - 0.5 * erfc((-8 + k * width) / sqrt(2))) ** owners for k in range(steps + 1)]
    return mean + deviation * (-8 + width * (sum(points) - (points[0] + points[-1]) / 2))
