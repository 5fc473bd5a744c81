"""Selection by CP-SAT: a literal per option and per pair of groups of options, for cores that are small."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ortools.sat.python import cp_model

from mapper.errors import Infeasible, MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Answer, Outcome, add_hints, solve
from mapper.solve.incumbent import Incumbent
from mapper.solve.selection.arrays import Arrays, evaluate
from mapper.solve.selection.problem import FORBIDDEN
from mapper.solve.selection.rows import Ints

Literal = cp_model.IntVar

NODES = 250
ENTRIES = 60_000
"""Nodes and pairs of options up to which CP-SAT is tried (measured: it proves some of these sizes within a minute)."""


@dataclass(frozen=True)
class Variables:
    """chosen[node][option]; cost terms (literal, cost) of all options and pairs."""

    chosen: list[list[Literal]]
    terms: list[tuple[Literal, int]]


def judge(arrays: Arrays) -> Callable[[Ints], int]:
    """What tells the cost of a choice, and refuses one that is forbidden or does not fit."""

    def cost_of(choice: Ints) -> int:
        cost, excess = evaluate(arrays, choice)
        if cost >= FORBIDDEN or excess > 0:
            raise MapperError(f"internal: a search chose something forbidden, or {excess} more than there is memory")
        return cost

    return cost_of


@dataclass(frozen=True)
class Exact:
    """A choice (None: none found), a lower bound with the arrays' constant, and how the search ended."""

    choice: Ints | None
    bound: int | None
    outcome: Outcome


def fits_exact(arrays: Arrays) -> bool:
    """Whether CP-SAT has a chance: few nodes and few pairs of options."""
    return arrays.nodes <= NODES and len(arrays.edge_cost) <= ENTRIES


def exactly(arrays: Arrays, incumbent: Incumbent[Ints], budget: Budget) -> None:
    """CP-SAT on the arrays, from the incumbent if it has one."""
    found = solve_exactly(arrays, budget, incumbent.solution if incumbent.found else None)
    if found.outcome is Outcome.INFEASIBLE:
        if incumbent.found:
            raise MapperError(f"internal: CP-SAT says that nothing fits, {incumbent.by} found {incumbent.value}")
        raise never_fits(arrays, "CP-SAT")
    if found.choice is not None:
        incumbent.offer(found.choice, "CP-SAT")
    if found.bound is not None:
        incumbent.raise_bound(min(found.bound, incumbent.value), "CP-SAT")


def never_fits(arrays: Arrays, by: str) -> Infeasible:
    """The error for arrays whose allowed options never keep the limits together."""
    memory = "the options that pairs allow never fit the memory together"
    return Infeasible(
        f"nothing can be chosen: {memory if arrays.rows else 'the pairs that are allowed rule each other out'}",
        details=[f"proven by {by} on the {arrays.nodes} nodes and {arrays.rows} moments that reductions leave"],
        hint=("raise the memory's limit, or " if arrays.rows else "") + "allow more pairs of options",
    )


def solve_exactly(arrays: Arrays, budget: Budget, start: Ints | None = None) -> Exact:
    """The cheapest choice, as far as the budget goes; the search begins at `start`."""
    model = cp_model.CpModel()
    x = _variables(model, arrays)
    add_pairs(model, x, arrays)
    add_memory(model, x, arrays)
    model.minimize(sum(cost * literal for literal, cost in x.terms))
    if start is not None:
        pairs = zip(x.chosen, start.tolist(), strict=True)
        add_hints(model, [(literal, o == option) for its, option in pairs for o, literal in enumerate(its)])
    answer = solve(model, budget, linearization_level=2)
    bound = None if answer.bound is None else arrays.constant + _safe(answer.bound)
    return Exact(_choice(x, answer) if answer.found else None, bound, answer.outcome)


def _safe(bound: float) -> int:
    """A whole number not above the bound, though it was rounded to floating point."""
    return math.ceil(bound - 0.5 - abs(bound) * 2**-52)


def _variables(model: cp_model.CpModel, arrays: Arrays) -> Variables:
    """One literal per option, exactly one of a node."""
    chosen, terms = [], []
    for i in range(arrays.nodes):
        costs = arrays.cost[arrays.first[i] : arrays.first[i + 1]].tolist()
        literals = [model.new_bool_var(f"x{i}_{o}") for o in range(len(costs))]
        model.add_exactly_one(literals)
        for literal, cost in zip(literals, costs, strict=True):
            if cost >= FORBIDDEN:
                model.add(literal == 0)
            elif cost:
                terms.append((literal, cost))
        chosen.append(literals)
    return Variables(chosen, terms)


def add_pairs(model: cp_model.CpModel, x: Variables, arrays: Arrays) -> None:
    """Each edge chooses one pair of groups, that of its nodes' options; options with equal costs are a group."""
    options = arrays.options
    for e in range(arrays.edges):
        a, b = int(arrays.edge_a[e]), int(arrays.edge_b[e])
        matrix = arrays.edge_cost[arrays.edge_first[e] : arrays.edge_first[e + 1]].reshape(options[a], options[b])
        rows, row_of = np.unique(matrix, axis=0, return_inverse=True)
        table, column_of = np.unique(rows, axis=1, return_inverse=True)
        left = _groups(model, x.chosen[a], row_of.reshape(-1), len(rows))
        right = _groups(model, x.chosen[b], column_of.reshape(-1), table.shape[1])
        _add_table(model, x, left, right, table, e)


def _groups(model: cp_model.CpModel, literals: list[Literal], group: Ints, count: int) -> list[Literal]:
    """A literal per group: one of its options is chosen."""
    members: dict[int, list[Literal]] = defaultdict(list)
    for literal, its in zip(literals, group.tolist(), strict=True):
        members[its].append(literal)
    found = []
    for g in range(count):
        if len(members[g]) == 1:
            found.append(members[g][0])
            continue
        either = model.new_bool_var("")
        model.add_exactly_one([*members[g], ~either])
        found.append(either)
    return found


def _add_table(
    model: cp_model.CpModel, x: Variables, left: list[Literal], right: list[Literal], table: Ints, e: int
) -> None:
    """Exactly one pair of groups, that of the groups that are chosen on both sides."""
    rows: dict[int, list[Literal]] = defaultdict(list)
    columns: dict[int, list[Literal]] = defaultdict(list)
    for r, costs in enumerate(table.tolist()):
        for c, cost in enumerate(costs):
            if cost < FORBIDDEN:
                pair = model.new_bool_var(f"y{e}_{r}_{c}")
                rows[r].append(pair)
                columns[c].append(pair)
                if cost:
                    x.terms.append((pair, cost))
    for r, literal in enumerate(left):
        model.add_exactly_one([*rows[r], ~literal])
    for c, literal in enumerate(right):
        model.add_exactly_one([*columns[c], ~literal])


def add_memory(model: cp_model.CpModel, x: Variables, arrays: Arrays) -> None:
    """The usages of each row keep its limit."""
    owner = np.repeat(np.arange(arrays.nodes), np.diff(arrays.piece_first))
    terms: list[list[tuple[Literal, int]]] = [[] for _ in range(arrays.rows)]
    for q in range(len(owner)):
        used = arrays.usage[arrays.usage_first[q] : arrays.usage_first[q + 1]].tolist()
        mine = [(lit, u) for lit, u in zip(x.chosen[owner[q]], used, strict=True) if u]
        for row in range(arrays.piece_start[q], arrays.piece_end[q]):
            terms[row] += mine
    for row, its in enumerate(terms):
        model.add(sum(usage * literal for literal, usage in its) <= int(arrays.limit[row]))


def _choice(x: Variables, answer: Answer) -> Ints:
    solver = answer.solver
    return np.array(
        [next(o for o, lit in enumerate(its) if solver.boolean_value(lit)) for its in x.chosen], dtype=np.int64
    )
