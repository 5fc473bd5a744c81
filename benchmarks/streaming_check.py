"""Checks a schedule that benchmarks/streaming.py has written, from the instance and the schedule alone.

The rules are those of mapper/solve/streaming/verify.py: every step is there and lasts at least as long as its work, it
starts after all that it waits for, no line is overloaded at any moment, no memory is overfull.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.instances import stream
from benchmarks.instances.stream_groups import mixtures
from mapper.errors import MapperError
from mapper.solve.streaming import Piece, Problem, Solution, verify
from mapper.solve.streaming.steps import expand
from mapper.solve.streaming.verify import WHOLE


def instance_of(paths: list[Path], groups: list[str]) -> stream.Instance:
    """The dump, or the mixture of several dumps, that has these groups. Raises MapperError when none has."""
    if len(paths) == 1:
        return stream.read(paths[0])
    for data in mixtures({path.stem: stream.load(path) for path in paths}):
        if [str(group["group"]) for group in data["groups"]] == groups:
            return stream.parse(data, paths[0])
    raise MapperError(f"groups: no mixture of {len(paths)} files has these: {', '.join(groups)}")


def solution_of(problem: Problem, data: Any) -> Solution:
    """The schedule of a file. Raises MapperError where it names what the instance has not."""
    ways = []
    for value in problem.values:
        names = [way.name for way in value.ways]
        if data["ways"].get(value.name) not in names:
            raise MapperError(f"ways: '{value.name}' has no way '{data['ways'].get(value.name)}', it has {names}")
        ways.append(names.index(data["ways"][value.name]))
    moments = {(group, node, firing): rest for group, node, firing, *rest in data["steps"]}
    chosen = [value.ways[way] for value, way in zip(problem.values, ways, strict=True)]
    found = []
    for step in expand(problem, chosen).steps:
        key = (problem.groups[step.place[0]].name, problem.node(step.place).name, step.firing)
        if key not in moments:
            raise MapperError(f"steps: firing {key[2]} of '{key[1]}' in group '{key[0]}' is missing")
        found.append(moments[key])
    pieces = tuple(tuple(Piece(a, b, round(speed * WHOLE)) for a, b, speed in rest) for _, _, rest in found)
    return Solution(tuple(ways), tuple(start for start, *_ in found), tuple(end for _, end, _ in found), pieces)


def main(arguments: list[str]) -> int:
    """Print what the schedule takes, or the rule it breaks; 1 then."""
    if len(arguments) < 2:
        print("usage: python benchmarks/streaming_check.py INSTANCE.json... SOLUTION.json")
        return 2
    try:
        data = json.loads(Path(arguments[-1]).read_text(encoding="utf-8"))
        instance = instance_of([Path(argument) for argument in arguments[:-1]], data["groups"])
        solution = solution_of(instance.problem, data)
        verify(instance.problem, solution)
        if data["cycles"] != solution.makespan:
            raise MapperError(f"cycles: the file says {data['cycles']}, its steps end at {solution.makespan}")
    except (MapperError, OSError, json.JSONDecodeError, KeyError, ValueError, TypeError) as error:
        print(f"error: {error}")
        return 1
    print(f"ok: {solution.makespan:,} cycles, Stream {instance.stream_cycles:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
