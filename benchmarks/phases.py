"""What placing all phases of a request at once brings over placing one after the other, each for itself.

python benchmarks/phases.py                      the shipped samples, a minute or two
python benchmarks/phases.py --effort quick       less search
python benchmarks/phases.py --only superhet      cases whose name holds a text

A row per case: the value when the phases are placed one after the other (pass place-by-phase), at once (place-cpsat),
the ratio of the two (above 1: at once is better) and the gap of the joint plan to its bound. Exit code 1 where placing
at once is worse anywhere, or where all cases ran and none gains 20 %.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mapper.compiler import Compiled, compile
from mapper.errors import Infeasible
from passes.pipelines import FINISH, PREPARE
from samples.models.build import main as build

WORTH = 1.2
"""A gain that at least one shipped example must show."""


@dataclass(frozen=True)
class Case:
    """A sample on a target, its phases and the objective."""

    model: str
    target: str
    phases: tuple[str, ...]
    objective: str = "throughput"

    @property
    def name(self) -> str:
        """The case in words."""
        return f"{self.model} on {self.target}, {self.objective}"


def _chat(prompt: int, answer: int) -> tuple[str, ...]:
    last = prompt + answer - 1
    return (f"prefill: batch=1 seq={prompt} past=0", f"decode: batch=1 seq=1 past={prompt}..{last} calls={answer}")


CASES = (
    Case("gpt2", "superhet", _chat(512, 128)),
    Case("gpt2", "superhet", _chat(512, 128), "latency"),
    Case("gpt2", "superhet", _chat(512, 128), "energy"),
    Case("gpt2", "edge-npu", _chat(512, 128)),
    Case("gpt2", "rram-cim", _chat(512, 128)),
    Case("gpt2-medium", "superhet", _chat(512, 32)),
    Case("gpt2-large", "superhet", _chat(512, 32)),
    Case("llama-tiny", "edge-npu", _chat(512, 128)),
    Case("llama-tiny", "superhet", _chat(512, 128)),
)


def _value(done: Compiled) -> float:
    return done.verdict.value(done.plan.objective)


def row(case: Case, folder: Path, effort: str) -> tuple[float, str]:
    """How many times better placing at once is (infinite where one after the other finds no placement), and a line."""
    file = folder / f"{case.model}.onnx"
    if not file.exists():
        build([case.model, "--out", str(file)])
    together = compile(file, case.target, case.phases, objective=case.objective, effort=effort)
    pipeline = f"{PREPARE},place-by-phase,{FINISH}"
    try:
        apart = _value(
            compile(file, case.target, case.phases, objective=case.objective, effort=effort, pipeline=pipeline)
        )
    except Infeasible:
        apart = float("inf")
    value, gap = _value(together), together.summary["gap"]
    ratio = apart / value
    return ratio, f"{case.name:<40}{apart:>14.6g}{value:>14.6g}{ratio:>9.3f}{100 * (gap or 0.0):>8.2f} %"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--effort", default="default", choices=["quick", "default", "max"])
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    given = parser.parse_args()
    chosen = [case for case in CASES if given.only in case.name]
    print(f"{'case':<40}{'one by one':>14}{'at once':>14}{'ratio':>9}{'gap':>10}")
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        for case in chosen:
            ratio, line = row(case, Path(folder), given.effort)
            ratios.append(ratio)
            print(line, flush=True)
    worse = sum(ratio < 1 - 1e-9 for ratio in ratios)
    best = max(ratios, default=0.0)
    print(f"{worse} worse, the largest gain {100 * (best - 1):.1f} %")
    return 1 if worse or (best < WORTH and len(chosen) == len(CASES)) else 0


if __name__ == "__main__":
    sys.exit(main())
