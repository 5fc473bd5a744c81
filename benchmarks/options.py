"""The command line that the fit scripts share."""

from __future__ import annotations

import argparse
from pathlib import Path


def folder_options(doc: str | None, *, targets: bool = False, write: bool = False) -> argparse.Namespace:
    """`folder`, which must exist, and where asked for `targets` (names, all when none is given) and the flag `write`.

    doc: the script's own docstring, whose first line the help shows.
    """
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of measured latencies")
    if targets:
        parser.add_argument("targets", nargs="*", help="only these")
    if write:
        parser.add_argument("--write", action="store_true", help="put the constants into the files of targets")
    options = parser.parse_args()
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is no folder")
    return options
