import pytest
from placement_builders import tiny
from placement_oracle import best

from mapper.errors import Infeasible
from mapper.solve.budget import Budget
from mapper.solve.placement.driver import solve
from mapper.solve.placement.problem import verify

OBJECTIVES = ("throughput", "latency", "energy", "edp")


@pytest.mark.parametrize("seed", range(60))
def test_small_problems_are_solved_to_the_optimum(seed: int) -> None:
    problem = tiny(seed)
    optimum = best(problem, OBJECTIVES)
    for name in OBJECTIVES:
        if optimum is None:
            with pytest.raises(Infeasible):
                solve(problem, name, Budget(1.0))
            continue
        result = solve(problem, name, Budget(1.0))
        verify(problem, result.solution)
        assert result.value == pytest.approx(optimum[name])
        assert result.bound <= result.value
        assert result.status == "optimal"
