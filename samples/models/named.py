"""Writes the models that a file names, each as build.py writes the one of its name."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from samples.models import build


def written(
    file: str, named: Callable[[Path], Iterable[str]], argv: list[str] | None = None, *, keep: bool = False
) -> None:
    """Write every model file that `named` finds in the file of the command line into a folder.

    file: what the command line calls the file. keep: those that are there stay."""
    parser = argparse.ArgumentParser(description="Write the models that a file names, without weights.")
    parser.add_argument("file", type=Path, metavar=file)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in named(args.file):
        if not (keep and (args.out / name).is_file()):
            build.main([Path(name).stem, "--out", str(args.out / name)])
