"""Writes the models that a file of cases names: each as build.py writes the one of its name.

python samples/models/of_suite.py tests/regress/cases.yaml --out out/regress/models
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mapper.regress.suite import read_suite
from samples.models import build


def main(argv: list[str] | None = None) -> None:
    """Write every model file of the suite into a folder."""
    parser = argparse.ArgumentParser(description="Write the models that a file of cases names, without weights.")
    parser.add_argument("cases", type=Path, metavar="CASES.yaml")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    suite = read_suite(args.cases)
    for name in sorted({file for workload in suite.models.values() for file in workload.files}):
        build.main([Path(name).stem, "--out", str(args.out / name)])


if __name__ == "__main__":
    main()
