"""Packing on the instances of minimalloc (below a capacity) and idealloc (as low as possible).

FOLDER is the folder of all sets, one of the two, or any folder of CSV files with columns id, lower, upper, size. A name
X.CAP.csv asks for a packing below CAP bytes. Each solution goes to disk as {"offsets": {id: offset}}.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.instances import buffers
from benchmarks.solving import Answer, Bar, Case, Row, run
from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.packing import Item, Problem, fits, minimise, no_packing, verify

SECONDS, LARGE_SECONDS, CAPACITY_SECONDS = 20.0, 2.0, 60.0
"""Limits: as low as possible, the same for LARGE buffers or more (3 s with reading and verifying), below a capacity."""

LARGE = 10_000
"""Buffers from which an instance is large."""

MEDIAN_BAR, LARGE_BAR, HEIGHT_BAR, SHARE_BAR = 8.0, 3.0, 1.008, 10 / 11
"""Median seconds below a capacity; seconds of large ones; height over bound; part of instances that must fit."""

AT_BOUND = "G_1"
"""The instance whose height must be the bound."""


def cases(folder: Path) -> Iterator[Case]:
    """The instances of the folder, or of its subfolders minimalloc and idealloc."""
    for group, root in (("minimalloc", folder / "minimalloc"), ("idealloc", folder / "idealloc"), ("", folder)):
        for path in sorted(path for path in root.glob("*.csv") if path.is_file()):
            yield _case(group or folder.resolve().name, path)


def _case(group: str, path: Path) -> Case:
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = max(0, sum(1 for line in text.splitlines() if line.strip()) - 1)
    capacity = buffers.capacity(path)
    seconds = SECONDS if lines < LARGE else LARGE_SECONDS
    data: dict[str, object] = {"buffers": lines, "capacity": capacity}

    def answer(budget: Budget) -> Answer:
        problem = buffers.read(path)
        if capacity is None:
            return _lowest(problem, budget, data)
        return _below(problem, budget)

    return Case(group, path.stem, f"{lines} buffers", CAPACITY_SECONDS if capacity else seconds, answer, capacity, data)


def _below(problem: Problem, budget: Budget) -> Answer:
    result = fits(problem, budget)
    if result.core is not None:
        raise no_packing(problem, result.core)
    if result.solution is None:
        return Answer(None, result.bound, result.bound_name, None, "no packing found")
    verify(problem, result.solution)
    return Answer(result.height, result.bound, result.bound_name, _offsets(problem, result.solution.offsets), result.by)


def _lowest(problem: Problem, budget: Budget, data: dict[str, object]) -> Answer:
    result = minimise(problem, budget)
    if result.solution is None or result.height is None:
        raise MapperError("internal: minimise found no packing")
    verify(problem, result.solution)
    data["by size"] = result.start
    note = f"{result.by}, {result.height / max(1, result.bound):.5f} x bound"
    return Answer(result.height, result.bound, result.bound_name, _offsets(problem, result.solution.offsets), note)


def _offsets(problem: Problem, offsets: Sequence[int]) -> dict[str, object]:
    return {"offsets": {item.name: offset for item, offset in zip(problem.items, offsets, strict=True)}}


def warm() -> None:
    """Compile or load the kernels: nine buffers whose load is 6, but no six bytes hold them."""
    rows = [(3, 0, 1), (3, 0, 2), (2, 1, 3), (2, 5, 6), (3, 3, 6), (1, 4, 6), (1, 2, 5), (1, 1, 5), (1, 2, 4)]
    minimise(Problem(tuple(Item(str(k), *row) for k, row in enumerate(rows)), None), Budget(0.1))


def bars(rows: Sequence[Row]) -> Iterator[Bar]:
    """The bars of the instances that were run."""
    tight = [row for row in rows if row.case.data["capacity"] is not None]
    if tight:
        fitting = [row for row in tight if row.answer.solution is not None and row.seconds <= CAPACITY_SECONDS + 1]
        enough = len(fitting) >= SHARE_BAR * len(tight)
        yield Bar("fits the capacity in 60 s, at least 10 of 11", f"{len(fitting)} of {len(tight)}", enough)
        middle = median(row.seconds for row in tight)
        yield Bar("median seconds below a capacity <= 8", f"{middle:.2f}", middle <= MEDIAN_BAR)
    free = [row for row in rows if row.case.data["capacity"] is None and row.answer.solution is not None]
    for row in free:
        yield from _height_bars(row)


def _height_bars(row: Row) -> Iterator[Bar]:
    name, ratio = row.case.name, row.value / max(1.0, row.answer.bound or 0.0)
    limit = 1.0 if name == AT_BOUND else HEIGHT_BAR
    yield Bar(f"{name} height <= {limit} x bound", f"{ratio:.5f}", ratio <= limit)
    start = row.case.data["by size"]
    yield Bar(f"{name} not above first fit by size", f"{row.value / max(1, start):.5f}", row.value <= start)
    if row.case.data["buffers"] >= LARGE:
        yield Bar(f"{name} in 3 s", f"{row.seconds:.2f}", row.seconds <= LARGE_BAR)


if __name__ == "__main__":
    run(__doc__, cases, bars, warm)
