"""A watcher of runs that remembers what was solved and what was known."""

from __future__ import annotations

from typing import Any

from mapper.regress.record import Record


class Told:
    """The names of cases, in the order in which they ended."""

    def __init__(self) -> None:
        self.solved: list[str] = []
        self.known: list[str] = []

    def begun(self, name: str) -> None:
        pass

    def tell(self, name: str, what: Any) -> None:
        pass

    def ended(self, record: Record, known: bool) -> None:
        (self.known if known else self.solved).append(record.case)
