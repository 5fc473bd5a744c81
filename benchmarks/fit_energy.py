"""Fits the power of what is around GPUs to machines measured at the wall, and checks the energies of the GPUs by it.

python -m benchmarks.fit_energy FOLDER

FOLDER is the folder of measured latencies. Fitted: the power of the rest of a machine, fans to supplies, beside the
parts in its file. The energy of operations and the power of a busy board are those of the unit files: operations by the
literature, the board by what its limit leaves of a long product. The machines ran at the clock of most requests for a
joule. Printed: the constant by all models, and the errors of each model by the constant of the others.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.measured import mlperf
from benchmarks.measured.served import Served
from benchmarks.power import Board, Running, board_of, running
from benchmarks.served_lines import server_of
from benchmarks.serving import Calls, fastest
from mapper.hw.load import load_target

REST_W = tuple(range(1000, 3000, 100))

CONSTANT = 0.65
"""Part of the power limit that machines under load are said to take (COST_MODELS, "Energy")."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A machine measured at the wall, its calls, its board, and its power at rest without what is in none of its
    parts."""

    row: Served
    calls: Calls
    board: Board
    parts_w: float


def walls(folder: Path) -> list[Measured]:
    """Each run once, though it may count for two benchmarks."""
    seen: dict[tuple[object, ...], Measured] = {}
    for row in mlperf.served(folder):
        board = board_of(row) if row.watts else None
        if board is not None:
            rest_w = load_target(load_target(row.target).system).rest_power_w if row.gpus > 1 else 0.0
            key = (row.target, row.model, row.weights, row.deadline, row.watts)
            seen[key] = Measured(row, fastest(row, server_of(row)), board, board.machine_w - rest_w)
    return list(seen.values())


def under(found: Measured, rest_w: float) -> Running:
    """The machine with so much power of the rest."""
    board = replace(found.board, machine_w=found.parts_w + rest_w)
    return running(found.row, found.calls, server_of(found.row), board)


def fit(rows: Sequence[Measured]) -> float:
    """The power of the rest with the least mean absolute error of requests a second, watts and joules of a request."""
    return min(REST_W, key=lambda rest_w: float(np.mean([np.abs(errors(row, rest_w)) for row in rows])))


def errors(found: Measured, rest_w: float) -> tuple[float, float, float]:
    """Relative errors of requests a second, watts and joules of a request."""
    ours, row = under(found, rest_w), found.row
    return ours.per_s / row.per_s - 1, ours.watts / row.watts - 1, ours.joules * row.per_s / row.watts - 1


def by_the_others(asked: Sequence[Measured], rows: Sequence[Measured]) -> list[tuple[float, float]]:
    """For each run the error of a request's joules by the constant of the other models, and that of 0.65 of the power
    limit of the machine at the measured requests a second."""
    found = {model: fit([r for r in rows if r.row.model != model]) for model in {r.row.model for r in asked}}
    limits = [load_target(load_target(r.row.target).system).power_limit_w or 0.0 for r in asked]
    return [
        (errors(r, found[r.row.model])[2], CONSTANT * limit / r.row.watts - 1)
        for r, limit in zip(asked, limits, strict=True)
    ]


def main() -> None:
    """Prints the constants and the errors."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    rows = walls(parser.parse_args().folder)
    print(f"rest_w: {fit(rows)}")
    wrong: list[tuple[float, float, float]] = []
    for model in dict.fromkeys(r.row.model for r in rows):
        others = fit([r for r in rows if r.row.model != model])
        print(f"# without {model}: {others} W")
        for r in (r for r in rows if r.row.model == model):
            found = errors(r, others)
            per_s, watts, joules = (100 * e for e in found)
            name = f"{model} {r.row.weights}" + (" with deadlines" if r.row.deadline else "")
            print(f"#   {name}: requests {per_s:+.1f} %, watts {watts:+.1f} %, joules {joules:+.1f} %")
            wrong += [found] if r.row.tokens else []
    print("# each language model by the others:", ", ".join(f"{100 * e:.1f} %" for e in np.abs(wrong).mean(axis=0)))


if __name__ == "__main__":
    main()
