"""How long import, shapes and fusion take on real exports, how much memory, and whether time grows with the nodes only.

python benchmarks/frontend.py                 stacks of layers built here
python benchmarks/frontend.py MODELS_DIR      each export there too, bound to the dims of tests/frontend/corpus.csv

Every file runs in a process of its own, whose start does not count. Seconds are those of the processor: one core does
the work, and other programs do not disturb the figures. Exit code 1 when a bar is missed; the bars are for 2024.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(ROOT))

from benchmarks.fuzz_frontend import table, through  # noqa: E402

MEDIAN_S, WORST_S, MOST_RATIO = 1.0, 8.0, 12.0
ROOM_MB, TIMES_THE_FILE = 200.0, 5.0
SHORT, LONG = 10, 100
"""Layers of the two stacks whose times are compared."""

STACK = ("gpt2", {"batch": 1, "seq": 1, "past": 512})


def measure(path: Path, dims: dict[str, int], runs: int) -> dict[str, Any]:
    """Seconds and memory in this process: the fastest of some runs, the peak of the first."""
    from mapper.frontend import load_model
    from mapper.frontend.file.read import read

    warm_up()
    found: dict[str, Any] = {}
    before = peak_mb()
    for turn in range(runs):
        start = time.process_time()
        imported = load_model(path, dims=dims)
        import_s = time.process_time() - start
        through(imported, "understand")
        total_s = time.process_time() - start
        if turn == 0:
            found["peak_mb"], found["grown_mb"] = peak_mb(), peak_mb() - before
        if total_s < found.get("total_s", float("inf")):
            found |= {"import_s": import_s, "fusion_s": total_s - import_s, "total_s": total_s}
    start = time.process_time()
    source = read(path)
    found["read_s"] = time.process_time() - start
    return found | {"nodes": source.node_count, "mb": path.stat().st_size / 1e6}


def warm_up() -> None:
    """Loads what all imports and passes need: a tiny model goes through."""
    from mapper.frontend import load_model
    from samples.models.build import MODELS

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.onnx"
        path.write_bytes(MODELS["bert-tiny"](1, None).SerializeToString())
        through(load_model(path, dims={"batch": 1, "seq": 4}), "understand")


def peak_mb() -> float:
    """The most memory this process has had; of its own, without that of the process that started it."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def apart(path: Path, dims: dict[str, int], runs: int = 1) -> dict[str, Any]:
    """The measures of a file in a process of its own."""
    command = [sys.executable, __file__, "--one", str(path), json.dumps(dims), str(runs)]
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no output"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


HEAD = f"{'model':<60} {'nodes':>6} {'read s':>7} {'shapes s':>8} {'fusion s':>8} {'total s':>8} {'peak MB':>8}"


def line(name: str, d: dict[str, Any]) -> str:
    """The row of the table."""
    if "error" in d:
        return f"{name[:60]:<60} {d['error'][:60]}"
    shapes = d["import_s"] - d["read_s"]
    return (
        f"{name[:60]:<60} {d['nodes']:6d} {d['read_s']:7.3f} {shapes:8.3f} {d['fusion_s']:8.3f} {d['total_s']:8.3f} "
        f"{d['peak_mb']:8.0f}"
    )


def corpus(folder: Path) -> list[str]:
    """Prints the rows of the exports; the bars that were missed."""
    totals: dict[str, float] = {}
    missed = []
    for name, dims in table().items():
        path = folder / f"{name}.onnx"
        if not path.is_file():
            print(f"{name}: not in {folder}", file=sys.stderr)
            continue
        found = apart(path, dims)
        print(line(name, found), flush=True)
        if "error" in found:
            missed.append(f"{name}: {found['error']}")
            continue
        totals[name] = found["total_s"]
        bar = TIMES_THE_FILE * found["mb"] + ROOM_MB
        if found["peak_mb"] > bar:
            missed.append(f"{name}: {found['peak_mb']:.0f} MB > {bar:.0f} MB")
    if totals:
        median, worst = statistics.median(totals.values()), max(totals, key=lambda n: totals[n])
        print(f"median {median:.2f} s (bar {MEDIAN_S:g} s), worst {totals[worst]:.2f} s: {worst} (bar {WORST_S:g} s)")
        missed += [f"median {median:.2f} s > {MEDIAN_S:g} s"] if median > MEDIAN_S else []
        missed += [f"{worst}: {totals[worst]:.2f} s > {WORST_S:g} s"] if totals[worst] > WORST_S else []
    return missed


def stacks() -> list[str]:
    """Prints the rows of a short and a ten times longer stack; the bars that were missed."""
    from samples.models.build import MODELS

    name, dims = STACK
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for layers in (SHORT, LONG):
            path = Path(folder) / f"{name}-{layers}.onnx"
            path.write_bytes(MODELS[name](layers, None).SerializeToString())
            found = apart(path, dims, runs=3)
            print(line(f"{name}, {layers} layers", found), flush=True)
            if "error" in found:
                return [f"{name}, {layers} layers: {found['error']}"]
            seconds.append(found["total_s"])
    ratio = seconds[1] / seconds[0]
    print(f"{LONG // SHORT}x longer stack: {ratio:.1f}x the time (bar {MOST_RATIO:g}x)")
    return [f"ratio {ratio:.1f} > {MOST_RATIO:g}"] if ratio > MOST_RATIO else []


def main() -> int:
    """Prints the table; 1 if a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="?", type=Path, help="a folder of real ONNX exports")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        path, dims, runs = options.one
        print(json.dumps(measure(Path(path), json.loads(dims), int(runs))))
        return 0
    if options.models and not options.models.is_dir():
        parser.error(f"{options.models}: not a folder")
    print(HEAD)
    missed = [*(corpus(options.models) if options.models else []), *stacks()]
    for text in missed:
        print(f"missed: {text}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
