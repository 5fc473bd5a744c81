"""Predicted against measured on the machine at hand: models in one piece, mappings against each other, a pipeline.

python benchmarks/closed_loop.py                         calibrates two cores for two and a half minutes, then runs
python benchmarks/closed_loop.py two-cores.yaml          with a target of `mapper calibrate cpu --units 2`
python benchmarks/closed_loop.py --models DIR            also real exports there
python benchmarks/closed_loop.py --only bert-base --only gpt2 --part models

Sample models get random weights. Each is compiled for one core of the target, emitted and run (`mapper.runtime`, one
thread, onnxruntime's fusions on). Then for both: mappings by several passes are ranked by predicted and by measured
requests per second, round by round, and the two-stage pipeline of bert-base runs against the whole model on one core.
Exit code 1 when a bar is missed. docs/run.md says what the bars are judged on. Run it on a machine that does nothing
else.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from statistics import fmean, median

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import mapper
from mapper.cli.calibrating import telling
from mapper.cli.console import Show
from mapper.emit.emit import emit
from mapper.emit.speeds import probe_seconds
from mapper.errors import MapperError
from mapper.hw.load import load_target
from mapper.ir.goal import Objective
from mapper.runtime.evaluate import evaluate
from mapper.runtime.inputs import made_up
from mapper.runtime.measured import Measured
from mapper.runtime.run import Emitted, Settings, opened
from mapper.runtime.speed import is_of_this_processor
from mapper.runtime.whole import files_of
from samples.models.build import MODELS
from targets.calibration.cpu import calibrate, on_cores

MOST_ERROR, LEAST_RIGHT, LEAST_MODELS = 0.15, 0.9, 8
"""Bars: mean absolute error of a call's time, over at least so many models; pairs of mappings ranked right."""

TELLABLE = 0.05
"""Two mappings whose measured rates differ by less (relative) are not a pair to rank."""

AT_ONCE = 3
"""Requests on their way at once, in plans and in runs on two cores."""

CALIBRATION_S = 150.0
ROUNDS = 3
"""Rounds of runs of all mappings of a model; medians count."""

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
RANKED = {
    "bert-base": CASES["bert-base"],
    "gpt2": (PROMPT, "decode: batch=1 seq=1 past=128 calls=4"),
    "vit": CASES["vit"],
}
PIPELINED = "bert-base"


@dataclass(frozen=True)
class Case:
    """A model with its phases."""

    name: str
    path: Path
    phases: tuple[str, ...]


def model_files(folder: Path, models: Path | None, only: Sequence[str]) -> Iterator[Case]:
    """The cases, one after the other; a model that was made lies in `folder` until the next is asked for."""
    for name, phases in CASES.items():
        if not only or name in only:
            path = folder / f"{name}.onnx"
            path.write_bytes(MODELS[name](None, None).SerializeToString())
            yield Case(name, path, phases)
    for name, phases in REAL.items():
        if models is not None and (not only or name in only):
            yield Case(name, models / f"{name}.onnx", phases)


@contextmanager
def emitted(case: Case, target: Path, how: Settings, **options: str | int) -> Iterator[Emitted]:
    """The model compiled and emitted with made-up weights; its folder is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        done = mapper.compile(case.path, target, case.phases, **options)  # type: ignore[arg-type]
        emit(done.plan, [case.path], Path(folder) / "pieces", random_weights=0)
        yield opened(Path(folder) / "pieces", how)


def ran(found: Emitted, how: Settings, *, whole: bool = False) -> Measured:
    """The times of a run, beside the whole model's where wanted."""
    wholes = files_of(found.manifest, [found.folder / name for name in found.manifest.whole]) if whole else None
    return evaluate(found, how, made_up(found.program, how.requests, 0), wholes=wholes, tolerance=1.0)[0].times


def predicted(cases: Iterator[Case], target: Path) -> bool:
    """Times of calls on one core: as calibrated, at the speed that the machine had, measured; whether the bar is
    met."""
    how = Settings(workers="none", requests=6, inflight=1, optimize=True)
    raw: list[float] = []
    now: list[float] = []
    names: list[str] = []
    print(f"\n{'':<44}{'as calibrated':>21}{'at the speed of then':>24}")
    columns = f"{'speed':>7}{'predicted':>13}{'error':>8}{'predicted':>16}{'error':>8}{'measured':>14}"
    print(f"{'model on one core':<28}{'phase':<9}{columns}")
    for case in cases:
        with emitted(case, target, how, objective="latency", pipeline="one-unit") as found:
            times = ran(found, how)
        assert times.speed is not None  # the target was measured here
        names.append(case.name)
        for p in times.phases:
            raw.append(p.predicted_s / p.measured_s - 1)
            now.append(p.predicted_now_s / p.measured_s - 1)
            cells = f"{_ms(p.predicted_s):>13}{raw[-1]:>+8.1%}{_ms(p.predicted_now_s):>16}{now[-1]:>+8.1%}"
            line = f"{case.name:<28}{p.name:<9}{times.speed:>7.2f}{cells}{_ms(p.measured_s):>14}"
            print(line, flush=True)
    mean = fmean(map(abs, now))
    print(f"mean absolute error of {len(now)} calls of {len(names)} models: {fmean(map(abs, raw)):.1%} as calibrated,")
    print(f"{mean:.1%} at the speed that the machine had (bar {MOST_ERROR:.0%} of this, over {LEAST_MODELS} models)")
    return mean <= MOST_ERROR and len(names) >= LEAST_MODELS


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.2f} ms"


@dataclass(frozen=True)
class Row:
    """A mapping: predicted seconds between requests, and measured requests per second in each round."""

    interval_s: float
    rates: tuple[float, ...]


def counted(rows: Sequence[Row]) -> tuple[int, int, int, int]:
    """Pairs that are ranked right, of how many: all whose median rates differ tellably, then those of them of which the
    same one is faster in every round."""
    pairs = [
        (p, q) if median(p.rates) > median(q.rates) else (q, p)
        for p, q in combinations(rows, 2)
        if abs(median(p.rates) - median(q.rates)) > TELLABLE * max(median(p.rates), median(q.rates))
    ]
    right = [fast.interval_s < slow.interval_s for fast, slow in pairs]
    always = [all(a > b for a, b in zip(fast.rates, slow.rates, strict=True)) for fast, slow in pairs]
    kept = [good for good, same in zip(right, always, strict=True) if same]
    return sum(right), len(right), sum(kept), len(kept)


def ranked(case: Case, target: Path) -> tuple[int, int, int, int]:
    """Mappings onto two cores by predicted and measured rate; their pairs, `counted`.

    Each round runs every mapping once, and the median of a mapping's rates counts, so that all see the machine alike.
    Two passes that find the same mapping are one: what differs between its runs is the machine.
    """
    how = Settings(requests=8, inflight=AT_ONCE, optimize=True)
    plans: dict[str, Emitted] = {}
    rates: dict[str, list[float]] = {}
    known: dict[object, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for mapping in MAPPINGS:
            plan = mapper.compile(case.path, target, case.phases, pipeline=mapping, inflight=AT_ONCE).plan
            same = known.setdefault(tuple((t, p.unit) for t, p in sorted(plan.place.items())), mapping)
            if same != mapping:
                print(f"{case.name:<16}{mapping:<14}{'as ' + same:>30}")
                continue
            out = Path(folder) / mapping
            emit(plan, [case.path], out, random_weights=0)
            plans[mapping] = opened(out, how)
        for _ in range(ROUNDS):
            for mapping, found in plans.items():
                rates.setdefault(mapping, []).append(ran(found, how).rate or 0.0)
    rows = {mapping: Row(found.manifest.interval_s, tuple(rates[mapping])) for mapping, found in plans.items()}
    for mapping, row in rows.items():
        steps = sum(len(part.steps) for part in plans[mapping].manifest.phases)
        spread = f"({min(row.rates):.2f} to {max(row.rates):.2f})"
        figures = f"{1 / row.interval_s:>10.2f} /s{median(row.rates):>10.2f} /s  {spread}"
        print(f"{case.name:<16}{mapping:<14}{steps:>6}{figures}", flush=True)
    return counted(list(rows.values()))


def ranked_all(cases: Iterator[Case], target: Path) -> bool:
    """All models that are ranked; whether the bar is met."""
    print(f"\n{'mapping onto two cores':<30}{'steps':>6}{'predicted':>13}{'measured':>13}")
    found = [ranked(case, target) for case in cases]
    right, pairs, kept, told = (sum(column) for column in zip(*found, strict=True))
    print(f"{right} of {pairs} pairs ranked right (bar {LEAST_RIGHT:.0%}; rates within {TELLABLE:.0%} are no pair);")
    print(f"{kept} of {told} of those pairs of which the same mapping was faster in every round")
    return pairs > 0 and right >= LEAST_RIGHT * pairs


def pipelined(case: Case, target: Path) -> bool:
    """The two-stage pipeline against the whole model on one core; whether it is faster."""
    how = Settings(requests=16, inflight=AT_ONCE, optimize=True)
    with emitted(case, target, how, pipeline="stages", inflight=AT_ONCE) as found:
        times = [ran(found, how, whole=True) for _ in range(ROUNDS)]
    ratio = median((t.rate or 0.0) / (t.whole_rate or 1.0) for t in times)
    rate, whole = median(t.rate or 0.0 for t in times), median(t.whole_rate or 0.0 for t in times)
    print(
        f"\n{case.name} in stages on two cores: {rate:.2f} requests/s (predicted {times[0].predicted_rate:.2f}), whole "
        f"model on one core {whole:.2f}: x {ratio:.2f} (medians of {ROUNDS} runs)"
    )
    return ratio > 1


PARTS = ("models", "mappings", "pipeline")


def main() -> int:
    """Prints three tables; 1 if a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "target", type=Path, nargs="?", help="two cores, as `mapper calibrate cpu --units 2` wrote them"
    )
    parser.add_argument("--models", type=Path, help="a folder of real ONNX exports")
    parser.add_argument("--only", action="append", default=[], help="only this model (may be repeated)")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part (may be repeated)")
    given = parser.parse_args()
    unknown = sorted(set(given.only) - set(CASES) - set(REAL if given.models else ()))
    if unknown:
        there = f"{', '.join(CASES)}, and with --models {', '.join(REAL)}"
        parser.error(f"--only {unknown[0]}: no such model; there are {there}")
    if given.models and not given.models.is_dir():
        parser.error(f"--models {given.models}: not a folder")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = checked(given.target) if given.target else calibrated(folder)
        parts, met = given.part or PARTS, []
        if "models" in parts:
            with on_cores(sorted(os.sched_getaffinity(0))[:1]):
                met.append(predicted(model_files(folder, given.models, given.only), target))
        wanted = [name for name in RANKED if not given.only or name in given.only]
        if "mappings" in parts and wanted:
            cases = (replace(case, phases=RANKED[case.name]) for case in model_files(folder, None, wanted))
            met.append(ranked_all(cases, target))
        if "pipeline" in parts and (not given.only or PIPELINED in given.only):
            met += [pipelined(case, target) for case in model_files(folder, None, [PIPELINED])]
    if not met:
        parser.error("--part and --only leave nothing to run")
    return 0 if all(met) else 1


def calibrated(folder: Path) -> Path:
    """A target of two cores, measured now."""
    with telling(Show(quiet=False, objective=Objective.LATENCY)) as tell:
        found = calibrate("two-cores", CALIBRATION_S, tell, units=2)
    for e in found.errors:
        print(f"  {e.kind:<14}{e.points:>4} points, held out {e.held_out:.1%}")
    path = folder / "two-cores.yaml"
    path.write_text(found.text, encoding="utf-8")
    return path


def checked(path: Path) -> Path:
    """The file, if it is of two equal units that were measured here: of others times and speed tell nothing."""
    target = load_target(path)
    if len({unit.model for unit in target.units}) != 1 or len(target.units) != 2:
        raise MapperError(f"{path} is not of two equal units", hint="mapper calibrate cpu --units 2")
    if not probe_seconds(target) or not is_of_this_processor(target.about):
        raise MapperError(f"{path} was not measured on this machine", hint="mapper calibrate cpu --units 2")
    return path


if __name__ == "__main__":
    sys.exit(main())
