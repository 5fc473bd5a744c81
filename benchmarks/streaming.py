"""Fused groups in tiles on a few cores: dumps of KU Leuven's Stream, its costs, other schedules.

FOLDER holds files of format stream-h2h/1 (others are left alone), or has a subfolder `stream` that does. The best known
value of an instance is Stream's own on the same groups. Each solution goes to disk as every step with its start and
end; `python benchmarks/streaming_check.py INSTANCE SOLUTION` checks it from the two files alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.instances import stream
from benchmarks.solving import Answer, Bar, Case, Row, run
from mapper.solve.budget import Budget
from mapper.solve.streaming import Problem, Solution, minimise, verify
from mapper.solve.streaming.steps import expand
from mapper.solve.streaming.verify import WHOLE

SECONDS = 45.0
"""Limit of an instance; the bar is 60 s with reading and verifying."""

SECONDS_BAR = 60.0


def cases(folder: Path) -> Iterator[Case]:
    """The instances of the folder, or of its subfolder `stream`."""
    root = folder / "stream" if (folder / "stream").is_dir() else folder
    for path in sorted(path for path in root.glob("*.json") if path.is_file() and stream.is_dump(path)):
        yield _case(root.resolve().name, path)


def _case(group: str, path: Path) -> Case:
    instance = stream.read(path)
    work = expand(instance.problem, [value.ways[-1] for value in instance.problem.values])
    data: dict[str, object] = {"workload": instance.workload, "hardware": instance.hardware}

    def answer(budget: Budget) -> Answer:
        problem = stream.read(path).problem
        result = minimise(problem, budget)
        verify(problem, result.solution)
        data["away"] = result.away
        away = "does not fit" if result.away is None else f"{result.away:,}"
        note = f"bound: {result.bound_name}; all values through the memory outside: {away}"
        return Answer(result.value, result.bound, result.bound_name, as_json(path.name, problem, result.solution), note)

    return Case(group, path.stem, f"{len(work.steps)} steps", SECONDS, answer, instance.stream_cycles, data)


def as_json(instance: str, problem: Problem, solution: Solution) -> Mapping[str, object]:
    """A schedule to write: the way of each value, and every step with its group, node, firing, start, end and the
    pieces between them, each with its start, end and part of full speed."""
    ways = [value.ways[way] for value, way in zip(problem.values, solution.ways, strict=True)]
    steps = [
        [
            problem.groups[step.place[0]].name,
            problem.node(step.place).name,
            step.firing,
            solution.start[i],
            solution.end[i],
            [[piece.start, piece.end, piece.speed / WHOLE] for piece in solution.pieces[i]],
        ]
        for i, step in enumerate(expand(problem, ways).steps)
    ]
    named = {value.name: way.name for value, way in zip(problem.values, ways, strict=True)}
    return {"instance": instance, "cycles": solution.makespan, "ways": named, "steps": steps}


def bars(rows: Sequence[Row]) -> Iterator[Bar]:
    """Below Stream's cycles on the same groups; below the best that Stream has for the workload with any groups."""
    best: dict[object, float] = {}
    for row in rows:
        key = (row.case.data["workload"], row.case.data["hardware"])
        best[key] = min(best.get(key, float("inf")), row.case.best or float("inf"))
    for row in rows:
        stream_cycles = row.case.best or 0.0
        yield Bar(
            f"{row.case.name} not above Stream's {stream_cycles:,.0f} cycles",
            f"{row.value:,.0f} ({row.value / stream_cycles - 1:+.1%})",
            row.value <= stream_cycles,
        )
        least = best[row.case.data["workload"], row.case.data["hardware"]]
        if least < stream_cycles:
            yield Bar(
                f"{row.case.name} below the {least:,.0f} cycles of Stream's best groups",
                f"{row.value:,.0f} ({row.value / least - 1:+.1%})",
                row.value < least,
            )
        yield Bar(f"{row.case.name} in {SECONDS_BAR:.0f} s", f"{row.seconds:.1f}", row.seconds <= SECONDS_BAR)


if __name__ == "__main__":
    run(__doc__, cases, bars)
