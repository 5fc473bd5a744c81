"""Makespan on public instances: PSPLIB projects (folders with .sm files) and flexible job shops (fjsp).

FOLDER is the folder of all sets, or one of rcpsp-psplib and fjsp. Each solution goes to disk as
{"start": {activity: tick}, "machine": {activity: machine}}. Activities of a project are its job numbers as strings,
and it has no machines; those of a shop are "job.op", both from 0, and machines are numbered from 1 as in the file.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.instances import fjsp, psplib
from benchmarks.solving import Answer, Bar, Case, Row, run
from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.makespan import Activity, Problem, Resource, Solution, flexible, solve
from mapper.solve.makespan.dispatch import dispatch
from mapper.solve.makespan.evolve import evolve
from mapper.solve.makespan.flexible.listing import heft
from mapper.solve.makespan.flexible.shop import Shop, improve

SECONDS = {"j30": 10.0, "j60": 30.0, "j120": 30.0}
"""The limit of an instance, by set; other projects get that of the larger ones."""


def cases(folder: Path) -> Iterator[Case]:
    """The instances of a folder of sets, or of one set."""
    for root in (folder / "rcpsp-psplib", folder / "fjsp", folder):
        yield from _projects(root)
        yield from _shops(root)


def _projects(root: Path) -> Iterator[Case]:
    """The PSPLIB files of a folder and of its subfolders."""
    best = _best_known(root)
    for path in sorted(path for path in {*root.glob("*.sm"), *root.glob("*/*.sm")} if path.is_file()):
        group = path.parent.name

        def answer(budget: Budget, path: Path = path) -> Answer:
            problem = psplib.read(path)
            result = solve(problem, budget)
            start = {a.name: s for a, s in zip(problem.activities, result.solution.start, strict=True)}
            return Answer(result.value, result.bound, result.bound_name, {"start": start, "machine": {}})

        yield Case(group, path.stem, group, SECONDS.get(group, 30.0), answer, best.get(path.name))


def _shops(root: Path) -> Iterator[Case]:
    """The flexible job shops of a folder: its text files that begin with two numbers."""
    best = _best_known(root)
    for path in sorted(path for path in root.glob("*.txt") if path.is_file()):
        head = path.read_text(errors="replace").split(maxsplit=2)[:2]
        if len(head) < 2 or not all(word.isdigit() for word in head):
            continue

        def answer(budget: Budget, path: Path = path) -> Answer:
            problem = fjsp.read(path)
            result = flexible.solve(problem, budget)
            rows = list(zip(problem.tasks, result.solution.start, result.solution.mode, strict=True))
            start = {task.name: s for task, s, _ in rows}
            machine = {task.name: int(task.modes[m].name) for task, _, m in rows}
            return Answer(result.value, result.bound, result.bound_name, {"start": start, "machine": machine})

        yield Case("fjsp", path.stem, " x ".join(head), 60.0, answer, best.get(path.name))


def _best_known(root: Path) -> dict[str, float]:
    """The published upper bounds by file name; none where there is no table. Raises MapperError on another format."""
    table = root / "best_known.csv"
    if not table.is_file():
        return {}
    try:
        with table.open() as file:
            rows = [row for row in csv.DictReader(file) if row.get("file") and row.get("upper_bound")]
        return {row["file"]: float(row["upper_bound"]) for row in rows}
    except (OSError, ValueError, csv.Error) as error:
        raise MapperError(f"{table} is not a table of best known values: {error}") from error


def bars(rows: Sequence[Row]) -> Iterator[Bar]:
    """The bars of the sets that were run."""
    small = [row for row in rows if row.case.group == "j30"]
    if small:
        late = max(row.seconds for row in small)
        best = sum(row.ratio is None or row.ratio <= 1 for row in small)
        proven = sum(row.optimal for row in small)
        words = f"{best} of {len(small)} at the best known value, {proven} proven, longest {late:.1f} s"
        yield Bar("j30 all optimal, each in 10 s", words, best == len(small) == proven and late <= 10.5)
    for group, limit in (("j60", 0.005), ("j120", 0.03), ("fjsp", 0.02)):
        ratios = [row.ratio - 1 for row in rows if row.case.group == group and row.ratio is not None]
        if ratios:
            mean = sum(ratios) / len(ratios)
            words = f"{mean:.2%}, worst {max(ratios):.2%}"
            yield Bar(f"{group} mean gap to the best known <= {limit:.1%}", words, mean <= limit)


def warm() -> None:
    """Compile the kernels, or load them: a moment of search on the smallest project and shop."""
    budget = Budget(1e-3)
    activities = tuple(Activity(str(k), 1, 1, ((0, 1),)) for k in range(3))
    project = Problem(activities, (Resource("R", 2),), ((), (0,), (0,)))
    sequence = Incumbent[Solution](lambda found: found.makespan, budget)
    sequence.offer(dispatch(project), "dispatch")
    evolve(project, sequence, budget)
    shop = fjsp.parse("2 2\n2 1 1 3 2 1 4 2 4\n2 1 1 3 2 1 4 2 4\n")
    choice = Incumbent[flexible.Solution](lambda found: found.makespan, budget)
    first = heft(shop)
    if first is not None:
        choice.offer(first, "heft")
        improve(shop, choice, Budget(0.5))  # enough for a turn of each search, and for one that begins anew
        arrays = Shop(shop)
        mode, _, lead, _, _ = arrays.state(first)
        arrays.solution(mode, lead)  # the first schedule may be the best


if __name__ == "__main__":
    run(__doc__, cases, bars, warm)
