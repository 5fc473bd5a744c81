"""The CSV files of minimalloc and idealloc as packing problems: a buffer a line, live in [lower, upper)."""

from __future__ import annotations

import csv
from pathlib import Path

from mapper.errors import MapperError
from mapper.solve.packing import Item, Problem

COLUMNS = ("id", "lower", "upper", "size")


def read(path: Path) -> Problem:
    """The buffers of a file; the capacity is in its name. Raises MapperError naming file, line and value."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            missing = [c for c in COLUMNS if c not in (rows.fieldnames or ())]
            if missing:
                raise MapperError(f"{path}: no column {', '.join(missing)}; there are {rows.fieldnames}")
            items = tuple(_item(path, rows.line_num, row) for row in rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MapperError(f"{path}: not a table of buffers: {error}") from error
    names: set[str] = set()
    for item in items:
        if item.name in names:
            raise MapperError(f"{path}: two buffers have the id '{item.name}'")
        names.add(item.name)
    return Problem(items, capacity(path))


def capacity(path: Path) -> int | None:
    """The capacity in a name like X.CAP.csv; None when there is none: as low as possible."""
    last = path.stem.rsplit(".", 1)[-1]
    return int(last) if "." in path.stem and last.isascii() and last.isdigit() else None


def _item(path: Path, line: int, row: dict[str, str]) -> Item:
    values = []
    for column in COLUMNS[1:]:
        try:
            values.append(int(row[column]))
        except (TypeError, ValueError):
            raise MapperError(f"{path}:{line}: {column} '{row[column]}' is not a whole number") from None
    lower, upper, size = values
    return Item(row["id"], size, lower, upper)
