"""Feeds damaged models to the front end: each must end in a plan or in one clear error, soon and in little memory.

python benchmarks/fuzz_frontend.py --inputs 2000               models built here
python benchmarks/fuzz_frontend.py --inputs 20000 MODELS_DIR   real exports too
python benchmarks/fuzz_frontend.py --only 4711 MODELS_DIR      one input again, in this process, with its traceback

Inputs are numbered: a number and the same models give the same bytes. They run in processes of their own with limits of
memory and time. What misses a bar is kept in the folder --out. Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(ROOT))

from benchmarks.fuzz_seeds import Seed, built  # noqa: E402
from benchmarks.mutations import damaged_bytes, damaged_model, probe  # noqa: E402

CORPUS = ROOT / "tests" / "frontend" / "corpus.csv"
MEMORY_BYTES = 2 << 30
SECONDS = 10.0
PER_PROCESS = 500
"""Inputs after which a process makes way for a fresh one."""

STEPS = ("understand", "understand", "understand", "understand", "simplify", "prepare")
"""What runs on the imported graph; the last one also groups it and asks every unit of a target for its options."""


@dataclass(frozen=True)
class Outcome:
    """How one input ended."""

    number: int
    kind: str
    seconds: float
    peak_mb: float
    seed: str = ""
    text: str = ""

    @property
    def fine(self) -> bool:
        """Whether it ended in a plan or in an error that a user can act on, in time."""
        return (self.kind == "plan" or self.kind.endswith(" (clear)")) and self.seconds <= SECONDS


@dataclass
class Corpus:
    """The undamaged models, parsed once."""

    seeds: list[Seed]
    parsed: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path | None) -> Corpus:
        """The models built here, and those of the folder with the dims of the shared table."""
        dims = table()
        found = built()
        for path in sorted(folder.glob("*.onnx")) if folder else ():
            found.append(Seed(path.stem, path.read_bytes(), dims.get(path.stem, {"batch": 1, "seq": 4, "past": 4})))
        return cls(found)

    def input(self, number: int) -> tuple[Seed, bytes]:
        """The seed and the bytes of an input."""
        import onnx

        dice = random.Random(number)
        seed = dice.choice(self.seeds)
        way = dice.random()
        if way < 0.15:
            return Seed("probe", b"", {}), probe(dice).SerializeToString()
        if way < 0.45:
            return seed, damaged_bytes(dice, seed.blob, dice.choice(self.seeds).blob)
        if seed.name not in self.parsed:
            self.parsed[seed.name] = onnx.ModelProto.FromString(seed.blob)
        return seed, damaged_model(dice, self.parsed[seed.name]).SerializeToString()


def table() -> dict[str, dict[str, int]]:
    """The dims of the known exports by name."""
    with CORPUS.open(newline="", encoding="utf-8") as rows:
        return {
            row["name"]: {name: int(size) for name, size in (word.split("=") for word in row["dims"].split())}
            for row in csv.DictReader(rows)
        }


def attempt(path: Path, seed: Seed, steps: str) -> tuple[str, str]:
    """How the input ends: kind and message."""
    import mapper
    from mapper.errors import MapperError, PipelineError, TargetError
    from mapper.frontend import load_model

    try:
        dims = dict(seed.dims)
        if steps == "prepare":
            mapper.compile(path, target(), dims=dims, stop_after="options")
        else:
            through(load_model(path, dims=dims), steps)
    except (PipelineError, TargetError) as error:  # no input may cause these
        return type(error).__name__, str(error)
    except MapperError as error:
        return f"{type(error).__name__} (clear)", str(error)
    except Exception as error:
        return type(error).__name__, "".join(traceback.format_exception(error))
    return "plan", ""


@cache
def target() -> Any:
    """The target that options are asked of."""
    from mapper.hw.load import load_target

    return load_target("superhet")


def through(imported: Any, steps: str) -> None:
    """Runs graph passes on an imported model."""
    from mapper.ir.plan import Objective, Plan
    from mapper.pipeline.named import pipeline_of
    from mapper.pipeline.pass_ import Context

    plan = Plan(target(), imported.graph, imported.phases, Objective.THROUGHPUT)
    pipeline_of(steps).run(plan, Context())


def work(first: int, last: int, models: Path | None) -> None:
    """A process of its own: runs inputs and writes a line before and after each."""
    corpus = Corpus.of(models)
    import mapper.frontend.load  # noqa: F401  # what imports need counts for no input

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.onnx"
        for number in range(first, last):
            seed, blob = corpus.input(number)
            path.write_bytes(blob)
            print(json.dumps({"begin": number, "seed": seed.name}), flush=True)
            began = time.perf_counter()
            kind, text = attempt(path, seed, STEPS[number % len(STEPS)])
            seconds = time.perf_counter() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(json.dumps(asdict(Outcome(number, kind, seconds, peak, seed.name, text[-4000:]))), flush=True)


class Worker:
    """A process that runs a range of inputs; one that hangs or dies is replaced behind the input at fault."""

    def __init__(self, first: int, last: int, models: Path | None) -> None:
        self.next, self.last, self.models = first, last, models
        self.seed = ""
        self.process: subprocess.Popen[str] | None = None

    def run(self) -> list[Outcome]:
        """All outcomes."""
        found: list[Outcome] = []
        while self.next < self.last:
            end = min(self.next + PER_PROCESS, self.last)
            command = [sys.executable, __file__, "--work", str(self.next), str(end)]
            command += [str(self.models)] if self.models else []
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                found += self._follow(process, process.stdout, end)
        return found

    def _follow(self, process: subprocess.Popen[str], lines: IO[str], end: int) -> list[Outcome]:
        found = []
        while self.next < end:
            ready, _, _ = select.select([lines], [], [], 4 * SECONDS)
            line = lines.readline() if ready else ""
            if not line:
                found.append(self._lost(process, hung=not ready))
                self.next += 1
                break
            data = json.loads(line)
            if "begin" in data:
                self.seed = data["seed"]
                continue
            found.append(Outcome(**data))
            self.next += 1
            progress(found[-1])
        return found

    def _lost(self, process: subprocess.Popen[str], hung: bool) -> Outcome:
        """What became of an input whose process did not say."""
        if hung:
            process.send_signal(signal.SIGKILL)
        code = process.wait()
        assert process.stderr is not None
        kind = "hang" if hung else f"death of the process ({code})"
        return Outcome(self.next, kind, 4 * SECONDS if hung else 0.0, 0.0, self.seed, process.stderr.read()[-4000:])


def progress(outcome: Outcome) -> None:
    """One line for each input that misses a bar."""
    if not outcome.fine:
        last = outcome.text.strip().splitlines()[-1:] or [""]
        print(f"{outcome.number} {outcome.seed} {outcome.kind} {outcome.seconds:.1f} s: {last[0][:150]}", flush=True)


def report(outcomes: list[Outcome], corpus: Corpus, out: Path) -> int:
    """Prints what happened; 1 if a bar was missed."""
    for kind, count in Counter(o.kind for o in outcomes).most_common():
        print(f"{count:7d} {kind}")
    slowest = max(outcomes, key=lambda o: o.seconds)
    largest = max(outcomes, key=lambda o: o.peak_mb)
    print(f"slowest: {slowest.seconds:.2f} s, input {slowest.number} of {slowest.seed} (bar {SECONDS:g} s)")
    print(f"largest process: {largest.peak_mb:.0f} MB, at input {largest.number} (limit {MEMORY_BYTES >> 20} MB)")
    missed = [o for o in outcomes if not o.fine]
    for outcome in missed:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{outcome.number}.onnx").write_bytes(corpus.input(outcome.number)[1])
        (out / f"{outcome.number}.txt").write_text(f"{outcome.kind} {outcome.seconds:.1f} s\n{outcome.text}\n")
    print(f"{len(outcomes)} inputs, {len(missed)} missed a bar" + (f"; see {out}" if missed else ""))
    return 1 if missed else 0


def main() -> int:
    """Runs the inputs and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="?", type=Path, help="a folder of real ONNX exports")
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"), help="where inputs that miss a bar are kept")
    parser.add_argument("--only", type=int, help="run one input here")
    parser.add_argument("--work", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.models and not options.models.is_dir():
        parser.error(f"{options.models}: not a folder")
    if options.work:
        work(*options.work, options.models)
        return 0
    corpus = Corpus.of(options.models)
    if options.only is not None:
        return again(corpus, options.only, options.out)
    outcomes = Worker(options.first, options.first + options.inputs, options.models).run()
    return report(outcomes, corpus, options.out)


def again(corpus: Corpus, number: int, out: Path) -> int:
    """Runs one input in this process and keeps it."""
    seed, blob = corpus.input(number)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{number}.onnx"
    path.write_bytes(blob)
    began = time.perf_counter()
    kind, text = attempt(path, seed, STEPS[number % len(STEPS)])
    print(f"{path} of {seed.name}, {STEPS[number % len(STEPS)]}: {kind}, {time.perf_counter() - began:.2f} s\n{text}")
    return 0 if kind == "plan" or kind.endswith(" (clear)") else 1


if __name__ == "__main__":
    sys.exit(main())
