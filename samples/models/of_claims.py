"""Writes the models that a file of claims names: each as build.py writes the one of its name.

python samples/models/of_claims.py samples/claims.yaml --out out/claims/models
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mapper.claims.read import read_claims
from samples.models import build


def main(argv: list[str] | None = None) -> None:
    """Write every model file of the claims into a folder; those that are there stay."""
    parser = argparse.ArgumentParser(description="Write the models that a file of claims names, without weights.")
    parser.add_argument("claims", type=Path, metavar="CLAIMS.yaml")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in read_claims(args.claims).models:
        if not (args.out / name).is_file():
            build.main([Path(name).stem, "--out", str(args.out / name)])


if __name__ == "__main__":
    main()
