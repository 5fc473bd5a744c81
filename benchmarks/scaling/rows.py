"""The table of benchmarks/scale.py: a row for each case, growth with layers, and a file from which it goes on."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.scaling.cases import BASE, MOST_GROWTH, TOP, Case

HEAD = (
    f"{'case':<40} {'target':<18} {'ops':>5} {'clusters':>8} {'import s':>8} {'compile s':>9} {'peak MB':>8} "
    f"{'value':>10} {'bound':>10} {'gap':>6}  {'bar':<18} ok"
)
WIDE, TOLERANCE = 78, 1e-9


@dataclass(frozen=True)
class Row:
    """What one case took and gave."""

    case: Case
    data: dict[str, Any]

    @property
    def seconds(self) -> float | None:
        """Import and compile together; None without a plan."""
        return self.data["import_s"] + self.data["compile_s"] if "compile_s" in self.data else None

    def missed(self) -> list[str]:
        """The bars that it missed, in words."""
        case, data = self.case, self.data
        if "error" in data:
            return [data["error"]]
        if "unfit" in data:
            found = [] if case.may_not_fit else [data["unfit"]]
            return found + [f"{name} fits" for name, value in data["rivals"].items() if value is not None]
        found = []
        if case.most_seconds is not None and (self.seconds or 0.0) > case.most_seconds:
            found.append(f"{self.seconds:.1f} s > {case.most_seconds:g} s")
        if case.most_mb is not None and data["peak_mb"] > case.most_mb:
            found.append(f"{data['peak_mb']:.0f} MB > {case.most_mb:g} MB")
        if case.most_gap is not None and data["gap"] is None:
            found.append("no bound")
        elif case.most_gap is not None and data["gap"] > case.most_gap:
            found.append(f"gap {data['gap']:.2%} > {case.most_gap:.0%}")
        return found + list(self._better())

    def _better(self) -> Iterator[str]:
        """The baselines that beat the plan."""
        for name, value in self.data["rivals"].items():
            if value is not None and value < self.data["cost"] * (1 - TOLERANCE):
                yield f"{name} is better by {1 - value / self.data['cost']:.2%}"

    def text(self) -> str:
        """The row of the table."""
        verdict = "ok" if not self.missed() else "MISSED"
        head, d = f"{self.case.name:<40} {self.case.target:<18} ", self.data
        if "compile_s" not in d:
            return f"{head}{(d.get('error') or d['unfit'])[:WIDE]:<{WIDE}} {self.case.bars:<18} {verdict}"
        bound = f"{d['bound']:10.4g}" if d["bound"] is not None else f"{'none':>10}"
        gap = f"{d['gap']:6.2%}" if d["gap"] is not None else f"{'none':>6}"
        return (
            f"{head}{d['ops']:5d} {d['clusters']:8d} {d['import_s']:8.1f} {d['compile_s']:9.1f} {d['peak_mb']:8.0f} "
            f"{d['value']:10.4g} {bound} {gap}  {self.case.bars:<18} {verdict}"
        )


def growth(rows: Iterable[Row]) -> Iterator[tuple[str, bool]]:
    """For each growing model how much longer its tallest stack takes, in words, and whether that is within the bar."""
    times: dict[tuple[str, str], dict[int, float]] = {}
    for row in rows:
        if row.case.group == "growth" and row.case.layers and row.seconds is not None:
            times.setdefault((row.case.model, row.case.target), {})[row.case.layers] = row.seconds
    for (model, target), by_layers in times.items():
        if BASE in by_layers and TOP in by_layers:
            ratio = by_layers[TOP] / by_layers[BASE]
            line = f"growth of {model} on {target}: {TOP} layers take {ratio:.2f} times as long as {BASE}"
            yield f"{line} (bar {MOST_GROWTH:g})", ratio <= MOST_GROWTH


class Kept:
    """Rows in a CSV file: those of an earlier run are not measured again."""

    FIELDS = ("group", "model", "target", "objective", "case", "data")

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.known: dict[str, dict[str, Any]] = {}
        if path is not None and path.is_file():
            with path.open(newline="", encoding="utf-8") as lines:
                self.known = {row["case"]: json.loads(row["data"]) for row in csv.DictReader(lines)}

    def find(self, case: Case) -> Row | None:
        """The row of an earlier run."""
        data = self.known.get(case.text())
        return None if data is None else Row(case, data)

    def add(self, row: Row) -> None:
        """Writes a row at once, so that a run that is cut off goes on from here."""
        if self.path is None:
            return
        new = not self.path.is_file()
        case = row.case
        with self.path.open("a", newline="", encoding="utf-8") as lines:
            writer = csv.writer(lines)
            if new:
                writer.writerow(self.FIELDS)
            writer.writerow([case.group, case.model, case.target, case.objective, case.text(), json.dumps(row.data)])
