"""Reads instances of the ASPLOS/EuroSys 2025 contest on intra-operator parallelism (google/iopddl)."""

from __future__ import annotations

import gc
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from mapper.errors import MapperError
from mapper.solve.selection import Edge, Node, Problem


def read(path: Path) -> Problem:
    """The selection problem of a JSON file, gzipped or not. Raises MapperError on a file that is not of the format."""
    collecting = gc.isenabled()
    gc.disable()  # millions of numbers and no circles: the collector takes a third of the time
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            return from_json(json.load(file, parse_float=_whole)["problem"])
    except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
        raise MapperError(f"{path} is not an iopddl instance: {type(error).__name__}: {error}") from error
    finally:
        if collecting:
            gc.enable()


def from_json(given: dict[str, Any]) -> Problem:
    """The selection problem of the value of "problem"; its nodes are named by their number."""
    nodes, edges = given["nodes"], given["edges"]
    _refuse_other_than_whole(given)
    columns = zip(nodes["costs"], nodes["usages"], nodes["intervals"], strict=True)
    return Problem(
        tuple(Node(str(i), costs, usages, start, end) for i, (costs, usages, (start, end)) in enumerate(columns)),
        tuple(Edge(a, b, costs) for (a, b), costs in zip(edges["nodes"], edges["costs"], strict=True)),
        (given["usage_limit"],),
    )


DIGITS = 30
"""Far beyond what forbids (1e18), and short of an exponent that fills the memory."""


def _whole(text: str) -> int:
    """A number written with a point or an exponent, 1e18 say."""
    number = Decimal(text)
    if number.adjusted() > DIGITS or number != int(number):
        raise ValueError(f"{text} is not a whole number of at most {DIGITS} digits")
    return int(number)


def _refuse_other_than_whole(given: dict[str, Any]) -> None:
    """Lists of whole numbers are all that the format has; a pass over the types of six million takes half a second."""
    rows = [("usage_limit", [given["usage_limit"]])]
    for kind, names in (("nodes", ("intervals", "costs", "usages")), ("edges", ("nodes", "costs"))):
        rows += [(f"{kind}.{name} {i}", row) for name in names for i, row in enumerate(given[kind][name])]
    for where, row in rows:
        if not isinstance(row, list) or not set(map(type, row)) <= {int}:
            raise ValueError(f"{where} is not a list of whole numbers: {str(row)[:60]}")


VALUES = ("contest best", "winner re-run best")
"""Columns of the table of published results that hold values of solutions."""


def published(readme: Path) -> dict[str, dict[str, float]]:
    """The numbers of the table of published results in a README, by instance and column; none without one."""
    if not readme.is_file():
        return {}
    lines = [line for line in readme.read_text().splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    head = next((row for row in table if row[0] == "inst"), [])
    return {
        row[0]: {
            column: float(cell) for column, cell in zip(head, row, strict=False) if cell.replace(".", "").isdigit()
        }
        for row in table
        if row is not head and head
    }
