"""How long the site of a suite takes to write, and how large it is.

    python benchmarks/regress_site.py [--cases 200] [--nights 365] [--changing 0.05] [--db URL] [--json]

The history is made up by tests/nights.py. --changing: the part of the cases whose search finds something else in a
night in which the code has changed, as in a third of all nights.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from mapper.cli.main import main as mapper

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from nights import nights_in


def main() -> None:
    """Print seconds, by the clock and of the processor, megabytes of the page and the most memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--changing", type=float, default=0.05)
    parser.add_argument("--db", default="", metavar="URL")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        made = nights_in(Path(name), args.cases, args.nights, changing=args.changing, db=args.db)
        history = 0 if args.db else (made.out / "history.db").stat().st_size
        where = ["--db", args.db] if args.db else []
        began, busy = time.perf_counter(), time.process_time()
        with contextlib.redirect_stdout(sys.stderr):
            code = mapper(["regress", "report", str(made.path), "--out", str(made.out), "--nights", "all", *where])
        assert code == 0, code
        found = {
            "seconds": time.perf_counter() - began,
            "processor_seconds": time.process_time() - busy,
            "page_mb": (made.out / "site" / "index.html").stat().st_size / 1e6,
            "history_mb": history / 1e6,
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        }
    if args.json:
        print(json.dumps(found))
    else:
        print(f"{args.cases} cases x {args.nights} nights: " + ", ".join(f"{k} {x:.2f}" for k, x in found.items()))


if __name__ == "__main__":
    main()
