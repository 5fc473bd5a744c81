"""Published end-to-end figures beside ours, row by row, or why a row is not covered.

python -m benchmarks.end_to_end_facts FACTS                  FACTS: a folder with end_to_end_*.csv; minutes
python -m benchmarks.end_to_end_facts FACTS FT-20B-1 LC-prefill
python -m benchmarks.end_to_end_facts FACTS --json rows.json

Bars are those of docs/fidelity.md: 10 % for GPT on FasterTransformer, 20 % for servers, 6 % for the layer of GPT-3,
each for the mean over its rows that no constant has seen. Exit code 1 where one is missed. A row beyond its bar is
marked. Where a row leaves open what it was measured with, ours is told at both ends of that, too; what counts for the
bar is the answer to the row as it reads.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.facts.kinds import answered
from benchmarks.facts.rows import Answer, Fact, Uncovered, facts
from mapper.errors import plain

HEAD = f"{'row':<20}{'tier':<14}{'target':<22}{'figure':<30}{'published':>11}{'ours':>11}{'error':>9}  by"


def line(fact: Fact, found: Answer | Uncovered) -> str:
    """One line of the table."""
    start = f"{fact.name[:19]:<20}{fact.tier[:13]:<14}"
    if isinstance(found, Uncovered):
        return plain(f"{start}not covered: {found.why}")
    figures = f"{found.published:>11.4g}{found.ours:>11.4g}{100 * found.error:>+8.1f}%"
    bar = "" if found.limit is None else f", bar {100 * found.limit:.0f} %{' exceeded' if found.beyond else ''}"
    seen = ", seen by a fit" if found.fitted else ""
    ends = f", {min(found.ends):.4g} to {max(found.ends):.4g} by what is assumed" if found.ends else ""
    ends += " (what is published lies between)" if found.left_open else ""
    note = f"; {found.note}" if found.note else ""
    return plain(f"{start}{found.target:<22}{found.what:<30}{figures}  {found.how}{ends}{bar}{seen}{note}")


def means(found: Iterable[tuple[Fact, Answer | Uncovered]]) -> list[tuple[str, float, float]]:
    """For each way to answer that has a bar: its name, the mean absolute error of rows that no constant has seen, and
    the bar."""
    groups: dict[tuple[str, float], list[float]] = {}
    for _, answer in found:
        if isinstance(answer, Answer) and answer.limit is not None and not answer.fitted:
            groups.setdefault((answer.how, answer.limit), []).append(abs(answer.error))
    return [(how, sum(errors) / len(errors), limit) for (how, limit), errors in groups.items()]


def summary(found: Sequence[tuple[Fact, Answer | Uncovered]]) -> str:
    """How many rows are covered, and the mean errors beside their bars."""
    rows = {(fact.file, *fact.columns.values()): False for fact, _ in found}
    rows |= {(fact.file, *fact.columns.values()): True for fact, answer in found if isinstance(answer, Answer)}
    lines = [f"{sum(rows.values())} of {len(rows)} rows covered"]
    for how, mean, limit in means(found):
        said = "met" if mean <= limit else "MISSED"
        lines.append(f"  {how}: mean error {100 * mean:.1f} % on rows not fitted, at most {100 * limit:.0f} %: {said}")
    return "\n".join(lines)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FACTS")
    parser.add_argument("rows", nargs="*", help="only these, by name")
    parser.add_argument("--json", type=Path, help="the figures as data")
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is no folder")
    return given


def main() -> int:
    """Prints the table; 1 where a bar is missed."""
    given = options()
    chosen = [fact for fact in facts(given.folder) if not given.rows or fact.name in given.rows]
    found: list[tuple[Fact, Answer | Uncovered]] = []
    print(HEAD, flush=True)
    for fact in chosen:
        for answer in answered(fact):
            found.append((fact, answer))
            print(line(fact, answer), flush=True)
    print(summary(found))
    if given.json:
        data = [{"file": fact.file, "row": fact.columns, "found": asdict(answer)} for fact, answer in found]
        given.json.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return int(any(mean > limit for _, mean, limit in means(found)))


if __name__ == "__main__":
    sys.exit(main())
