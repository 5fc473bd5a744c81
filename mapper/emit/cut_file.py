"""Parts of weights that do not lie together (columns), copied into one file: each part once, each weight read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mapper.emit.layout import ALIGNMENT, FOLDER
from mapper.emit.shards.runs import Runs, copy_runs

CUT = f"{FOLDER}/cut.bin"


@dataclass
class CutFile:
    """Hands out places in the file, and fills them in the end: what several ranks have of a weight in one go.

    placed: where runs of a source begin here. wanted: by source, start there and blocks, the runs with their places.
    """

    out: Path
    length: int = 0
    placed: dict[tuple[Path, int, Runs], int] = field(default_factory=dict)
    wanted: dict[tuple[Path, int, int, int], list[tuple[Runs, int]]] = field(default_factory=dict)

    def add(self, source: Path, start: int, runs: Runs) -> tuple[str, int, int]:
        """Where runs of a source, from byte `start` on, are going to lie: file, offset, length. A source that is not
        there has its place too."""
        key = source, start, runs
        if key not in self.placed:
            self.placed[key] = -(-self.length // ALIGNMENT) * ALIGNMENT
            self.length = self.placed[key] + runs.bytes
            if source.is_file():
                group = self.wanted.setdefault((source, start, runs.count, runs.block), [])
                group.append((runs, self.placed[key]))
        return CUT, self.placed[key], runs.bytes

    def left_bytes(self) -> int:
        """Bytes that `finish` is going to write."""
        return sum(runs.bytes for group in self.wanted.values() for runs, _ in group)

    def finish(self) -> None:
        """Write all parts, in the order of their sources."""
        if not self.wanted:
            return
        path = self.out / CUT
        path.parent.mkdir(exist_ok=True)
        with path.open("xb") as sink:
            sink.truncate(self.length)
            for source, start, count, block in sorted(self.wanted):
                with source.open("rb") as file:
                    copy_runs(file.fileno(), start, self.wanted[source, start, count, block], sink.fileno())
