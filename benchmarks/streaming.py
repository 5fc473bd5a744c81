"""Fused groups in tiles on a few cores: dumps of KU Leuven's Stream, its costs, other schedules.

FOLDER holds files of format stream-h2h/1 (others are left alone), or has a subfolder `stream` that does. The best known
value of an instance is Stream's own on the same groups. Each solution goes to disk as every step with its start and
end; `python benchmarks/streaming_check.py INSTANCE... SOLUTION` checks it from these files alone. Where several files
have other groups of the same workload on the same chip, a last row may take any of their groups.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.instances import stream
from benchmarks.instances.stream_groups import mixtures
from benchmarks.solving import Answer, Bar, Case, Row, run
from mapper.solve.budget import Budget
from mapper.solve.streaming import Problem, Result, Solution, TooSmall, minimise, verify
from mapper.solve.streaming.steps import expand
from mapper.solve.streaming.verify import WHOLE

SECONDS = 45.0
"""Limit of an instance; the bar is 60 s with reading and verifying."""

OUTSIDE_SHARE = 0.25
"""Part of the time for the schedule that keeps nothing on chip between groups, which is shown for comparison."""

SECONDS_BAR = 60.0


def cases(folder: Path) -> Iterator[Case]:
    """The instances of the folder, or of its subfolder `stream`."""
    root = folder / "stream" if (folder / "stream").is_dir() else folder
    name = root.resolve().name
    same: dict[tuple[str, str], dict[str, Path]] = {}
    for path in sorted(path for path in root.glob("*.json") if path.is_file() and stream.is_dump(path)):
        instance = stream.read(path)
        same.setdefault((instance.workload, instance.hardware), {})[path.stem] = path
        yield _case(name, path, instance)
    for (workload, hardware), paths in same.items():
        mixed = mixtures({stem: stream.load(path) for stem, path in paths.items()}) if len(paths) > 1 else []
        if len(mixed) > 1:
            yield _mixed(name, f"{Path(workload).stem}__{Path(hardware).stem}__any_groups", paths, mixed)


def _case(group: str, path: Path, instance: stream.Instance) -> Case:
    work = expand(instance.problem, [value.ways[-1] for value in instance.problem.values])

    def answer(budget: Budget) -> Answer:
        problem, outside = _outside(path, budget.slice(OUTSIDE_SHARE))
        note = f"all values through the memory outside: {outside.value:,}, bound {outside.bound:,}"
        return _answer([path.name], problem, minimise(problem, budget), note)

    size = f"{len(work.steps)} steps"
    return Case(group, path.stem, size, SECONDS, answer, instance.stream_cycles, _data(instance))


def _outside(path: Path, budget: Budget) -> tuple[Problem, Result[Solution]]:
    """The problem, and its schedule that keeps nothing on chip between groups. Where the largest windows do not fit the
    memories, those of Stream's solution are taken."""
    problem = stream.read(path).problem
    try:
        return problem, minimise(only_outside(problem), budget)
    except TooSmall:
        problem = stream.read(path, stream.Windows.RECORDED).problem
        return problem, minimise(only_outside(problem), budget)


def _mixed(group: str, name: str, paths: Mapping[str, Path], mixed: Sequence[stream.Json]) -> Case:
    """The workload with any of the groups that its files have priced: which of them is a decision too.

    Each mixture gets its part of a third of the time, the one with the shortest schedule the rest.
    """
    instances = [stream.parse(data, Path(name)) for data in mixed]
    best = min(stream.read(path).stream_cycles for path in paths.values())

    def answer(budget: Budget) -> Answer:
        found: list[tuple[int, Problem, Result[Solution]]] = []
        for k, instance in enumerate(instances):
            part = 1 / (3 * len(instances) - k)
            result = minimise(instance.problem, budget.slice(part))
            found.append((result.value, instance.problem, result))
        _, problem, result = min(found, key=lambda one: one[0])
        longer = minimise(problem, budget)
        least = min((one for _, _, one in found), key=lambda one: one.bound)
        better = longer if longer.value <= result.value else result
        better = replace(better, bound=least.bound, bound_name=f"{least.bound_name}, of any mixture")
        taken = ", ".join(dict.fromkeys(group.name.rsplit("/", 1)[0] for group in problem.groups))
        return _answer([path.name for path in paths.values()], problem, better, f"groups of {taken}")

    return Case(group, name, f"{len(mixed)} mixtures", SECONDS, answer, best, _data(instances[0]))


def _data(instance: stream.Instance) -> dict[str, object]:
    return {"workload": instance.workload, "hardware": instance.hardware}


def only_outside(problem: Problem) -> Problem:
    """The same with every value through the memory outside, as Stream has it: only moments and orders are decided."""
    return replace(problem, values=tuple(replace(value, ways=value.ways[-1:]) for value in problem.values))


def _answer(files: Sequence[str], problem: Problem, result: Result[Solution], note: str) -> Answer:
    verify(problem, result.solution)
    note = f"bound: {result.bound_name}; {note}"
    return Answer(result.value, result.bound, result.bound_name, as_json(files, problem, result.solution), note)


def as_json(files: Sequence[str], problem: Problem, solution: Solution) -> Mapping[str, object]:
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
    groups = [group.name for group in problem.groups]
    return {"files": list(files), "groups": groups, "cycles": solution.makespan, "ways": named, "steps": steps}


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
