"""Tables on standard output."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

PIPED_WIDTH = 160
"""Columns of a table in a file or a pipe."""


def output() -> Console:
    """Standard output: as wide as the terminal; wide enough for every table where it is none."""
    console = _Output(highlight=False)
    return console if console.is_terminal else _Output(highlight=False, width=PIPED_WIDTH)


def table_of(*columns: str) -> Table:
    """An empty table with these columns; long cells are folded, never cut."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


class _Output(Console):
    """A console that leaves a closed pipe to `main`, where rich would end with exit code 1."""

    def on_broken_pipe(self) -> None:
        raise  # called while the BrokenPipeError is handled
