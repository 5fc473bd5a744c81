"""Writes the models that a file of cases names: each as build.py writes the one of its name.

python samples/models/of_suite.py tests/regress/cases.yaml --out out/regress/models
"""

from __future__ import annotations

import sys
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mapper.regress.suite import read_suite
from samples.models.named import written


def main(argv: list[str] | None = None) -> None:
    """Write every model file of the suite into a folder."""
    written("CASES.yaml", _files, argv)


def _files(suite: Path) -> list[str]:
    return sorted({file for workload in read_suite(suite).models.values() for file in workload.files})


if __name__ == "__main__":
    main()
