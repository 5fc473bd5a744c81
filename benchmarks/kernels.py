"""Compiles the kernels of judge, solving engine and rivals, which are then cached beside their sources: once in all.

python benchmarks/kernels.py

Without it the first search that needs a kernel compiles it. Tests and CI call it first, so that no test waits.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import makespan, packing, partitioning, quality, selection, simulation


def main() -> None:
    """Say how long each problem's kernels took."""
    for problem in (simulation, packing, selection, partitioning, makespan, quality):
        began = time.monotonic()
        problem.warm()
        print(f"kernels of {problem.__name__.rsplit('.', 1)[-1]}: {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()
