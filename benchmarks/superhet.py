"""The study of super-heterogeneous packages: against GPUs, DSAs and CIM alone, of equal power and of equal area.

    python benchmarks/superhet.py --out docs/superhet.md       all of it, about an hour on two cores
    python benchmarks/superhet.py --quick --out /tmp/quick.md  two tiny models, to see that it works
    python benchmarks/superhet.py --only gpt2                  cases whose name holds a text

Machines, plans and numbers lie in --work (default out/superhet); answers that lie there and that the same code gave
are taken as they are, so that a rerun takes a minute. Ctrl-C ends with the page of what there is.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.superhet_cases import CASES, QUICK
from benchmarks.superhet_page import page
from benchmarks.superhet_study import study
from mapper.emit.files import write_atomically


def main(argv: list[str] | None = None) -> int:
    """Run the study and write its page; 130 where it was cut short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/superhet.md"), help="the page")
    parser.add_argument("--work", type=Path, default=Path("out/superhet"), help="folder of machines, plans and numbers")
    parser.add_argument("--quick", action="store_true", help="two tiny models")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--effort", default="default")
    parser.add_argument("--known", action="store_true", help="the page of the last study in --work, as it is")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; the answers are the same")
    args = parser.parse_args(argv)
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: _ask_to_stop(stop))
    cases = [case for case in (QUICK if args.quick else CASES) if args.only in case.name]
    if not cases:
        parser.error(f"no case has '{args.only}' in its name")
    numbers = args.work / "study.json"
    if args.known:
        write_atomically(args.out, page(json.loads(numbers.read_text(encoding="utf-8"))))
        return 0
    began = time.perf_counter()
    try:
        found = study(cases, args.work, stop, lambda line: print(line, flush=True), args.effort, args.jobs)
    finally:
        signal.signal(signal.SIGINT, before)
    write_atomically(numbers, json.dumps(found, indent=1) + "\n")
    write_atomically(args.out, page(found))
    print(f"{args.out} and {numbers}; {(time.perf_counter() - began) / 60:.0f} min")
    return 130 if stop.is_set() else 0


def _ask_to_stop(stop: threading.Event) -> None:
    """The first Ctrl-C ends the searches with what they have; a second ends at once."""
    if stop.is_set():
        raise KeyboardInterrupt
    stop.set()


if __name__ == "__main__":
    raise SystemExit(main())
