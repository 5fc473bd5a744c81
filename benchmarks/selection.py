"""Selection on the instances of the ASPLOS/EuroSys 2025 contest (iopddl): one sharding option for each op of a graph.

FOLDER is the folder of all sets, or iopddl itself; limits and best known values are read from the table in its
README.md. Each solution goes to disk as {"strategies": [option of node 0, of node 1, ...]}.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.instances import iopddl
from benchmarks.solving import Answer, Bar, Case, Row, run
from mapper.solve.budget import Budget
from mapper.solve.selection import solve
from mapper.solve.selection.warm import warm

SECONDS = 120.0
"""The limit of an instance whose contest limit the table does not tell."""

RATIO_BARS = {"A": 1.001, "M": 1.002, "S": 1.01}
OTHER_RATIO_BAR = 1.05
BOUND_BARS = {"A": 0.99, "M": 0.99, "S": 0.95}
PROVEN = {"G": 60.0}
"""Bars by instance: value over best known, bound over best known, seconds in which the proof is there."""


def cases(folder: Path) -> Iterator[Case]:
    """The instances of the folder, or of its subfolder iopddl."""
    for root in (folder / "iopddl", folder):
        published = iopddl.published(root / "README.md")
        for path in sorted({*root.glob("*iopddl*.json"), *root.glob("*iopddl*.json.gz")}):
            yield _case(path, published.get(_letter(path), {}))


def _letter(path: Path) -> str:
    """The instance's name in the table: the last part of the file's name."""
    return path.name.split(".")[0].rsplit("-", 1)[-1]


def _case(path: Path, published: Mapping[str, float]) -> Case:
    def answer(budget: Budget) -> Answer:
        result = solve(iopddl.read(path), budget)
        chosen = None if result.solution is None else {"strategies": list(result.solution.choice)}
        return Answer(result.value, result.bound, result.bound_name, chosen, f"{result.by}, bound: {result.bound_name}")

    values = [published[column] for column in iopddl.VALUES if column in published]
    size = f"{published['nodes']:.0f} nodes" if "nodes" in published else ""
    seconds = published.get("limit s", SECONDS)
    data = {"letter": _letter(path)}
    return Case("iopddl", path.name.split(".")[0], size, seconds, answer, min(values, default=None), data)


def bars(rows: Sequence[Row]) -> Iterator[Bar]:
    """The bars of the instances that were run; others than those published with a bar have one of their own."""
    for row in rows:
        letter = row.case.data["letter"]
        if letter in PROVEN:
            words = f"gap {row.gap:.2%} after {row.seconds:.1f} s"
            yield Bar(
                f"{letter} proven optimal in {PROVEN[letter]:.0f} s",
                words,
                row.optimal and row.seconds <= PROVEN[letter],
            )
        if row.ratio is not None:
            limit = RATIO_BARS.get(letter, OTHER_RATIO_BAR)
            yield Bar(f"{letter} value <= {limit} of the best known", f"{row.ratio:.5f}", row.ratio <= limit)
        if letter in BOUND_BARS and row.case.best:
            share = (row.answer.bound or 0) / row.case.best
            yield Bar(
                f"{letter} bound >= {BOUND_BARS[letter]} of the best known", f"{share:.5f}", share >= BOUND_BARS[letter]
            )
    if rows:
        late = max(row.seconds / min(row.limit, row.case.seconds) for row in rows)
        yield Bar("each within its limit", f"{late:.1%} of it at most", late <= 1.01)


if __name__ == "__main__":
    run(__doc__, cases, bars, warm)
