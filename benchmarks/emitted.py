"""Emission proved over everything: models on targets, cut into pieces, checked, run, compared with the whole model.

python benchmarks/emitted.py                            tiny models of every kind, each target with three of them
python benchmarks/emitted.py --full                     all models on all targets
python benchmarks/emitted.py --models DIR               also the ONNX files there, and the pairs among them
python benchmarks/emitted.py --only gpt2-tiny --target superhet --pipeline random-ops:7
python benchmarks/emitted.py --part 2/4                 the second quarter of the targets
python benchmarks/emitted.py --pipeline teams:1         ranks divide all that they can, on targets of equal chips

A line for each pair: units that run something, their ranks, pieces, nodes that do not run where or how planned (told
in the manifest), seconds of compile, emit and run. Every fifth pair runs in processes, the others in one. What the
compiler refuses (no room, no support) is told, and no failure; nor is a model that onnxruntime does not run as a whole.
Exit code 1 when a pair failed: onnx.checker refused a piece, a result was beyond its bound, a task ran on another unit
than planned and the manifest does not say so, anything broke; and when no pair ran. Pairs have a process of their own
to break.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.at_random import team_arrangements
from benchmarks.emitted_models import Case, built, given
from benchmarks.emitted_pair import TEAMS, Pair, Row, Verdict, pipeline, tried
from mapper.errors import MapperError, UsageError, did_you_mean
from mapper.hw.library import find_target, target_names
from mapper.hw.load import load_target
from mapper.pipeline.named import pipeline_of

MODELS_A_TARGET = 3
PROCESSES_EVERY = 5
MOST_WEIGHTS = 130e6
LONGEST_S = 300.0
RAN = (Verdict.SAME, Verdict.WITHIN)
START = "spawn"
"""How the process of pairs starts: threads of libraries do not survive a fork."""


def pairs(options: argparse.Namespace, cases: Sequence[Case], targets: Sequence[str]) -> Iterator[Pair]:
    """The pairs to try: all, or some models for each target in turn; of a part of the targets."""
    number = 0
    a_target = len(cases) if options.full else min(options.models_a_target, len(cases))
    part, parts = map(int, options.part.split("/"))
    for at in range(len(targets) * (part - 1) // parts, len(targets) * part // parts):
        chosen = [cases[(at * a_target + k) % len(cases)] for k in range(a_target)]
        for case in chosen:
            for name in options.pipeline or ["default"]:
                number += 1
                processes = options.workers == "process" or not (options.workers or number % PROCESSES_EVERY)
                yield Pair(case, targets[at], name, "process" if processes else "none", options.objective)


@dataclass
class Apart:
    """Runs pairs in a process that may break or hang without ending the run."""

    longest_s: float
    _process: BaseProcess | None = None
    _line: Connection | None = None

    def tried(self, pair: Pair) -> Row:
        """What became of a pair. The process of the pairs before is used as long as it lives."""
        if self._process is None or self._line is None:
            self._process, self._line = _started()
        try:
            self._line.send(pair)
            if not self._line.poll(self.longest_s):
                self.close()
                return Row(why=f"no answer in {self.longest_s:.0f} s")
            found: Row = self._line.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
            self.close()
            return Row(why=f"the process ended with code {code}")
        return found

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._line is not None:
            self._process.kill()
            self._process.join()
            self._line.close()
        self._process = self._line = None


def _started() -> tuple[BaseProcess, Connection]:
    context = multiprocessing.get_context(START)
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,))
    process.start()
    there.close()
    return process, here


def _serve(line: Connection) -> None:
    """Try the pairs that come, until none does."""
    logging.disable(logging.WARNING)  # the tools that quantise models talk
    while True:
        try:
            pair = line.recv()
        except (EOFError, KeyboardInterrupt):
            return
        line.send(tried(pair))


HEAD = (
    f"{'model':<44}{'target':<24}{'pipeline':<15}{'workers':<9}{'units':>5}{'ranks':>6}{'pieces':>7}{'moved':>6}"
    f"{'compile':>9}{'emit':>7}{'run':>7}  verdict"
)


def line(pair: Pair, row: Row) -> str:
    """A pair on a line."""
    counts = f"{row.units:>5}{row.ranks:>6}{row.pieces:>7}{row.moved:>6}"
    seconds = [f"{s:.1f}" for s in row.seconds] + [""] * 3
    times = f"{seconds[0]:>9}{seconds[1]:>7}{seconds[2]:>7}"
    verdict = str(row.verdict)
    if row.bound or row.error:
        verdict += f" {row.error:.1e} of {row.bound:.1e}"
    why = f": {row.why}" if row.why else ""
    where = f"{pair.case.name:<44}{pair.target:<24}{pair.pipeline:<15}{pair.workers:<9}"
    return f"{where}{counts}{times}  {verdict}{why}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the pairs; 1 when one failed, or none ran; 2 for names that there are not."""
    options = _options(arguments)
    cases = [] if options.no_built else built()
    if options.models is not None:
        cases += given(options.models, options.most_weights)
    targets = list(options.target or target_names())
    if not options.target and options.pipeline and all(name.split(":")[0] == TEAMS for name in options.pipeline):
        targets = [name for name in targets if team_arrangements(load_target(name))]
    try:
        _check_names(options, [case.name for case in cases])
    except MapperError as error:
        print(error, file=sys.stderr)
        return 2
    cases = [c for c in cases if not options.only or c.name in options.only]
    began, apart, found = time.perf_counter(), Apart(options.longest), list[tuple[Pair, Row]]()
    print(HEAD, flush=True)
    try:
        for pair in pairs(options, cases, targets):
            found.append((pair, apart.tried(pair)))
            print(line(*found[-1]), flush=True)
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    finally:
        apart.close()
        print(summary(found, time.perf_counter() - began))
    failed = any(row.verdict is Verdict.FAILED for _, row in found)
    return 1 if failed or not any(row.verdict in RAN for _, row in found) else 0


def _check_names(options: argparse.Namespace, models: Sequence[str]) -> None:
    """All that is asked for by name is there: else a slip of the pen would pass for what the compiler refuses."""
    for name in options.only or ():
        if name not in models:
            raise UsageError(f"there is no model named '{name}'", hint=did_you_mean(name, models))
    for name in options.target or ():
        find_target(name)
    for name in options.pipeline or ():
        pipeline_of(pipeline(name))


def summary(found: Sequence[tuple[Pair, Row]], seconds: float) -> str:
    """Counts by verdict, and what went wrong once more."""
    counts = Counter(row.verdict for _, row in found)
    models, targets = ({pair.case.name for pair, _ in found}, {pair.target for pair, _ in found})
    ran = [row for _, row in found if row.verdict in RAN]
    several, teams = sum(row.units > 1 for row in ran), sum(row.ranks > row.units for row in ran)
    return "\n".join(
        [
            f"\n{len(found)} pairs of {len(models)} models and {len(targets)} targets in {seconds:.0f} s",
            *(f"  {counts[verdict]:>5} {verdict}" for verdict in Verdict),
            f"of those that ran, {several} on several units, {teams} with teams",
            *(line(*both) for both in found if both[1].verdict is Verdict.FAILED),
        ]
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Emit, run and compare models on targets.")
    parser.add_argument("--models", type=Path, help="a folder of ONNX files to try too")
    parser.add_argument("--no-built", action="store_true", help="nothing but the files of --models")
    parser.add_argument("--most-weights", type=float, default=MOST_WEIGHTS, help="numbers that such a file may have")
    parser.add_argument("--target", action="append", help="a target's name or file (default: all of the library)")
    parser.add_argument("--only", action="append", help="a model's name")
    parser.add_argument("--full", action="store_true", help="all models on all targets")
    parser.add_argument("--models-a-target", type=int, default=MODELS_A_TARGET)
    parser.add_argument("--pipeline", action="append", help="names, per-op, random[-ops]:N, teams:N (default: default)")
    parser.add_argument("--objective", default="throughput", help="what plans are for, as mapper compile takes it")
    parser.add_argument("--workers", choices=("none", "process"), help="for all (default: every fifth in processes)")
    parser.add_argument("--part", default="1/1", help="K/N: the K-th of N parts of the targets")
    parser.add_argument("--longest", type=float, default=LONGEST_S, help="seconds that a pair may take")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
