"""What a suite catches: each figure of its targets made a little worse, and other seeds, which it must not report.

    python benchmarks/regression_power.py CASES.yaml --models DIR [--filter tag:fast] [--percent 1] [--every 1]
                                          [--seeds 1,2,3] [--jobs 2] [--json]

A figure is felt where the plan of a case that was found before has a value or an energy worse by more than a part in
5,000 now; it is caught where the comparison of the cases on its target fails. Figures that nobody feels cannot be
caught and are counted apart. The plans before are kept, as a night keeps them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mapper.execution.jobs import Guard, Nobody
from mapper.execution.local import Local
from mapper.hw.load import load_target
from mapper.hw.parameters import Parameter, parameters
from mapper.regress.baseline import Baseline
from mapper.regress.cases import MappingCase, cases, chosen
from mapper.regress.chance import EXACT, dearer, loss
from mapper.regress.compared import Compared, compared
from mapper.regress.history import opened
from mapper.regress.record import Ended, Record
from mapper.regress.rejudged import judge_again
from mapper.regress.run import Folders, preloaded, run_cases
from mapper.regress.suite import Suite, read_suite
from mapper.whatif.levers import better


class Quiet(Nobody):
    """Counts what has ended."""

    def __init__(self, cases: int) -> None:
        self.left = cases

    def ended(self, record: Record, known: bool) -> None:
        """One less."""
        self.left -= 1
        print(f"\r{self.left} left ", end="", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Bench:
    """Runs cases of a suite in a folder."""

    suite: Suite
    folders: Folders
    out: Path
    jobs: int

    def records(self, some: Sequence[MappingCase]) -> tuple[Record, ...]:
        """The records of some cases."""
        history, stop = opened(self.out / "history.db")[0], threading.Event()
        local = Local(self.jobs, preloaded())
        found = run_cases(self.suite.name, some, history, local, self.folders, Guard(), stop, Quiet(len(some)))[1]
        print("\r", end="", file=sys.stderr)
        return found

    def held(self, some: Sequence[MappingCase], records: Sequence[Record], before: Baseline) -> Compared:
        """The comparison of some records with those before."""
        return compared("power", "now", some, records, before, self.folders.plans, self.suite.tolerances)


@dataclass(frozen=True)
class Change:
    """A figure of a target made worse. setting: as `--set` takes it."""

    target: str
    setting: str


def changes(target: str, percent: float) -> list[Change]:
    """All figures of a target of which one side is the better one, each so much worse; no whole numbers."""
    some = [p for p in parameters(load_target(target)) if not p.whole and len(better(p)) == 1]
    return [Change(target, f"{p.name}{_sign(p)}={1 + percent / 100:g}") for p in some]


def _sign(parameter: Parameter) -> str:
    return "/" if better(parameter) == (True,) else "*"


def felt(before: Record, after: Record, objective: str, plans: Path) -> bool:
    """Whether the plan that was found before is worse for it."""
    if after.ended is not Ended.FOUND or before.ended is not Ended.FOUND:
        return after.ended is not before.ended
    if before.placed != after.placed:
        again = judge_again(plans / before.key / "plan.json", plans / after.key / "plan.json")
        return again is not None and bool(dearer(before, after, objective, again))
    was, now = before.metrics["energy_j"], after.metrics["energy_j"]
    return loss(before, after, objective) > EXACT or now > was * (1 + EXACT)


def main() -> None:
    """Print what is caught and what is reported wrongly."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path, metavar="CASES.yaml")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR")
    parser.add_argument("--filter", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--percent", type=float, default=1.0)
    parser.add_argument("--every", type=int, default=1, help="only every so many-th figure")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    suite = read_suite(args.cases)
    found = chosen(cases(suite, args.cases.parent), args.filter)
    some = [case for case in found if isinstance(case, MappingCase)]
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        folders = Folders(args.models.resolve(), args.cases.parent.resolve(), out / "plans")
        bench = Bench(suite, folders, out, args.jobs)
        before = Baseline(suite.name, {r.case: r for r in bench.records(some) if r.lasting})
        seeds = [int(s) for s in args.seeds.split(",") if s]
        alarms = [_seed(bench, some, before, seed) for seed in seeds]
        all_changes = [c for target in dict.fromkeys(c.target for c in some) for c in changes(target, args.percent)]
        counts = _figures(bench, some, before, all_changes[:: args.every])
    lines = {"figures": sum(map(len, counts.values())), **{k: len(v) for k, v in counts.items()},
             "seeds": len(seeds), "cases": len(some), "seeds reported": sum(map(bool, alarms)),
             "cases reported": sum(map(len, alarms))}  # fmt: skip
    if args.json:
        print(json.dumps(lines))
        return
    print(f"{lines['figures']} figures {args.percent:g} % worse, {len(some)} cases:")
    for word in ("caught", "missed", "not felt"):
        print(f"  {word:<9} {len(counts[word]):4}  {', '.join(counts[word][:6]) if word == 'missed' else ''}".rstrip())
    print(f"{len(seeds)} other seeds: {lines['seeds reported']} reported")
    for seed, names in zip(seeds, alarms, strict=True):
        if names:
            print(f"  seed {seed}: {', '.join(names)}")


def _seed(bench: Bench, some: Sequence[MappingCase], before: Baseline, seed: int) -> list[str]:
    """The cases that are reported with another seed."""
    other = [replace(case, asked=case.asked.model_copy(update={"seed": seed})) for case in some]
    held = bench.held(other, bench.records(other), before)
    return [v.case for v in held.verdicts if v.fails] + (["the search as a whole"] if held.search.worse else [])


def _figures(
    bench: Bench, some: Sequence[MappingCase], before: Baseline, all_changes: Sequence[Change]
) -> dict[str, list[str]]:
    """The changes that are caught, missed and not felt."""
    asked, names = list[MappingCase](), dict[str, tuple[Change, str]]()
    for change in all_changes:
        for case in some:
            if case.target == change.target:
                name = f"{case.name} {change.setting}"
                names[name] = (change, case.name)
                settings = [*case.asked.settings, change.setting]
                asked.append(replace(case, name=name, asked=case.asked.model_copy(update={"settings": settings})))
    by_change = defaultdict[Change, list[Record]](list)
    for record in bench.records(asked):
        change, case_name = names[record.case]
        by_change[change].append(replace(record, case=case_name))
    found: dict[str, list[str]] = {"caught": [], "missed": [], "not felt": []}
    for change, records in by_change.items():
        on = [case for case in some if case.target == change.target]
        objective = {case.name: case.objective for case in on}
        told = f"{change.target} {change.setting}"
        if bench.held(on, records, before).fails:
            found["caught"].append(told)
        elif any(felt(before.records[r.case], r, objective[r.case], bench.folders.plans) for r in records):
            found["missed"].append(told)
        else:
            found["not felt"].append(told)
    return found


if __name__ == "__main__":
    main()
