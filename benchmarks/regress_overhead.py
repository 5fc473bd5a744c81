"""What `mapper regress run` takes beside the compilations that it is made of.

    python benchmarks/regress_overhead.py CASES.yaml --models DIR [--filter tag:fast] [--rounds 3] [--json]

Each round compiles all cases with one `mapper compile` after the other, then by one `mapper regress run --jobs 1`, then
in one process that has all loaded (no history, no guard, no process of their own): the same work three ways, in turns,
as machines are not the same from minute to minute. Seconds by the clock: keep the machine quiet.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from mapper.regress.bisect_answer import Asking
from mapper.regress.cases import MappingCase, cases, chosen
from mapper.regress.digests import Digests
from mapper.regress.solving import answered, task_of
from mapper.regress.suite import read_suite


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes by the clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Print seconds and ratios, the median of all rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path, metavar="CASES.yaml")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR")
    parser.add_argument("--filter", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    suite, folder = read_suite(args.cases), args.cases.parent
    found = [c for c in chosen(cases(suite, folder), args.filter) if isinstance(c, MappingCase)]
    some = [c for c in found if "subject to" not in c.asked.objective]  # one that has no plan ends with an exit code
    rounds = [_round(args, some) for _ in range(args.rounds)]
    commands, run, warm = (median(r[k] for r in rounds) for k in range(3))
    more, most = (100 * (run / bare - 1) for bare in (commands, warm))
    lines = {"cases": len(some), "compile_s": commands, "run_s": run, "warm_s": warm, "over_compile_percent": more,
             "over_warm_percent": most}  # fmt: skip
    if args.json:
        print(json.dumps(lines))
        return
    print(f"{len(some)} cases, {args.rounds} rounds: mapper compile {commands:.1f} s, mapper regress run {run:.1f} s "
          f"({more:+.1f} %), in one warm process {warm:.1f} s ({most:+.1f} %)")  # fmt: skip


def _round(args: argparse.Namespace, some: Sequence[MappingCase]) -> tuple[float, float, float]:
    models, folder = args.models.resolve(), args.cases.parent.resolve()
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)

        def one_by_one() -> None:
            for k, case in enumerate(some):
                _call("compile", *Asking(case, models, folder, out).options, "--out", str(out / f"plan{k}"), "--quiet")

        def as_a_run() -> None:
            names = [word for case in some for word in ("--filter", case.name)]
            _call("regress", "run", str(args.cases), *names, "--models", str(models), "--out", str(out / "run"),
                  "--jobs", "1", "--quiet")  # fmt: skip

        def warm() -> None:
            for case in some:
                task = task_of(case, models, folder, out / "plans", Digests())
                answered(task, threading.Event(), lambda _: None)

        return seconds(one_by_one), seconds(as_a_run), seconds(warm)


def _call(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "mapper", *words], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
