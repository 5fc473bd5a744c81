"""How long compiling takes, how much memory, and how far the plan is from its bound, on models of several sizes.

python benchmarks/scale.py                      sample models without weights
python benchmarks/scale.py --models DIR         real exports too, where DIR has them
python benchmarks/scale.py --models DIR --all   each of them on every target

Every case runs in a process of its own. Exit code 1 when a bar is missed. Seconds depend on the machine; the bars are
for two cores of 2024.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples" / "models" / "build.py"
TARGETS = ("superhet", "rram-cim", "edge-npu", "a100-80", "dgx-a100", "xeon-8592")
PREFILL, DECODE = "prefill: batch=1 seq=512 past=0", "decode: batch=1 seq=1 past=512..639"
DECODE_ONLY = "decode: batch=1 past=512..639"
REAL = {
    "bert-base.ts17": "run: batch=1 seq=128",
    "gpt2-prefill.ts17": "prefill: batch=1 seq=512",
    "gpt2-decode.dynamo18": DECODE_ONLY,
    "vit-b16.ts17": "run: batch=1",
    "llama-tiny-decode.dynamo18": "decode: batch=1 past=16..31",
    "llama2-7b-decode.dynamo18.noopt": DECODE_ONLY,
}
"""Real exports and the phase each is mapped for."""


@dataclass(frozen=True)
class Case:
    """A model on a target, and the bars it must meet (None: no bar)."""

    model: str
    target: str
    phases: list[str]
    objective: str = "throughput"
    most_seconds: float | None = None
    most_mb: float | None = None
    most_gap: float | None = None
    may_not_fit: bool = False
    file: str = ""
    effort: str = "default"


@dataclass(frozen=True)
class Row:
    """What one case took and gave."""

    case: Case
    data: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    def missed(self) -> list[str]:
        """The bars that it missed, in words."""
        if self.error:
            return [self.error]
        if "unfit" in self.data:
            return [] if self.case.may_not_fit else [self.data["unfit"]]
        seconds = self.data["import_s"] + self.data["compile_s"]
        found = []
        if self.case.most_seconds is not None and seconds > self.case.most_seconds:
            found.append(f"{seconds:.1f} s > {self.case.most_seconds:g} s")
        if self.case.most_mb is not None and self.data["peak_mb"] > self.case.most_mb:
            found.append(f"{self.data['peak_mb']:.0f} MB > {self.case.most_mb:g} MB")
        if self.case.most_gap is not None and not (self.data["gap"] or 0.0) <= self.case.most_gap:
            found.append(f"gap {self.data['gap']:.1%} > {self.case.most_gap:.0%}")
        return found

    def text(self) -> str:
        """The row of the table."""
        bars = [
            f"{bar:g} {unit}"
            for bar, unit in (
                (self.case.most_seconds, "s"),
                (self.case.most_mb, "MB"),
                (None if self.case.most_gap is None else 100 * self.case.most_gap, "%"),
            )
            if bar is not None
        ]
        name = f"{self.case.model} {'+'.join(p.split(':')[0] for p in self.case.phases)}"
        head = f"{name:<40} {self.case.target:<10} "
        verdict = "ok" if not self.missed() else "MISSED"
        if self.error or "unfit" in self.data:
            return f"{head}{self.error or self.data['unfit']:<77} {', '.join(bars):<14} {verdict}"
        d = self.data
        bound = f"{d['bound']:10.4g}" if d["bound"] is not None else f"{'none':>10}"
        gap = f"{d['gap']:6.1%}" if d["gap"] is not None else f"{'none':>6}"
        return (
            f"{head}{d['ops']:5d} {d['clusters']:8d} {d['import_s']:8.1f} {d['compile_s']:9.1f} {d['peak_mb']:8.0f} "
            f"{d['value']:10.4g} {bound} {gap}  {', '.join(bars):<14} {verdict}"
        )


HEAD = (
    f"{'case':<40} {'target':<10} {'ops':>5} {'clusters':>8} {'import s':>8} {'compile s':>9} {'peak MB':>8} "
    f"{'value':>10} {'bound':>10} {'gap':>6}  {'bar':<14} ok"
)


def cases(models: Path | None, every: bool, effort: str) -> Iterator[Case]:
    """The cases to run; `models` holds real exports."""
    both = [PREFILL, DECODE]
    yield Case("bert-base", "superhet", ["run: batch=1 seq=128"], most_seconds=15, most_gap=0.10, effort=effort)
    yield Case("gpt2", "superhet", both, most_seconds=30, effort=effort)
    for name, phase in REAL.items():
        path = models / f"{name}.onnx" if models else None
        if path is None or not path.is_file():
            if models:
                print(f"{name}: not in {models}", file=sys.stderr)
            continue
        big = name.startswith("llama2-7b")
        for target in TARGETS if every else ("a100-80", "superhet", "dgx-a100") if big else ("superhet",):
            yield Case(
                name, target, [phase], most_mb=1500 if big else None, may_not_fit=True, file=str(path), effort=effort
            )


def one(case: Case, folder: Path) -> dict[str, Any]:
    """Compile a case in this process and measure it."""
    import mapper
    from mapper.errors import Infeasible

    file = case.file or str(folder / "model.onnx")
    began = time.perf_counter()
    try:
        made = mapper.compile(
            file, case.target, case.phases, objective=case.objective, effort=case.effort, pipeline="default"
        )
    except Infeasible as error:
        return {"unfit": f"does not fit: {error.message}"[:76]}
    seconds, summary = time.perf_counter() - began, made.summary
    return {
        "ops": summary["ops"]["total"],
        "clusters": len(made.plan.clusters or ()),
        "import_s": summary["seconds"]["import"],
        "compile_s": seconds - summary["seconds"]["import"],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "value": summary["value"],
        "bound": summary["bound"],
        "gap": summary["gap"],
    }


def apart(case: Case) -> Row:
    """The case measured in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        if not case.file:
            build = [sys.executable, str(SAMPLES), case.model, "--out", str(Path(folder) / "model.onnx")]
            subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        command = [sys.executable, __file__, "--one", json.dumps(asdict(case)), "--folder", folder]
        done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if re.match(r"[\w.]+: ", line)]
        return Row(case, error=f"failed: {lines[-1] if lines else f'exit code {done.returncode}'}"[:76])
    return Row(case, json.loads(done.stdout.splitlines()[-1]))


def help_seconds() -> float:
    """Median seconds of five `mapper --help`."""
    command = [sys.executable, "-c", "from mapper.cli import main; main()", "--help"]
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> int:
    """Prints the table; 1 if a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="a folder of real ONNX exports")
    parser.add_argument("--all", action="store_true", help="every real export on every target")
    parser.add_argument("--effort", default="default", choices=["quick", "default", "max"])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(Case(**json.loads(options.one)), options.folder)))
        return 0
    if options.models and not options.models.is_dir():
        parser.error(f"--models {options.models}: not a folder")
    print(HEAD)
    missed = []
    for case in cases(options.models, options.all, options.effort):
        row = apart(case)
        print(row.text(), flush=True)
        missed += [f"{case.model} on {case.target}: {why}" for why in row.missed()]
    seconds = help_seconds()
    print(f"mapper --help: {seconds:.2f} s (bar 0.5 s) {'ok' if seconds <= 0.5 else 'MISSED'}")
    missed += [f"mapper --help: {seconds:.2f} s > 0.5 s"] if seconds > 0.5 else []
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
