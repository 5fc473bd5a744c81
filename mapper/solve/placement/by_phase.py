"""Phase after phase: each as good as it can be for itself, with what those before it left in the memories."""

from __future__ import annotations

from dataclasses import replace

from mapper.errors import Infeasible, MapperError
from mapper.solve.budget import Budget
from mapper.solve.placement import driver
from mapper.solve.placement import problem as pb


def by_phase(problem: pb.Problem, objective: str, budget: Budget) -> pb.Solution:
    """The placement of one phase after the other, in the order of the phases, the budget shared evenly.

    Raises Infeasible when what the first phases keep leaves a later one no place.
    """
    phases = sorted({item.phase for item in problem.items})
    choice: dict[int, int] = {}
    for phase in phases:
        part, items, kept = _alone(problem, phase, choice)
        found = driver.solve(part, objective, budget.part(1 / len(phases))).solution
        for i, o, options in zip(items, found.choice, kept, strict=True):
            choice[i] = options[o]
    solution = pb.Solution(tuple(choice[i] for i in range(len(problem.items))))
    try:
        pb.verify(problem, solution)
    except MapperError as error:
        raise Infeasible(error.message) from error
    return solution


def _alone(
    problem: pb.Problem, phase: int, choice: dict[int, int]
) -> tuple[pb.Problem, list[int], list[tuple[int, ...]]]:
    """One phase as a problem of its own; its items; and which of each item's options it has there.

    What earlier phases keep is there already: it takes no more room and leaves less. An item that shares a state with
    an earlier one has the options that lie where that one does.
    """
    items = [i for i, item in enumerate(problem.items) if item.phase == phase]
    number = {i: k for k, i in enumerate(items)}
    there = {k for i, o in choice.items() for k in problem.items[i].options[o].needs}
    room = list(problem.capacities)
    for k in there:
        room[problem.residents[k].memory] -= problem.residents[k].bytes
    places = _settled(problem, choice)
    kept = []
    for i in items:
        options = problem.items[i].options
        fits = tuple(o for o, option in enumerate(options) if i not in places or option.place == places[i])
        if not fits:
            raise Infeasible(
                f"'{problem.items[i].name}' cannot run where '{problem.places[places[i]]}' keeps its state"
            )
        kept.append(fits)
    part = replace(
        problem,
        items=tuple(
            replace(problem.items[i], options=tuple(problem.items[i].options[o] for o in fits))
            for i, fits in zip(items, kept, strict=True)
        ),
        nets=tuple(
            replace(
                net,
                source=number[net.source] if net.source >= 0 else -1,
                sinks=tuple(number[s] for s in net.sinks),
            )
            for net in problem.nets
            if net.phase == phase
        ),
        residents=tuple(replace(r, bytes=0) if k in there else r for k, r in enumerate(problem.residents)),
        capacities=tuple(room),
        ties=tuple(
            tie for tie in (tuple(number[i] for i in tie if i in number) for tie in problem.ties) if len(tie) > 1
        ),
    )
    return part, items, kept


def _settled(problem: pb.Problem, choice: dict[int, int]) -> dict[int, int]:
    """Where items must lie that are tied to placed ones."""
    found: dict[int, int] = {}
    for tie in problem.ties:
        places = [problem.items[i].options[choice[i]].place for i in tie if i in choice]
        found.update(dict.fromkeys((i for i in tie if i not in choice), places[0]) if places else {})
    return found
