"""The solver's plan against every baseline's: for each model, target and objective, baseline value / solver's value.

python benchmarks/baselines.py [--models DIR] [--effort quick]

Values are costs (seconds between requests, seconds, joules, joule-seconds), so a ratio of 1.5 means that the baseline
takes half as much again. Exit code 1 when a baseline is better than the solver.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mapper
from mapper.errors import Infeasible, MapperError

BUILD = Path(__file__).resolve().parents[1] / "samples" / "models" / "build.py"
BASELINES = ("heft", "greedy", "round-robin", "one-unit")
TARGETS = ("superhet", "rram-cim", "edge-npu", "a100-80", "dgx-a100", "xeon-8592")
OBJECTIVES = ("throughput", "latency", "energy", "edp")
BOTH = ("prefill: batch=1 seq=128 past=0", "decode: batch=1 seq=1 past=128..159")
SAMPLES = {"gpt2": BOTH, "bert-base": ("run: batch=1 seq=128",)}
REAL = {
    "vit-b16.ts17": ("run: batch=1",),
    "gpt2-decode.dynamo18": ("decode: batch=1 past=512..639",),
    "llama-tiny-decode.dynamo18": ("decode: batch=1 past=16..31",),
    "llama2-7b-decode.dynamo18.noopt": ("decode: batch=1 past=512..639",),
}


def models(folder: Path, real: Path | None) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    """Name, file and phases of every model."""
    for name, phases in SAMPLES.items():
        file = folder / f"{name}.onnx"
        subprocess.run([sys.executable, BUILD, name, "--out", file], check=True, stdout=subprocess.DEVNULL)
        yield name, file, phases
    for name, phases in REAL.items():
        if real and (real / f"{name}.onnx").is_file():
            yield name, real / f"{name}.onnx", phases


def cost(file: Path, target: str, phases: tuple[str, ...], objective: str, pipeline: str, effort: str) -> float | None:
    """The judged value of the plan that a pipeline makes, smaller is better; None when it finds none that fits."""
    try:
        made = mapper.compile(file, target, phases, objective=objective, pipeline=pipeline, effort=effort)
    except Infeasible:
        return None
    return made.verdict.value(made.plan.objective)


def main() -> int:
    """Prints the table; 1 if a baseline beat the solver."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="a folder of real ONNX exports")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this target (may be repeated)")
    parser.add_argument(
        "--objective", action="append", choices=OBJECTIVES, help="only this objective (may be repeated)"
    )
    parser.add_argument("--effort", default="default", choices=["quick", "default", "max"])
    options = parser.parse_args()
    worse: list[str] = []
    print(f"{'model':<32} {'target':<10} {'objective':<10} {'solver':>10} " + "".join(f"{b:>12}" for b in BASELINES))
    with tempfile.TemporaryDirectory() as folder:
        for name, file, phases in models(Path(folder), options.models):
            for target in options.target or TARGETS:
                for objective in options.objective or OBJECTIVES:
                    case = f"{name:<32} {target:<10} {objective:<10}"
                    try:
                        print(row(case, file, target, phases, objective, options.effort, worse), flush=True)
                    except MapperError as error:
                        print(f"{case} failed: {error.message}")
                        worse.append(f"{case} failed")
    for line in worse:
        print(f"worse than a baseline: {line}")
    return 1 if worse else 0


def row(
    case: str, file: Path, target: str, phases: tuple[str, ...], objective: str, effort: str, worse: list[str]
) -> str:
    """The row of one case; a baseline that beats the solver is added to `worse`."""
    solver = cost(file, target, phases, objective, "default", effort)
    cells = []
    for baseline in BASELINES:
        value = cost(file, target, phases, objective, baseline, effort)
        if value is not None and (solver is None or value < solver * (1 - 1e-9)):
            worse.append(f"{case} {baseline}")
        cells.append(f"{'no fit' if value is None else f'{value / solver:.3f}' if solver else 'fits':>12}")
    return f"{case} {'no fit' if solver is None else f'{solver:.4g}':>10} " + "".join(cells)


if __name__ == "__main__":
    sys.exit(main())
