"""The latency of a placement for CP-SAT: each item after its operands have come and its machine is free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ortools.sat.python import cp_model

from mapper.solve.placement.tables import Tables

Literal = cp_model.IntVar | bool


def add_ends(
    model: cp_model.CpModel,
    tables: Tables,
    fixed: Sequence[int],
    choice: Mapping[int, Sequence[cp_model.IntVar]],
    at: Mapping[int, Mapping[int, cp_model.IntVar]],
    reads: Mapping[int, Mapping[int, cp_model.IntVar]],
    any_order: bool,
) -> tuple[list[cp_model.IntVar], list[int]]:
    """By phase, a variable no less than the end of one run (equal to it at the optimum: nothing else holds the moments
    apart), and its upper limit. at, reads: for each free item, whether its result lies and its operands are read in a
    place. A machine takes its items in their order, as the problem's totals have it, or in any order, which is what a
    schedule may do and a bound must allow."""
    problem = tables.problem
    horizon = _horizon(tables)
    ends = [model.new_int_var(0, horizon[p], f"end{p}") for p in range(len(problem.calls))]
    done: list[cp_model.IntVar] = []
    free: dict[tuple[int, int], list[tuple[Literal, cp_model.IntVar]]] = {}
    taken: dict[tuple[int, int], list[cp_model.IntervalVar]] = {}

    def places(i: int) -> Mapping[int, Literal]:
        return at[i] if i in at else {int(tables.places[i][fixed[i]]): True}

    def reading(i: int) -> Mapping[int, Literal]:
        return reads[i] if i in reads else {int(tables.reads[i][fixed[i]]): True}

    for i, item in enumerate(problem.items):
        start = model.new_int_var(0, horizon[item.phase], "")
        done.append(model.new_int_var(0, horizon[item.phase], ""))
        picks: Sequence[Literal] = choice[i] if i in choice else [o == fixed[i] for o in range(len(item.options))]
        for n in problem.inputs[i]:
            net = problem.nets[n]
            made: Mapping[int, Literal] = {net.origin: True} if net.source < 0 else places(net.source)
            ready = 0 if net.source < 0 else done[net.source]
            for a, here in made.items():
                for b, there in reading(i).items():
                    move = problem.transfers[net.size].get((a, b))
                    if a == b or move is not None:
                        delay = 0 if a == b or move is None else move.ticks
                        _when(model, start >= ready + delay, [here, there])
        ticks = sum(o.ticks * x for o, x in zip(item.options, picks, strict=True))
        model.add(done[i] >= start + ticks)
        for o, option in enumerate(item.options if any_order else ()):
            if option.machine >= 0 and picks[o] is not False and option.ticks:
                busy = model.new_optional_fixed_size_interval_var(start, option.ticks, picks[o], "")
                taken.setdefault((item.phase, option.machine), []).append(busy)
        for o, option in enumerate(() if any_order else item.options):
            if option.machine >= 0 and picks[o] is not False:
                for other, end in free.get((item.phase, option.machine), [])[-1:]:
                    _when(model, start >= end, [picks[o], other])
        if not any_order:
            _release(model, free, item.phase, [o.machine for o in item.options], picks, done[i], horizon)
        model.add(ends[item.phase] >= done[i])
    for intervals in taken.values():
        model.add_no_overlap(intervals)
    for net in problem.nets:
        for b in net.ends:
            made = {net.origin: True} if net.source < 0 else places(net.source)
            for a, here in made.items():
                move = problem.transfers[net.size].get((a, b))
                if a == b or move is not None:
                    ready = 0 if net.source < 0 else done[net.source]
                    _when(model, ends[net.phase] >= ready + (0 if a == b or move is None else move.ticks), [here])
    return ends, horizon


def _when(model: cp_model.CpModel, rule: cp_model.BoundedLinearExpression | bool, literals: list[Literal]) -> None:
    """The rule holds if all literals do."""
    variables = [x for x in literals if not isinstance(x, bool)]
    if any(x is False for x in literals) or rule is True:
        return
    constraint = model.add(rule)
    if variables:
        constraint.only_enforce_if(variables)


def _release(
    model: cp_model.CpModel,
    free: dict[tuple[int, int], list[tuple[Literal, cp_model.IntVar]]],
    phase: int,
    machines: Sequence[int],
    picks: Sequence[Literal],
    done: cp_model.IntVar,
    horizon: Sequence[int],
) -> None:
    """A machine that the item may take is free when the item is done, if it takes it, and no sooner than before."""
    for m in sorted(set(machines) - {-1}):
        mine = [x for x, q in zip(picks, machines, strict=True) if q == m and x is not False]
        if not mine:
            continue
        before = free.get((phase, m), [])[-1:]
        moment = model.new_int_var(0, horizon[phase], "")
        for _, end in before:
            model.add(moment >= end)
        for x in mine:
            _when(model, moment >= done, [x])
        free[phase, m] = [(True, moment)]


def _horizon(tables: Tables) -> list[int]:
    """Per phase, ticks that no dispatch exceeds: every item and every transfer one after the other."""
    problem = tables.problem
    horizon = [0] * len(problem.calls)
    for item in problem.items:
        horizon[item.phase] += max(o.ticks for o in item.options)
    for net in problem.nets:
        longest = max((t.ticks for t in problem.transfers[net.size].values()), default=0)
        horizon[net.phase] += longest * (len(net.sinks) + len(net.ends))
    return horizon
