"""Predicted against measured on the machine at hand: models in one piece, mappings against each other, a pipeline.

taskset -c 0 mapper calibrate cpu --out one-core.yaml      one core, measured
python benchmarks/closed_loop.py one-core.yaml             sample models with random weights
python benchmarks/closed_loop.py one-core.yaml --models DIR    also real exports there
python benchmarks/closed_loop.py one-core.yaml --only bert-base --only gpt2

Each model is compiled for one such core, emitted and run (`mapper.runtime`, one thread, onnxruntime's fusions on). Then
for two of them: mappings by several passes are ranked by predicted and by measured requests per second, and the
two-stage pipeline of bert-base runs against the whole model on one core. Exit code 1 when a bar is missed. Run it on a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import fmean

import yaml

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import mapper
from mapper.emit.emit import emit
from mapper.errors import MapperError
from mapper.runtime.evaluate import evaluate
from mapper.runtime.inputs import made_up
from mapper.runtime.run import Settings, opened
from mapper.runtime.screen import Report
from mapper.runtime.whole import files_of
from samples.models.build import MODELS

MOST_ERROR, LEAST_RIGHT, LEAST_MODELS = 0.15, 0.9, 8
"""Bars: mean absolute error of a call's time, over at least so many models; pairs of mappings ranked right."""

TELLABLE = 0.05
"""Two mappings whose measured rates differ by less (relative) are not a pair to rank."""

PROMPT, ANSWER = "prefill: batch=1 seq=128 past=0", "decode: batch=1 seq=1 past=128 calls=8"
CASES: dict[str, tuple[str, ...]] = {
    "bert-base": ("run: batch=1 seq=128",),
    "bert-large": ("run: batch=1 seq=128",),
    "gpt1": (PROMPT, ANSWER),
    "gpt2": (PROMPT, ANSWER),
    "gpt2-medium": (PROMPT, ANSWER),
    "vit": ("run: batch=1",),
    "vit-large": ("run: batch=1",),
    "dit": ("run: batch=1",),
}
REAL: dict[str, tuple[str, ...]] = {
    "minilm-fp32.ts17": ("run: batch=1 seq=128",),
    "t5-small-encoder.ts17": ("run: batch=1 seq=128",),
    "whisper-tiny-encoder.dynamo18": ("run: batch=1",),
    "vit-b16.ts17": ("run: batch=1",),
    "bert-base.ts17": ("run: batch=1 seq=128",),
}
MAPPINGS = ("one-unit", "round-robin", "greedy", "heft", "stages", "default")
RANKED = ("bert-base", "gpt2", "vit")
PIPELINED = "bert-base"


@dataclass(frozen=True)
class Loop:
    """One model through the whole loop. seconds: (phase, predicted, measured) of a call; rates: requests per second in
    steady state, predicted, measured, and of the whole model one request after the other (0 where not measured)."""

    seconds: tuple[tuple[str, float, float], ...]
    predicted_rate: float
    measured_rate: float
    whole_rate: float


def loop(model: Path, target: Path, phases: Sequence[str], how: Settings, **options: str) -> Loop:
    """Compile, emit with made-up weights, run; the fastest of three runs counts: others were disturbed."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pieces"
        done = mapper.compile(model, target, phases, **options)  # type: ignore[arg-type]
        emit(done.plan, [model], out, random_weights=0)
        emitted = opened(out, how)
        wholes = files_of(emitted.manifest, [out / name for name in emitted.manifest.whole])
        inputs = made_up(emitted.program, how.requests, 0)
        reports = [evaluate(emitted, how, inputs, wholes=wholes, tolerance=1.0)[0] for _ in range(3)]
    return _best(reports)


def _best(reports: Sequence[Report]) -> Loop:
    times = [report.times for report in reports]
    phases = [min(rows, key=lambda p: p.measured_s) for rows in zip(*(t.phases for t in times), strict=True)]
    return Loop(
        tuple((p.name, p.predicted_s, p.measured_s) for p in phases),
        times[0].predicted_rate,
        max(t.rate or 0.0 for t in times),
        max(t.whole_rate or 0.0 for t in times),
    )


def two_of(one: Path, folder: Path) -> Path:
    """A target of two units like the one of a file, which share its memory."""
    table = yaml.safe_load(one.read_text(encoding="utf-8"))
    (name, unit), *others = table["units"].items()
    if others:
        raise MapperError(
            f"{one} has {1 + len(others)} units: calibrate one core", hint="taskset -c 0 mapper calibrate"
        )
    table["units"] = {f"{name}{k}": deepcopy(unit) for k in range(2)}  # equal ones: target files have no anchors
    for memory in table["memories"].values():
        memory["serves"] = list(table["units"])
    table["name"] = "two-cores"
    path = folder / "two-cores.yaml"
    path.write_text(yaml.safe_dump(table, sort_keys=False), encoding="utf-8")
    return path


def model_files(folder: Path, models: Path | None, only: Sequence[str]) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    """Name, file and phases of each case."""
    for name, phases in CASES.items():
        if not only or name in only:
            path = folder / f"{name}.onnx"
            path.write_bytes(MODELS[name](None, None).SerializeToString())
            yield name, path, phases
    for name, phases in REAL.items():
        if models is not None and (not only or name in only):
            yield name, models / f"{name}.onnx", phases


def predicted(cases: Sequence[tuple[str, Path, tuple[str, ...]]], target: Path) -> bool:
    """Times of calls on one core, predicted and measured; whether the bar is met."""
    how = Settings(workers="none", requests=3, inflight=1, optimize=True)
    errors: list[float] = []
    print(f"\n{'model on one core':<32}{'phase':<10}{'predicted':>12}{'measured':>12}{'error':>9}")
    for name, path, phases in cases:
        for phase, planned, seen in loop(path, target, phases, how, objective="latency").seconds:
            errors.append(planned / seen - 1)
            print(f"{name:<32}{phase:<10}{1e3 * planned:>9.2f} ms{1e3 * seen:>9.2f} ms{errors[-1]:>+9.1%}", flush=True)
    mean = fmean(map(abs, errors))
    met = mean <= MOST_ERROR and len(cases) >= LEAST_MODELS
    bars = f"bar {MOST_ERROR:.0%}, {LEAST_MODELS} models"
    print(f"mean absolute error {mean:.1%} of {len(errors)} calls of {len(cases)} models ({bars})")
    return met


def ranked(cases: Sequence[tuple[str, Path, tuple[str, ...]]], target: Path) -> bool:
    """Mappings onto two cores by predicted and measured rate; whether the bar is met."""
    right = pairs = 0
    print(f"\n{'mapping onto two cores':<32}{'by':<14}{'predicted':>12}{'measured':>12}")
    for name, path, phases in cases:
        rates = []
        for mapping in MAPPINGS:
            how = Settings(requests=12, inflight=4, optimize=True, pin=True)
            found = loop(path, target, phases, how, pipeline=mapping)
            rates.append((found.predicted_rate, found.measured_rate))
            print(f"{name:<32}{mapping:<14}{rates[-1][0]:>9.2f} /s{rates[-1][1]:>9.2f} /s", flush=True)
        for (p, a), (q, b) in combinations(rates, 2):
            if abs(a - b) > TELLABLE * max(a, b):
                pairs += 1
                right += (p > q) == (a > b) and p != q
    print(f"{right} of {pairs} pairs of mappings ranked right (bar {LEAST_RIGHT:.0%})")
    return pairs > 0 and right >= LEAST_RIGHT * pairs


def pipelined(path: Path, target: Path) -> bool:
    """The two-stage pipeline against the whole model on one core; whether it is faster."""
    how = Settings(requests=24, inflight=4, optimize=True, pin=True)
    found = loop(path, target, CASES[PIPELINED], how, pipeline="stages")
    ratio = found.measured_rate / found.whole_rate
    print(
        f"\n{PIPELINED} in stages on two cores: {found.measured_rate:.2f} requests/s (predicted "
        f"{found.predicted_rate:.2f}), whole model on one core {found.whole_rate:.2f}: x {ratio:.2f}"
    )
    return ratio > 1


def main() -> int:
    """Prints three tables; 1 if a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path, help="one core, as `mapper calibrate cpu` wrote it")
    parser.add_argument("--models", type=Path, help="a folder of real ONNX exports")
    parser.add_argument("--only", action="append", default=[], help="only this model (may be repeated)")
    given = parser.parse_args()
    if given.models and not given.models.is_dir():
        parser.error(f"--models {given.models}: not a folder")
    if not given.target.is_file():
        parser.error(f"{given.target}: no such file; write it with mapper calibrate cpu")
    with tempfile.TemporaryDirectory() as folder:
        cases = list(model_files(Path(folder), given.models, given.only))
        two = two_of(given.target, Path(folder))
        met = [predicted(cases, given.target), ranked([c for c in cases if c[0] in RANKED], two)]
        met += [pipelined(path, two) for name, path, _ in cases if name == PIPELINED]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
