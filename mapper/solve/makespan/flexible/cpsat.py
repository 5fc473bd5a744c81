"""The flexible makespan problem as a CP-SAT model: an optional interval per mode and per transfer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from mapper.solve.budget import Budget
from mapper.solve.cpsat import LONG_BATCHES, Answer, solve
from mapper.solve.makespan.flexible.bound import heads_of, tails_of
from mapper.solve.makespan.flexible.problem import Edge, Problem, Solution

Held = tuple[cp_model.IntervalVar, int]
"""An interval and the amount that is held in it."""


@dataclass(frozen=True, slots=True)
class Variables:
    """Per task its start, its ticks and a literal for each mode it may take; per travelling edge the start of its
    transfer and a literal for each pair of places that it may take; what is held of each resource; the makespan."""

    start: list[cp_model.IntVar]
    ticks: list[cp_model.LinearExpr]
    mode: list[dict[int, cp_model.IntVar]]
    move: dict[int, tuple[cp_model.IntVar, dict[tuple[int, int], cp_model.IntVar]]]
    held: list[list[Held]]
    makespan: cp_model.IntVar


def exact(
    problem: Problem,
    hint: Solution | None,
    least: int,
    most: int,
    budget: Budget,
    on_bound: Callable[[float], None] | None = None,
    enough: Callable[[], bool] | None = None,
) -> tuple[Solution | None, Answer]:
    """The best schedule that ends in [least, most], and the solver's answer."""
    model = cp_model.CpModel()
    x = variables(model, problem, problem.possible, least, most)
    add_stages(model, x, problem)
    add_capacity(model, x, problem)
    add_makespan(model, x)
    if hint is not None:
        add_hint(model, x, problem, hint)
    model.minimize(x.makespan)
    answer = solve(model, budget, parameters=LONG_BATCHES, on_bound=on_bound, enough=enough)
    return (read_back(problem, x, answer.solver) if answer.found else None), answer


def variables(
    model: cp_model.CpModel, problem: Problem, modes: Sequence[Sequence[int]], least: int, most: int
) -> Variables:
    """The variables, when task i may take the modes in modes[i]."""
    heads, tails = heads_of(problem), tails_of(problem)
    x = Variables([], [], [], {}, [[] for _ in problem.resources], model.new_int_var(least, most, "makespan"))
    for i, task in enumerate(problem.tasks):
        start = model.new_int_var(heads[i], max(heads[i], most - tails[i]), f"start {i}")
        picks = {m: model.new_bool_var(f"mode {i} {m}") for m in modes[i]}
        model.add_exactly_one(picks.values())
        for m, pick in picks.items():
            mode = task.modes[m]
            _hold(model, x, mode.ticks, mode.demands, start, pick)
        x.start.append(start)
        x.mode.append(picks)
        x.ticks.append(_sum_of(picks, {m: task.modes[m].ticks for m in picks}))
    for e, edge in enumerate(problem.edges):
        if edge.size is not None:
            _add_move(model, x, problem, e, most)
    return x


def _hold(
    model: cp_model.CpModel,
    x: Variables,
    ticks: int,
    demands: Sequence[tuple[int, int]],
    start: cp_model.IntVar,
    pick: cp_model.IntVar,
) -> None:
    if not ticks or not demands:
        return
    interval = model.new_optional_fixed_size_interval_var(start, ticks, pick, "")
    for r, amount in demands:
        x.held[r].append((interval, amount))


def _add_move(model: cp_model.CpModel, x: Variables, problem: Problem, e: int, most: int) -> None:
    """A literal for each pair of places between which an edge may travel, and what it then holds."""
    edge = problem.edges[e]
    start = model.new_int_var(0, most, f"move {e}")
    pairs: dict[tuple[int, int], cp_model.IntVar] = {}
    for a, here in _places(problem, x, edge.source).items():
        for b, there in _places(problem, x, edge.sink).items():
            transfer = problem.route(edge.size or 0, a, b)
            if a == b:
                continue
            if transfer is None:
                model.add(sum(here) + sum(there) <= 1)
                continue
            pair = model.new_bool_var(f"move {e} {a} {b}")
            model.add(pair >= sum(here) + sum(there) - 1)
            model.add(pair <= sum(here))
            model.add(pair <= sum(there))
            _hold(model, x, transfer.ticks, transfer.demands, start, pair)
            pairs[a, b] = pair
    x.move[e] = start, pairs


def _places(problem: Problem, x: Variables, i: int) -> dict[int, list[cp_model.IntVar]]:
    """The mode literals of a task by place."""
    found: dict[int, list[cp_model.IntVar]] = {}
    for m, pick in x.mode[i].items():
        found.setdefault(problem.tasks[i].modes[m].place, []).append(pick)
    return found


def add_stages(model: cp_model.CpModel, x: Variables, problem: Problem) -> None:
    """Along an edge each stage starts a tile after the one before it started and ends a tile of its own after it."""
    for e, edge in enumerate(problem.edges):
        source = (x.start[edge.source], x.ticks[edge.source], _tile(problem, x, edge.source, edge))
        sink = (x.start[edge.sink], x.ticks[edge.sink], _tile(problem, x, edge.sink, edge))
        if e not in x.move or not x.move[e][1]:
            _follow(model, source, sink, [])
            continue
        start, pairs = x.move[e]
        moved = model.new_bool_var(f"moved {e}")
        model.add(sum(pairs.values()) == moved)
        for (a, b), pair in pairs.items():
            ticks = problem.transfers[edge.size or 0][a, b].ticks
            lasts, tile = (cp_model.LinearExpr.constant(t) for t in (ticks, -(-ticks // edge.tiles)))
            move = (start, lasts, lasts if edge.tiles == 1 else tile)
            _follow(model, source, move, [pair])
            _follow(model, move, sink, [pair])
            model.add(x.makespan >= start + ticks).only_enforce_if(pair)
        _follow(model, source, sink, [moved.negated()])


Stage = tuple[cp_model.LinearExpr, cp_model.LinearExpr, cp_model.LinearExpr]
"""A start, the ticks, and the ticks of a tile."""


def _follow(model: cp_model.CpModel, a: Stage, b: Stage, when: Sequence[cp_model.LiteralT]) -> None:
    rules = [model.add(b[0] >= a[0] + a[2])]
    if a[1] is not a[2]:  # with one tile the second rule is the first
        rules.append(model.add(b[0] + b[1] >= a[0] + a[1] + b[2]))
    for rule in rules:
        if when:
            rule.only_enforce_if(when)


def _tile(problem: Problem, x: Variables, i: int, edge: Edge) -> cp_model.LinearExpr:
    if edge.tiles == 1:
        return x.ticks[i]
    return _sum_of(x.mode[i], {m: -(-problem.tasks[i].modes[m].ticks // edge.tiles) for m in x.mode[i]})


def _sum_of(picks: Mapping[int, cp_model.IntVar], values: Mapping[int, int]) -> cp_model.LinearExpr:
    """The value of the mode that is picked."""
    return cp_model.LinearExpr.weighted_sum(list(picks.values()), [values[m] for m in picks])


def add_capacity(model: cp_model.CpModel, x: Variables, problem: Problem) -> None:
    """At every tick the amounts held of a resource sum to at most its capacity."""
    for resource, held in zip(problem.resources, x.held, strict=True):
        amounts = [amount for _, amount in held]
        if sum(sorted(amounts)[:2]) > resource.capacity:
            model.add_no_overlap([interval for interval, _ in held])
        elif sum(amounts) > resource.capacity:
            model.add_cumulative([interval for interval, _ in held], amounts, resource.capacity)


def add_makespan(model: cp_model.CpModel, x: Variables) -> None:
    """The makespan is not before any result."""
    for start, ticks in zip(x.start, x.ticks, strict=True):
        model.add(x.makespan >= start + ticks)


def add_hint(model: cp_model.CpModel, x: Variables, problem: Problem, hint: Solution) -> None:
    """Tell CP-SAT of a schedule."""
    model.add_hint(x.makespan, hint.makespan)
    for start, picks, s, chosen in zip(x.start, x.mode, hint.start, hint.mode, strict=True):
        model.add_hint(start, s)
        for m, pick in picks.items():
            model.add_hint(pick, m == chosen)
    for e, (start, pairs) in x.move.items():
        edge = problem.edges[e]
        ends = tuple(problem.tasks[i].modes[hint.mode[i]].place for i in (edge.source, edge.sink))
        model.add_hint(start, hint.moves.get(e, 0))
        for pair, taken in pairs.items():
            model.add_hint(taken, pair == ends)


def read_back(problem: Problem, x: Variables, solver: cp_model.CpSolver) -> Solution:
    """The solver's assignment as a solution."""
    mode = tuple(next(m for m, pick in picks.items() if solver.boolean_value(pick)) for picks in x.mode)
    start = tuple(solver.value(s) for s in x.start)
    moves, last = {}, 0
    for task, m, s in zip(problem.tasks, mode, start, strict=True):
        last = max(last, s + task.modes[m].ticks)
    for e, (begin, pairs) in x.move.items():
        for (a, b), taken in pairs.items():
            if solver.boolean_value(taken):
                moves[e] = solver.value(begin)
                last = max(last, moves[e] + problem.transfers[problem.edges[e].size or 0][a, b].ticks)
    return Solution(mode, start, last, moves)
