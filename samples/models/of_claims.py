"""Writes the models that a file of claims names: each as build.py writes the one of its name.

python samples/models/of_claims.py samples/claims.yaml --out out/claims/models
"""

from __future__ import annotations

import sys
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mapper.claims.read import read_claims
from samples.models.named import written


def main(argv: list[str] | None = None) -> None:
    """Write every model file of the claims into a folder; those that are there stay."""
    written("CLAIMS.yaml", lambda file: read_claims(file).models, argv, keep=True)


if __name__ == "__main__":
    main()
