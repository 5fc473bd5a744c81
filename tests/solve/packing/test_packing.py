"""Packing: the rules, the bound, and the searches against a brute-force oracle."""

from __future__ import annotations

import csv
import itertools
import math
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packing_builders import SMALL, in_bytes, lowest, packing, problems
from sweeps import examples

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.packing import Item, Problem, Solution, fits, minimise, verify
from mapper.solve.packing.bound import bound
from mapper.solve.packing.cpsat import live_sets, pack_below
from mapper.solve.packing.first_fit import first_fit, orders
from mapper.solve.packing.infeasible import no_packing
from mapper.solve.packing.reorder import reorder
from mapper.solve.packing.sections import components, sections


def load(path: Path, capacity: int | None = None) -> Problem:
    if not path.exists():
        pytest.skip(f"{path} is not here")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return Problem(
        tuple(Item(r["id"], int(r["size"]), int(r["lower"]), int(r["upper"])) for r in rows), capacity=capacity
    )


@given(problems)
@examples(20, 60)
def test_the_lowest_packing_is_the_brute_force_optimum_and_is_proved(problem: Problem) -> None:
    result = minimise(problem, SMALL)
    assert result.solution is not None
    verify(problem, result.solution)
    assert (result.height, result.bound, result.status) == (lowest(problem),) * 2 + (Outcome.OPTIMAL,)


@given(problems, st.sampled_from([0.0, 0.1, 0.5]))
@settings(max_examples=40, deadline=None)
def test_first_fit_that_is_near_the_bound_is_taken_and_no_other(problem: Problem, near: float) -> None:
    result = minimise(problem, SMALL, near)
    assert result.solution is not None
    verify(problem, result.solution)
    assert result.height is not None
    assert result.bound <= lowest(problem)
    assert result.by.startswith("first fit") or result.height == lowest(problem)
    assert result.height <= max(result.bound * (1.0 + near), lowest(problem))


@given(problems)
@settings(max_examples=60, deadline=None)
def test_the_bound_is_at_most_the_optimum_and_every_first_fit_is_valid(problem: Problem) -> None:
    optimum = lowest(problem)
    assert bound(problem) <= optimum
    for _, order in orders(problem):
        solution = in_bytes(problem, first_fit(problem, order))
        verify(problem, solution)
        assert problem.height(solution.offsets) >= optimum


@given(problems)
@settings(max_examples=40, deadline=None)
def test_it_fits_exactly_from_the_optimum_on(problem: Problem) -> None:
    optimum = lowest(problem)
    enough = Problem(problem.items, optimum, problem.alignment)
    result = fits(enough, SMALL)
    assert result.solution is not None
    verify(enough, result.solution)
    if optimum > max((item.size for item in problem.items), default=0):
        tight = Problem(problem.items, optimum - 1, problem.alignment)
        refused = fits(tight, SMALL)
        assert refused.status is Outcome.INFEASIBLE
        assert refused.core is not None
        assert lowest(problem.part(refused.core.members)) >= optimum
        assert "does not hold the buffers" in str(no_packing(tight, refused.core))


@given(problems)
@examples(9, 30)
def test_cp_sat_agrees_with_the_oracle(problem: Problem) -> None:
    optimum = lowest(problem)
    offsets, _ = pack_below(problem, optimum, SMALL)
    assert offsets is not None
    verify(Problem(problem.items, optimum, problem.alignment), in_bytes(problem, offsets))
    if optimum > max((item.size for item in problem.items), default=0):
        assert pack_below(problem, optimum - 1, SMALL)[0] is None


@given(problems)
@settings(max_examples=60, deadline=None)
def test_components_share_no_moment_and_hold_every_buffer_of_a_size(problem: Problem) -> None:
    groups = components(problem)
    assert sorted(int(i) for g in groups for i in g) == [i for i, item in enumerate(problem.items) if item.size]
    for a, b in itertools.combinations(groups, 2):
        for i, j in itertools.product(a, b):
            assert problem.ends[i] <= problem.starts[j] or problem.ends[j] <= problem.starts[i]


@given(problems)
@settings(max_examples=60, deadline=None)
def test_two_buffers_live_together_exactly_when_they_share_a_section(problem: Problem) -> None:
    if not problem.items:
        return
    found = sections(problem)
    for i, j in itertools.combinations(range(len(problem.items)), 2):
        together = problem.starts[i] < problem.ends[j] and problem.starts[j] < problem.ends[i]
        assert together == (found.first[i] < found.last[j] and found.first[j] < found.last[i])


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ((0, 3), r"overlap: buffers 'a' \[0, 4\) and 'b' \[3, 7\) are live together from 1 to 2"),
        ((-4, 0), "negative: buffer 'a' is at offset -4"),
        ((0, 5), "alignment: buffer 'b' is at offset 5, not a multiple of 4"),
        ((0, 8), "capacity: buffer 'b' at offset 8 with 4 bytes ends at 12, capacity 10"),
        ((0,), "offsets: 1 offsets for 2 buffers"),
    ],
)
def test_each_broken_rule_is_named(offsets: tuple[int, ...], message: str) -> None:
    alignment = 1 if "overlap" in message else 4
    with pytest.raises(MapperError, match=message):
        verify(packing((4, 0, 2), (4, 1, 3), capacity=10, alignment=alignment), Solution(offsets))


@given(problems, st.lists(st.integers(0, 12), min_size=5, max_size=5))
@examples(60, 200)
def test_the_overlap_rule_agrees_with_all_pairs(problem: Problem, drawn: list[int]) -> None:
    offsets = tuple(drawn[: len(problem.items)])
    clash = any(
        a.start < b.end and b.start < a.end and p < q + b.size and q < p + a.size and a.size and b.size
        for (a, p), (b, q) in itertools.combinations(zip(problem.items, offsets, strict=True), 2)
    )
    unlimited = Problem(problem.items, None)
    if clash:
        with pytest.raises(MapperError, match="overlap"):
            verify(unlimited, Solution(offsets))
    else:
        verify(unlimited, Solution(offsets))


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (packing((-1, 0, 2)), "buffer 'a' has negative size -1"),
        (packing((1, 2, 2)), r"buffer 'a' is never live: \[2, 2\)"),
        (packing((1, 0, 2), alignment=0), "alignment 0 is below 1"),
        (packing((1, 0, 2), capacity=-1), "capacity -1 is negative"),
        (packing((7, 0, 2), capacity=5), "buffer 'a' of 7 bytes is larger than the capacity of 5 by 2"),
        (packing((2**59, 0, 2), (2**59 + 1, 3, 4)), "2 buffers have 1152921504606846977 bytes in sum, above 1152921"),
        (packing((1, 0, 2**63)), r"buffer 'a' lives in \[0, 9223372036854775808\), beyond"),
    ],
)
def test_a_malformed_problem_is_refused(problem: Problem, message: str) -> None:
    with pytest.raises(MapperError, match=message):
        fits(problem, SMALL) if problem.capacity is not None else minimise(problem, SMALL)


def test_a_load_above_the_capacity_is_told_with_the_time_and_the_buffers() -> None:
    problem = packing((4, 0, 3), (4, 1, 4), (4, 2, 5), (9, 6, 7), capacity=10)
    result = fits(problem, SMALL)
    assert result.core is not None
    text = str(no_packing(problem, result.core, "sram"))
    assert "sram of 10 bytes does not hold the buffers: at time 2 3 buffers are live with 12 bytes, 2 too many" in text
    assert "live then: 'a' 4, 'b' 4, 'c' 4" in text
    assert "levers: a capacity of at least 12 (+2)" in text


def test_buffers_that_only_leave_gaps_are_told_as_such() -> None:
    rows = [(3, 0, 1), (3, 0, 2), (2, 1, 3), (2, 5, 6), (3, 3, 6), (1, 4, 6), (1, 2, 5), (1, 1, 5), (1, 2, 4)]
    tight = packing(*rows, capacity=6)
    result = fits(tight, SMALL)
    assert (bound(tight), result.bound, result.status) == (6, 7, Outcome.INFEASIBLE)
    assert minimise(tight, SMALL).height == 7
    assert result.core is not None
    assert "they leave gaps" in str(no_packing(tight, result.core))


def test_fits_without_a_capacity_is_refused() -> None:
    with pytest.raises(MapperError, match="needs a capacity"):
        fits(packing((1, 0, 1)), SMALL)


def test_live_sets_are_those_just_before_deaths() -> None:
    assert live_sets(packing((1, 0, 2), (1, 1, 3), (1, 2, 4))) == [[0, 1], [1, 2]]


def test_no_buffers_need_no_memory() -> None:
    assert minimise(packing(), SMALL).height == 0


def test_padding_above_the_highest_buffer_is_not_needed() -> None:
    assert minimise(packing((4, 0, 1), (5, 0, 1), alignment=4), SMALL).height == 9


def test_the_same_budget_gives_the_same_packing() -> None:
    problem = random_packing(60)
    assert minimise(problem, Budget(0.2)) == minimise(problem, Budget(0.2))


def test_reordering_never_raises_the_packing() -> None:
    problem = random_packing(60)
    _, order = next(orders(problem))
    offsets = first_fit(problem, order)
    better = reorder(problem, order, offsets, 0, Budget(0.2))
    verify(problem, in_bytes(problem, better))
    assert (better + problem.sizes).max() <= (offsets + problem.sizes).max()


def random_packing(count: int) -> Problem:
    """Buffers in the order of a program: short lives with a long one now and then, sizes over three decades."""
    source = np.random.default_rng(7)
    starts = np.arange(count) + source.integers(0, 20, count)
    lives = np.where(source.random(count) < 0.95, source.integers(1, 60, count), source.integers(1, 2 * count, count))
    sizes = source.integers(1, 100, count) * source.choice([512, 4096, 65536], count)
    rows = zip(sizes.tolist(), starts.tolist(), (starts + lives).tolist(), strict=True)
    return Problem(tuple(Item(f"b{k}", *row) for k, row in enumerate(rows)), None, 512)


def test_a_large_packing_keeps_to_its_deadline() -> None:
    problem = random_packing(6_000)
    began = monotonic()
    result = minimise(problem, Budget(math.inf, deadline=began + 1.0))
    assert monotonic() - began < 15.0  # kernels may have to be compiled first
    assert result.solution is not None
    verify(problem, result.solution)
    assert result.height is not None
    assert result.start is not None
    assert result.height <= result.start


@pytest.mark.slow
def test_eighteen_thousand_buffers_pack_close_to_the_bound() -> None:
    problem = random_packing(18_692)
    _, order = next(orders(problem))
    offsets = first_fit(problem, order)
    assert problem.height(in_bytes(problem, offsets).offsets) <= 1.02 * bound(problem)


@pytest.mark.parametrize(("name", "within"), [("G_1", 1.0), ("resnet50", 1.007)])
def test_real_traces_pack_close_to_the_bound(bench_folder: Path, name: str, within: float) -> None:
    problem = load(bench_folder / "idealloc" / f"{name}.csv")
    result = minimise(problem, Budget(0.1))
    assert result.solution is not None
    assert result.height is not None
    verify(problem, result.solution)
    assert result.height <= within * result.bound


@pytest.mark.slow
def test_a_challenging_instance_fits(bench_folder: Path) -> None:
    problem = load(bench_folder / "minimalloc" / "C.1048576.csv", 1048576)
    result = fits(problem, Budget(12.0))
    assert result.solution is not None
    verify(problem, result.solution)
