"""The rivals of benchmarks/quality.py: their totals are the problem's own, and on tiny problems they find the best."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import RIVALS, Outcome, compared
from benchmarks.rivals.gemini import gemini
from benchmarks.rivals.genetic import genetic
from benchmarks.rivals.lists import greedy, heft
from benchmarks.rivals.race import Rival
from benchmarks.rivals.set_tree import set_tree
from benchmarks.rivals.space import OBJECTIVES, Space
from benchmarks.rivals.tree import Node, allowed, changed, in_turn, stripes
from mapper.errors import MapperError
from mapper.solve.placement import problem as pb
from samples.models.build import MODELS
from tests.solve.placement.placement_builders import tiny
from tests.solve.placement.placement_oracle import best
from tests.sweeps import sweep


@pytest.mark.parametrize("seed", range(40))
def test_totals_follow_every_change(seed: int) -> None:
    from benchmarks.rivals.move_kernels import COST, become, broken, insert, latency, remove, value

    problem, r = tiny(seed), random.Random(seed)
    space = Space.of(problem)
    now, a = space.empty(), space.arrays
    become(a, now, np.array([r.randrange(a.first[i], a.first[i + 1]) for i in range(len(problem.items))]))
    for _ in range(30):
        i = r.randrange(len(problem.items))
        remove(a, now, i)
        insert(a, now, i, r.randrange(a.first[i], a.first[i + 1]))
        solution = space.solution(now.choice)
        try:
            pb.verify(problem, solution)
        except MapperError:
            assert broken(a, now) > 0
            continue
        assert broken(a, now) == 0
        totals = pb.totals(problem, solution)
        assert tuple(now.loads) == totals.loads
        assert (now.totals[COST], latency(a, now)) == (totals.cost, totals.latency)
        for code, objective in enumerate(OBJECTIVES):
            assert value(a, now, code) == pytest.approx(pb.objective(problem, totals, objective))


@pytest.mark.parametrize(("rival", "seconds"), sweep([(gemini, 0.02), (genetic, 0.02), (set_tree, 0.1)], 2))
def test_a_search_finds_the_best_of_tiny_problems(rival: Rival, seconds: float) -> None:
    for seed in range(4):
        problem = tiny(seed)
        space, known = Space.of(problem), best(problem, OBJECTIVES)
        assert known is not None
        for objective in OBJECTIVES[:3]:
            assert worth(problem, space, rival(space, objective, seconds), objective) == pytest.approx(known[objective])


@pytest.mark.parametrize("rival", [heft, greedy])
def test_a_construction_finds_the_best_of_most_tiny_problems(rival: Rival) -> None:
    hits = []
    for seed in range(12):
        problem = tiny(seed)
        space, known = Space.of(problem), best(problem, OBJECTIVES)
        found = rival(space, "latency", 0.01)
        assert found or known is None
        if found and known is not None:
            value = worth(problem, space, found, "latency")
            assert value >= known["latency"]
            hits.append(value == known["latency"])
    assert sum(hits) >= 0.8 * len(hits)


def worth(problem: pb.Problem, space: Space, found: list[np.ndarray], objective: str) -> float:
    solution = space.solution(found[0])
    pb.verify(problem, solution)
    return pb.objective(problem, pb.totals(problem, solution), objective)


@pytest.mark.parametrize("rival", [gemini, genetic, set_tree, heft, greedy])
def test_where_nothing_fits_a_rival_finds_nothing(rival: Rival) -> None:
    too_big = next(p for p in map(tiny, range(200)) if best(p, ("energy",)) is None)
    assert rival(Space.of(too_big), "energy", 0.01) == []


def leaves(node: Node) -> list[int]:
    return [node.group] if node.group >= 0 else [g for child in node.children for g in leaves(child)]


@pytest.mark.parametrize("seed", range(10))
def test_changes_of_a_tree_keep_every_layer_once_and_a_unit_for_each(seed: int) -> None:
    random, tree, work = np.random.default_rng(seed), stripes(7, 3), np.arange(1.0, 8.0)
    for _ in range(100):
        tree = changed(tree, random)
        assert sorted(leaves(tree)) == list(range(7))
        assert allowed(tree, [2, 0, 1], work, 4)[:, :3].any(axis=1).all()
        assert not allowed(tree, [2, 0, 1], work, 4)[:, 3].any()


def test_cuts_in_space_deal_units_by_work_and_cuts_in_time_give_all() -> None:
    assert allowed(in_turn(2), [0, 1], np.ones(2), 2).all()
    dealt = allowed(stripes(2, 2), [0, 1, 2, 3], np.array([3.0, 1.0]), 4)
    assert dealt.tolist() == [[True, True, True, False], [False, False, False, True]]


def test_an_outcome_tells_who_was_better_and_by_how_much() -> None:
    outcome = Outcome(2.0, 0.1, 3.0, {"SET": 2.1, "Gemini": 2.0, "HEFT": 1.9, "greedy": None})
    assert outcome.beaten_by() == ["HEFT by 5.00%"]
    assert outcome.cells().split() == ["2", "10.00%", "3.0", "+5.00%", "+0.00%", "-5.00%", "no", "fit"]


@pytest.mark.slow
def test_the_solver_and_its_rivals_are_judged_alike(tmp_path: Path) -> None:
    file = tmp_path / "bert-tiny.onnx"
    file.write_bytes(MODELS["bert-tiny"](1, None).SerializeToString())
    outcome = compared(file, "a100-80", ("run: batch=1 seq=8",), "latency", "quick", 0.05)
    assert set(outcome.rivals) == set(RIVALS)
    assert outcome.beaten_by() == []
    assert outcome.worse("greedy") is not None
