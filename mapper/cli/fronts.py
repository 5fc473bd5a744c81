"""`mapper compile --pareto`: the front of two objectives as a table, with a folder for each point."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mapper.cli.console import Show
from mapper.cli.saying import say
from mapper.hw.target import Target
from mapper.ir.goal import UNIT, Quantity
from mapper.pareto import Axes, Front, Point, pareto
from mapper.report.units import percent, si


def front_of(
    models: Any, target: str | Target, phases: Any, axes: Axes, points: int, show: Show, options: Mapping[str, Any]
) -> Front:
    """The front, each point told when it is found."""
    count = 0

    def tell(point: Point) -> None:
        nonlocal count
        count += 1
        show.line(f"search {count}", _words(point))

    return pareto(models, target, phases, objectives=axes, points=points, found=tell, **options)


def write_front(front: Front, out: Path, as_json: bool, quiet: bool) -> None:
    """Save the front and print it."""
    front.save(out)
    if as_json:
        say(json.dumps(front.data, indent=1) + "\n")
    elif not quiet:
        say(f"\n{table(front)}\n  next         mapper show {out}/point-1 · {out}/pareto.json\n")


def table(front: Front) -> str:
    """The front as text: a line per point with both values, and the bound of the minimised one under its limit."""
    axes, data = front.axes, front.data
    names = [axes.first.value, axes.second.value]
    end = f"{len(front.points)} points, {'closed' if front.closed else 'not closed: more with --points or --effort'}"
    lines = [f"  {data['model']} on {data['target']} · {names[0]} against {names[1]} · {end}"]
    best = axes.best.value
    lines += ["", f"  {'plan':<10}{names[0]:>18}{names[1]:>18}  {'bound of ' + best:>22}{'gap':>8}  subject to"]
    for row in data["points"]:
        bound = "none" if row["bound"] is None else _spelled(best, row["bound"])
        gap = "-" if row["gap"] is None else percent(row["gap"])
        values = "".join(f"{_spelled(n, row[n]):>18}" for n in names)
        lines.append(f"  {row['plan']:<10}{values}  {bound:>22}{gap:>8}  {' '.join(row['subject_to']) or 'nothing'}")
    return "\n".join(lines) + "\n"


def _words(point: Point) -> str:
    row = point.row
    first, second = (f"{o.value} {_spelled(o.value, row[o.value])}" for o in (point.axes.first, point.axes.second))
    under = " ".join(row["subject_to"])
    return f"best {row['minimised']}{f' subject to {under}' if under else ''}: {first}, {second}"


def _spelled(name: str, value: float) -> str:
    """A value with its unit."""
    if name == Quantity.THROUGHPUT.value:
        return f"{si(value)} /s"
    return si(value, "J s" if name == "edp" else UNIT[Quantity(name)])
