"""A bound as sharp as a known value asks for: it holds, and it is never above that value."""

from __future__ import annotations

import pytest
from placement_builders import tiny
from placement_oracle import best
from sweeps import sweep

from mapper.solve.budget import Budget
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.proof import proved
from mapper.solve.placement.tables import build

OBJECTIVES = ("throughput", "latency", "energy")
BUDGET = Budget(deterministic_seconds=0.2)


@pytest.mark.parametrize("block", sweep(range(10), 2))
def test_no_solution_is_below_what_is_proved_and_nothing_above_the_ceiling_is(block: int) -> None:
    for seed in range(block * 5, block * 5 + 5):
        problem = tiny(seed)
        for name, least in (best(problem, OBJECTIVES) or {}).items():
            for ceiling in (0.5 * least, least, 1.5 * least):
                found = proved(problem, name, BUDGET, ceiling, 1e-3)
                assert found.value <= least * (1 + 1e-9), (seed, name)
                assert found.value <= ceiling


def test_whole_counts_sharpen_what_the_relaxation_leaves_open_below_the_optimum() -> None:
    sharper = 0
    for seed in range(30):
        problem = tiny(seed)
        least = (best(problem, ("throughput",)) or {}).get("throughput", 0.0)
        relaxed = lower_bound(build(problem), "throughput", BUDGET, least).value if least else 0.0
        if 0 < relaxed < least * (1 - 1e-3):
            found = proved(problem, "throughput", BUDGET, least, 1e-3).value
            assert found >= relaxed
            sharper += found > relaxed
    assert sharper
