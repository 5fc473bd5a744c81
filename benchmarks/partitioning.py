"""Pipeline stages on the graphs of dnn-partitioning (Tarnawski et al., NeurIPS 2020): throughput and latency.

FOLDER holds throughput-inputs, latency-inputs and best_known.csv. A throughput graph is solved twice, with contiguous
stages and with any. Each solution goes to disk as {"device": {node: "acc0" or "cpu0", ...}, "contiguous": bool,
"objective": "max-load" or "latency"}; the host of the latency problem is "cpu0", whatever runs there at once.
"""

from __future__ import annotations

import csv
import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.instances.dnn_partitioning import Instance
from benchmarks.solving import Answer, Bar, Case, Row, run
from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.stages import DeviceClass, Node, Problem, Result, solve, solve_latency
from mapper.solve.stages.latency_search import Search

CONTIGUOUS, ANY, LATENCY = "contiguous", "any", "latency"
SECONDS = {CONTIGUOUS: 30.0, ANY: 60.0, LATENCY: 60.0}
"""The limit of an instance, by what is asked."""

NODE = '"supportedOnFpga"'
"""What every node of a file has once: the table wants their number before a file is understood."""

ROUNDING = 1e-5
"""Published values have six digits."""


@dataclass(frozen=True, slots=True)
class Known:
    """The published values of a graph, None where there is none."""

    contiguous: float | None = None
    any: float | None = None
    greedy: float | None = None


def cases(folder: Path) -> Iterator[Case]:
    """Each throughput graph with contiguous stages and with any, then the latency graphs."""
    known = _known(folder / "best_known.csv")
    for path in sorted((folder / "throughput-inputs").rglob("*.json")):
        name = path.relative_to(folder / "throughput-inputs").with_suffix("")
        values = known.get(("throughput", str(name)), Known())
        yield _case(path, name, CONTIGUOUS, values.contiguous)
        yield _case(path, name, ANY, values.any)
    for path in sorted((folder / "latency-inputs").rglob("*.json")):
        name = path.relative_to(folder / "latency-inputs").with_suffix("")
        yield _case(path, name, LATENCY, known.get(("latency", str(name)), Known()).greedy)


def _case(path: Path, name: Path, kind: str, best: float | None) -> Case:
    label = "-".join(name.parts)

    def answer(budget: Budget) -> Answer:
        instance = Instance(path)
        problem = instance.problem(contiguous=kind != ANY)
        found = (solve_latency if kind == LATENCY else solve)(problem, budget)
        return _answer(instance, problem, found, kind)

    size = f"{path.read_text(errors='replace').count(NODE)} nodes"
    return Case(kind, f"{label}.{kind}", size, SECONDS[kind], answer, best, {"graph": label, "kind": kind})


def _answer(instance: Instance, problem: Problem, found: Result, kind: str) -> Answer:
    bound = instance.in_units(found.bound)
    if found.solution is None or found.value is None:
        return Answer(None, bound, found.bound_name, None)
    names = (problem.device_names[d] for d in found.solution.device)
    solution = {
        "device": dict(zip(map(str, instance.ids), names, strict=True)),
        "contiguous": kind != ANY,
        "objective": "latency" if kind == LATENCY else "max-load",
    }
    note = f"{found.by}; {found.bound_name}" + (", optimal" if found.status is Outcome.OPTIMAL else "")
    return Answer(instance.in_units(found.value), bound, found.bound_name, solution, note)


def _known(table: Path) -> dict[tuple[str, str], Known]:
    """The published values by objective and graph; none where there is no table."""
    if not table.is_file():
        return {}
    with table.open(newline="") as file:
        rows = list(csv.reader(file))
    head = {name: k for k, name in enumerate(rows[0])} if rows else {}
    if not {"objective", "instance"} <= head.keys():
        raise MapperError(f"{table}: no columns 'objective' and 'instance'")
    found = {}
    for row in rows[1:]:
        cells = {name: row[k] for name, k in head.items() if k < len(row)}
        greedy = next((m[1] for cell in row if (m := re.fullmatch(r"\s*greedy=(.+)", cell))), None)
        values = (cells.get("contiguous_optimum"), cells.get("best_known_any_split"), greedy)
        found[cells.get("objective", ""), cells.get("instance", "")] = Known(*map(_number, values))
    return found


def _number(cell: str | None) -> float | None:
    try:
        return float(cell) if cell else None
    except ValueError:
        return None


def bars(rows: Sequence[Row]) -> Iterator[Bar]:
    """The bars of what was run."""
    by_kind = {kind: [row for row in rows if row.case.data["kind"] == kind] for kind in SECONDS}
    if by_kind[CONTIGUOUS]:
        yield from _contiguous(by_kind[CONTIGUOUS])
    if by_kind[ANY]:
        yield from _any(by_kind[ANY], by_kind[CONTIGUOUS])
    if by_kind[LATENCY]:
        yield _latency(by_kind[LATENCY])


def _contiguous(rows: Sequence[Row]) -> Iterator[Bar]:
    proven = sum(row.optimal for row in rows)
    yield Bar("contiguous: all proven optimal", f"{proven} of {len(rows)}", proven == len(rows))
    yield _not_above("contiguous: at most the published optimum", rows)
    longest, middle = max(row.seconds for row in rows), median(row.seconds for row in rows)
    words = f"longest {longest:.1f} s, median {middle:.2f} s"
    yield Bar("contiguous: each <= 30 s, median <= 2 s", words, longest <= 30 and middle <= 2)


def _any(rows: Sequence[Row], contiguous: Sequence[Row]) -> Iterator[Bar]:
    yield _not_above("any split: at most the best known, in 60 s", rows)
    limits = {row.case.data["graph"]: row.value for row in contiguous}
    above = [r.case.name for r in rows if r.value > limits.get(r.case.data["graph"], math.inf) * (1 + 1e-9)]
    yield Bar("any split: never above contiguous", ", ".join(above) or "none above", not above)
    close = sum(row.gap <= 0.05 for row in rows)
    wanted = math.ceil(0.75 * len(rows))
    yield Bar("any split: gap <= 5 % on 12 of 16", f"{close} of {len(rows)}, {wanted} wanted", close >= wanted)


def _not_above(what: str, rows: Sequence[Row]) -> Bar:
    compared = [row for row in rows if row.ratio is not None]
    above = [f"{row.case.name} {row.ratio:.5f}" for row in compared if (row.ratio or 0) > 1 + ROUNDING]
    return Bar(what, ", ".join(above) or f"all {len(compared)} with a published value", not above)


def _latency(rows: Sequence[Row]) -> Bar:
    """A latency is a tenth below greedy, unless the bound says that this cannot be."""
    wanting = [f"{row.case.name} {row.ratio:.3f}" for row in rows if _wanting(row)]
    words = ", ".join(wanting) or f"all {len(rows)}, largest gap {max(row.gap for row in rows):.1%}"
    return Bar("latency: 10 % below greedy where the bound allows", words, not wanting)


def _wanting(row: Row) -> bool:
    goal = 0.9 * (math.inf if row.case.best is None else row.case.best)
    return row.value > goal > (row.answer.bound or 0.0)


def warm() -> None:
    """Solve a chain of four nodes in each of the three ways; annealing has nothing to do there, and is asked for."""
    nodes = tuple(Node(str(i), (4, 40), 1, 1, i) for i in range(4))
    classes = (DeviceClass("acc", 2, 2), DeviceClass("cpu", 1, None, transfers=False))
    problem = Problem(nodes, ((0, 1), (1, 2), (2, 3)), classes)
    for make, asked in ((solve, problem), (solve, replace(problem, contiguous=False)), (solve_latency, problem)):
        make(asked, Budget(0.1))
    Search(problem).anneal((0, 0, 1, 1), 10, 0)


if __name__ == "__main__":
    run(__doc__, cases, bars, warm)
