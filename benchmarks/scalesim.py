"""Cycles of products on a systolic array against those of SCALE-Sim.

Usage: python benchmarks/scalesim.py compares with the cycles in benchmarks/scalesim_cycles.csv. With --python
PATH/TO/python, an interpreter that has SCALE-Sim (`pip install scalesim==3.0.0 "numpy<2.1" "pandas<2.3"` in an
environment of its own), the simulator runs first, and --write keeps what it counted. Exit code 1 when the mean error of
a dataflow is above 10 %.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # started by path from anywhere

from targets.models.dataflow import Dataflow, product_cycles  # noqa: E402

COUNTED = ROOT / "benchmarks" / "scalesim_cycles.csv"
MOST = 0.1
"""The mean error of a dataflow that is allowed."""

DATAFLOWS: dict[Dataflow, str] = {"weight": "ws", "input": "is", "output": "os"}
"""Our names and the simulator's."""

ARRAYS = ((16, 16), (32, 64), (128, 128))
ROWS = (1, 16, 60, 128, 197)
WEIGHTS = ((64, 64), (128, 64), (64, 128), (100, 50), (192, 100), (128, 128))
"""Products m x k x n: tokens of a prompt or a step, an image of 197 patches; (n, k) of heads and narrow layers, some
that fill no fold."""

CONFIG = """[general]
run_name = run
[architecture_presets]
ArrayHeight : {rows}
ArrayWidth : {columns}
IfmapSramSzkB : 8192
FilterSramSzkB : 8192
OfmapSramSzkB : 8192
IfmapOffset : 0
FilterOffset : 10000000
OfmapOffset : 20000000
Dataflow : {dataflow}
Bandwidth : 100
ReadRequestBuffer : 512
WriteRequestBuffer : 512
MemoryBanks : 1
[layout]
IfmapCustomLayout : False
IfmapSRAMBankBandwidth : 10
IfmapSRAMBankNum : 10
IfmapSRAMBankPort : 2
FilterCustomLayout : False
FilterSRAMBankBandwidth : 10
FilterSRAMBankNum : 10
FilterSRAMBankPort : 2
[sparsity]
SparsitySupport : false
SparseRep : ellpack_block
OptimizedMapping : false
BlockSize : 8
RandomNumberGeneratorSeed : 40
[run_presets]
InterfaceBandwidth : USER
UseRamulatorTrace : False
"""
"""Scratchpads that hold all operands, so that only the array's cycles count."""

RUN = """
import sys
from scalesim.scale_sim import scalesim
folder = sys.argv[1]
simulator = scalesim(save_disk_space=True, verbose=False, config=folder + '/config.cfg', topology=folder + '/gemm.csv',
                     layout=folder + '/gemm.csv', input_type_gemm=True)
simulator.run_scale(top_path=folder)
"""


@dataclass(frozen=True, slots=True)
class Count:
    """A product on an array, and the cycles that the simulator counted."""

    dataflow: Dataflow
    rows: int
    columns: int
    m: int
    n: int
    k: int
    cycles: int

    @property
    def ratio(self) -> float:
        """Our cycles over the simulator's."""
        return product_cycles(self.dataflow, self.m, self.n, self.k, self.rows, self.columns) / self.cycles


def simulated(python: str) -> Iterator[Count]:
    """Counts by the simulator in another interpreter."""
    shapes = [(m, n, k) for m in ROWS for n, k in WEIGHTS]
    for dataflow, name in DATAFLOWS.items():
        for rows, columns in ARRAYS:
            with tempfile.TemporaryDirectory() as folder:
                base = Path(folder)
                text = CONFIG.format(rows=rows, columns=columns, dataflow=name)
                (base / "config.cfg").write_text(text, encoding="utf-8")
                lines = [f"g{i}, {m}, {n}, {k}," for i, (m, n, k) in enumerate(shapes)]
                (base / "gemm.csv").write_text("\n".join(["Layer, M, N, K,", *lines, ""]), encoding="utf-8")
                subprocess.run([python, "-c", RUN, folder], check=True, stdout=subprocess.DEVNULL)
                with (base / "run" / "COMPUTE_REPORT.csv").open(newline="") as handle:
                    report = list(csv.DictReader(handle, skipinitialspace=True))
            for (m, n, k), row in zip(shapes, report, strict=True):
                yield Count(dataflow, rows, columns, m, n, k, int(float(row["Total Cycles"])) + 1)  # it counts from 0
            print(f"  {dataflow}-stationary on {rows} x {columns}: {len(report)} products", file=sys.stderr, flush=True)


def kept() -> Iterator[Count]:
    """Counts of an earlier run of the simulator."""
    with COUNTED.open(newline="") as handle:
        for row in csv.DictReader(handle):
            dataflow = next(d for d in DATAFLOWS if d == row["dataflow"])
            yield Count(dataflow, *(int(row[f.name]) for f in fields(Count)[1:]))


def write(counts: Iterable[Count]) -> None:
    """Keeps the simulator's counts."""
    with COUNTED.open("w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow([f.name for f in fields(Count)])
        writer.writerows(astuple(c) for c in counts)


def main() -> int:
    """Prints the errors by dataflow and array; 1 if a mean is above the bar."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", help="an interpreter that has SCALE-Sim")
    parser.add_argument("--write", action="store_true", help=f"keep its counts in {COUNTED.name}")
    options = parser.parse_args()
    counts = list(simulated(options.python) if options.python else kept())
    if options.write:
        write(counts)
    groups: defaultdict[tuple[Dataflow, int, int], list[float]] = defaultdict(list)
    for count in counts:
        groups[count.dataflow, count.rows, count.columns].append(abs(count.ratio - 1))
    print(f"{'dataflow':<10}{'array':<12}{'products':>9}{'mean error':>12}{'worst':>9}")
    missed = False
    for (dataflow, rows, columns), errors in groups.items():
        mean = sum(errors) / len(errors)
        missed |= mean > MOST
        print(f"{dataflow:<10}{f'{rows} x {columns}':<12}{len(errors):>9}{mean:>12.1%}{max(errors):>9.1%}")
    print(f"bar: mean error of each at most {MOST:.0%}: {'MISSED' if missed else 'met'}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
