"""Results that are recalled: what was searched is not searched again, and nothing else is taken for it."""

from __future__ import annotations

from dataclasses import replace

from placement_builders import tiny

from mapper.solve.placement.driver import Result
from mapper.solve.placement.problem import Problem, Solution
from mapper.solve.placement.recalled import MOST, Recalled

START = Solution((0,))


class Searches:
    """Counts how often somebody searches."""

    def __init__(self, status: str = "feasible") -> None:
        self.count, self.status, self.recalled = 0, status, Recalled()

    def ask(self, problem: Problem, objective: str = "energy", start: Solution = START, enough: float = 0.1) -> Result:
        def search() -> Result:
            self.count += 1
            return Result(start, float(self.count), 0.0, "", self.status, "", ())

        return self.recalled.result(problem, (objective, start, enough), search)


def test_what_is_asked_again_is_not_searched_again() -> None:
    searches = Searches()
    first, second = searches.ask(tiny(0)), searches.ask(tiny(0))
    assert first is second
    assert searches.count == 1


def test_another_problem_objective_start_or_goal_is_another_question() -> None:
    searches = Searches()
    problem = tiny(0)
    searches.ask(problem)
    searches.ask(replace(problem, idle_pj_per_tick=problem.idle_pj_per_tick + 1))
    searches.ask(problem, objective="throughput")
    searches.ask(problem, start=Solution((1,)))
    searches.ask(problem, enough=0.2)
    assert searches.count == 5


def test_what_was_ended_early_is_searched_again() -> None:
    searches = Searches("interrupted")
    searches.ask(tiny(0))
    searches.ask(tiny(0))
    assert searches.count == 2


def test_the_latest_are_kept() -> None:
    searches = Searches()
    problems = [replace(tiny(0), idle_pj_per_tick=float(k)) for k in range(MOST + 1)]
    for problem in problems:
        searches.ask(problem)
    searches.ask(problems[-1])
    assert searches.count == MOST + 1
    searches.ask(problems[0])
    assert searches.count == MOST + 2
