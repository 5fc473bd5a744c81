"""How long compiling takes, how much memory, and how far the plan is from its bound, on models of every size.

python benchmarks/scale.py                                   every group: small, large, growth, library
python benchmarks/scale.py --only large --only growth        whole large models; 12 to 192 layers
python benchmarks/scale.py --only library --target superhet  five models, also against every baseline
python benchmarks/scale.py --csv rows.csv --jobs 2           rows are kept as they come; a second run goes on from there
python benchmarks/scale.py --models DIR [--all]              real exports too, where DIR has them, on every target

Every case runs in a process of its own. Exit code 1 when a bar is missed. Seconds depend on the machine; the bars are
for two cores of 2024, so run one job at a time to judge them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.scaling.cases import GROUPS, Case, cases
from benchmarks.scaling.measure import apart, measured
from benchmarks.scaling.rows import HEAD, Kept, Row, growth

HELP_S = 0.5


def help_seconds() -> float:
    """Median seconds of five `mapper --help`."""
    command = [sys.executable, "-c", "from mapper.cli import main; main()", "--help"]
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=GROUPS, help="only this group (may be repeated)")
    parser.add_argument("--target", action="append", help="only on this target (may be repeated)")
    parser.add_argument("--model", action="append", help="only this model (may be repeated)")
    parser.add_argument("--models", type=Path, help="a folder of real ONNX exports")
    parser.add_argument("--all", action="store_true", help="every real export on every target")
    parser.add_argument("--effort", default="default", choices=["quick", "default", "max"])
    parser.add_argument("--csv", type=Path, help="keep rows here, and measure none twice")
    parser.add_argument("--jobs", type=int, default=1, help="cases at a time")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.models and not given.models.is_dir():
        parser.error(f"--models {given.models}: not a folder")
    if given.jobs < 1:
        parser.error("--jobs is at least 1")
    return given


def main() -> int:
    """Prints the table; 1 if a bar was missed."""
    given = options()
    if given.one:
        print(json.dumps(measured(Case.of(given.one), given.file)))
        return 0
    wanted = [
        case
        for case in cases(given.only or GROUPS, given.effort, given.models, given.all)
        if case.target in (given.target or [case.target]) and case.model in (given.model or [case.model])
    ]
    kept, one_at_a_time = Kept(given.csv), Lock()

    def row_of(case: Case) -> Row:
        if (known := kept.find(case)) is not None:
            return known
        row = Row(case, apart(case))
        with one_at_a_time:
            kept.add(row)
        return row

    print(HEAD, flush=True)
    rows: list[Row] = []
    with ThreadPoolExecutor(given.jobs) as pool:
        for row in pool.map(row_of, wanted):
            print(row.text(), flush=True)
            rows.append(row)
    missed = [f"{row.case.name} on {row.case.target}: {why}" for row in rows for why in row.missed()]
    for line, within in growth(rows):
        print(f"{line} {'ok' if within else 'MISSED'}")
        missed += [] if within else [line]
    if "small" in (given.only or GROUPS):
        seconds = help_seconds()
        print(f"mapper --help: {seconds:.2f} s (bar {HELP_S:g} s) {'ok' if seconds <= HELP_S else 'MISSED'}")
        missed += [f"mapper --help: {seconds:.2f} s > {HELP_S:g} s"] if seconds > HELP_S else []
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
