"""Whether every target of the library does what it is for: bert-base and gpt2 compiled on each, or why not.

python benchmarks/library.py                     every target, one at a time; minutes
python benchmarks/library.py wtm2101 a100-40     only these
python benchmarks/library.py --jobs 2 --json rows.json

Each compilation runs in a process of its own, which is ended after --limit seconds. The bar: both models compile in at
most 20 s, or the target says why they do not fit or what it cannot run. Exit code 1 where a target neither does nor
says so, or takes longer. Seconds are those of `mapper compile --out` without the start of the program; where other
programs have the machine those of the processor count.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.libraries.compiled import MODELS, Row, job, row_of
from benchmarks.libraries.table import HEAD, line, verdict
from mapper.execution.jobs import Guard, Outcome
from mapper.execution.local import Local
from mapper.hw.library import target_names
from samples.models import build

PRELOAD = ("mapper.compiler", "passes.pipelines")
"""What every process needs, loaded once."""

LIMIT_S = 600.0
"""Seconds after which a compilation is given up: the first one on a machine compiles its kernels, and others wait."""


class _Progress:
    """Says on standard error what is compiled now."""

    def __init__(self, many: int) -> None:
        self.many, self.done = many, 0

    def begun(self, name: str) -> None:
        """One more."""
        self.done += 1
        print(f"[{self.done}/{self.many}] {name}", file=sys.stderr, flush=True)

    def tell(self, name: str, what: object) -> None:
        """Nothing: a compilation is short."""


def rows(names: Sequence[str], jobs: int, limit_s: float) -> Iterator[Row]:
    """A row for each target and model, in the order in which they end."""
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            graph = build.MODELS[model](None, None)
            (Path(folder) / f"{model}.onnx").write_bytes(graph.SerializeToString())
        asked = [job(name, model, Path(folder)) for name in names for model in MODELS]
        ran: Iterator[Outcome] = Local(jobs, PRELOAD).run(
            asked, Guard(limit_s), threading.Event(), _Progress(len(asked))
        )
        yield from map(row_of, ran)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help="only these")
    parser.add_argument("--jobs", type=int, default=1, help="compilations at a time")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds after which one is given up")
    parser.add_argument("--json", type=Path, help="the rows, as they come")
    given = parser.parse_args()
    unknown = sorted(set(given.targets) - set(target_names()))
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}")
    if given.jobs < 1:
        parser.error("--jobs is at least 1")
    return given


def main() -> int:
    """Prints the table and the bar; 1 where a target fails."""
    given = options()
    found: list[Row] = []
    print(HEAD, flush=True)
    for row in rows(given.targets or target_names(), given.jobs, given.limit):
        found.append(row)
        print(line(row), flush=True)
        if given.json:
            given.json.write_text(json.dumps([asdict(r) for r in found], indent=1) + "\n", encoding="utf-8")
    text, met = verdict(found)
    print(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
