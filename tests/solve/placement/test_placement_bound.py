import pytest
from placement_builders import tiny
from placement_oracle import best
from sweeps import sweep

from mapper.solve.budget import Budget
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.tables import build
from mapper.solve.placement.whole_counts import with_whole_counts

OBJECTIVES = ("throughput", "latency", "energy", "edp")


@pytest.mark.parametrize("block", sweep(range(20), 1))
def test_no_bound_exceeds_the_optimum(block: int) -> None:
    for seed in range(block * 20, block * 20 + 20):
        problem = tiny(seed)
        optimum = best(problem, OBJECTIVES)
        if optimum is None:
            continue
        tables = build(problem)
        for name, value in optimum.items():
            for ceiling in (float("inf"), value):
                bound = lower_bound(tables, name, Budget(), ceiling)
                assert bound.value <= value * (1 + 1e-9), (seed, name, bound.name)


@pytest.mark.parametrize("block", sweep(range(5), 1))
def test_no_whole_count_bound_exceeds_the_optimum(block: int) -> None:
    for seed in range(block * 20, block * 20 + 20):
        problem = tiny(seed)
        optimum = best(problem, OBJECTIVES[:3])
        for name, value in (optimum or {}).items():
            bound = with_whole_counts(lower_bound(build(problem), name, Budget(), value), Budget(), value)
            assert bound.value <= value * (1 + 1e-9), (seed, name, bound.name)
