"""The table of benchmarks/library.py in text, and whether its bar is met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.libraries.compiled import SLOW_S, Row
from mapper.errors import plain

HEAD = (
    f"{'target':<24}{'model':<10}{'class':<30}{'load s':>7}{'clock s':>9}{'cpu s':>7}"
    f"{'requests/s, tokens/s':>22}{'gap %':>9}  limited by, or why not"
)


def line(row: Row) -> str:
    """One row of the table."""
    start = f"{row.target:<24}{row.model:<10}{row.kinds:<30}{row.load_s:>7.2f}{row.seconds:>9.1f}{row.cpu_s:>7.1f}"
    if row.fault or row.why:
        return f"{start}{'-':>22}{'-':>9}  {'FAILS: ' if row.fault else ''}{plain(row.fault or row.why)}"
    late = " SLOW" if row.slow else ""
    gap = "no bound" if row.gap is None else f"{100 * row.gap:.2f}"
    return f"{start}{row.per_s:>22.4g}{gap:>9}  {plain(row.limited_by)}{late}"


def verdict(rows: Sequence[Row]) -> tuple[str, bool]:
    """The bar in words, and whether every target compiles or says why not, in time."""
    slow = [row for row in rows if row.slow]
    faults = [row for row in rows if row.fault]
    fits = [row for row in rows if not row.fault and not row.why]
    said = Counter(_alike(row) for row in rows if row.why)
    lines = [
        f"{len({row.target for row in rows})} targets: {len(fits)} of {len(rows)} compile,"
        f" {sum(said.values())} say why not, {len(faults)} fail, {len(slow)} take more than {SLOW_S:g} s"
    ]
    lines += [f"  {many:>3} x {plain(why)}" for why, many in sorted(said.items(), key=lambda item: (-item[1], item[0]))]
    alike: dict[str, list[str]] = {}
    for row in faults:
        alike.setdefault(row.fault, []).append(f"{row.model} on {row.target}")
    lines += [f"  FAILS: {', '.join(where)}: {plain(fault)}" for fault, where in alike.items()]
    lines += [
        f"  SLOW: {row.model} on {row.target}: {row.seconds:.1f} s, {row.cpu_s:.1f} of the processor" for row in slow
    ]
    return "\n".join(lines), not faults and not slow


def _alike(row: Row) -> str:
    """The reason without the names in it: as many targets may have one."""
    return row.why.replace(row.target, "TARGET").replace(row.model, "MODEL")
