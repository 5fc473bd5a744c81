"""The rules of a packing, recomputed from the definition: non-negative, alignment, capacity, overlap."""

from __future__ import annotations

from bisect import bisect_left, insort

from mapper.errors import MapperError
from mapper.solve.packing.problem import Problem, Solution


def verify(problem: Problem, solution: Solution) -> None:
    """Refuse a solution that breaks a rule; the message starts with the rule's name."""
    if len(solution.offsets) != len(problem.items):
        raise MapperError(f"offsets: {len(solution.offsets)} offsets for {len(problem.items)} buffers")
    negative(problem, solution)
    alignment(problem, solution)
    capacity(problem, solution)
    overlap(problem, solution)


def negative(problem: Problem, solution: Solution) -> None:
    """No buffer starts below 0."""
    for item, offset in zip(problem.items, solution.offsets, strict=True):
        if offset < 0:
            raise MapperError(f"negative: buffer '{item.name}' is at offset {offset}")


def alignment(problem: Problem, solution: Solution) -> None:
    """Every offset is a multiple of the alignment."""
    for item, offset in zip(problem.items, solution.offsets, strict=True):
        if offset % problem.alignment:
            raise MapperError(
                f"alignment: buffer '{item.name}' is at offset {offset}, not a multiple of {problem.alignment}"
            )


def capacity(problem: Problem, solution: Solution) -> None:
    """Every buffer ends at or below the capacity."""
    for item, offset in zip(problem.items, solution.offsets, strict=True):
        if problem.capacity is not None and offset + item.size > problem.capacity:
            raise MapperError(
                f"capacity: buffer '{item.name}' at offset {offset} with {item.size} bytes ends at "
                f"{offset + item.size}, capacity {problem.capacity}"
            )


def overlap(problem: Problem, solution: Solution) -> None:
    """No two buffers that are live together share a byte. A sweep over time keeps the live ones sorted by offset."""
    items, offsets = problem.items, solution.offsets
    sized = [i for i, item in enumerate(items) if item.size]
    moments = sorted([(items[i].start, 1, i) for i in sized] + [(items[i].end, 0, i) for i in sized])
    live: list[tuple[int, int]] = []
    for _, begins, i in moments:
        at = bisect_left(live, (offsets[i], i))
        if not begins:
            del live[at]
            continue
        for _, j in live[max(at - 1, 0) : at + 1]:
            if offsets[i] < offsets[j] + items[j].size and offsets[j] < offsets[i] + items[i].size:
                raise MapperError(
                    f"overlap: buffers '{items[j].name}' [{offsets[j]}, {offsets[j] + items[j].size}) and "
                    f"'{items[i].name}' [{offsets[i]}, {offsets[i] + items[i].size}) are live together "
                    f"from {items[i].start} to {min(items[i].end, items[j].end)}"
                )
        insort(live, (offsets[i], i))
