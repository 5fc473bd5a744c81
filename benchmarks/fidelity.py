"""How wrong the prices are: every measured latency against `mapper cost --csv`, beside two rooflines, and the bars.

python benchmarks/fidelity.py MEASURED FACTS                          the table and the bars
python benchmarks/fidelity.py MEASURED FACTS --write docs/fidelity.md  the same as a page
python benchmarks/fidelity.py MEASURED FACTS --json                    figures of bars and sources, for mapper regress

MEASURED and FACTS are folders of public data that are not part of this repository; benchmarks/measured says which files
and how they are split. Constants are fitted on one side of each split only ("in"); the bars are about the other side
("out"). Targets below benchmarks/left_out are those of devices by constants that were fitted without them. Errors are
mean absolute relative errors and, after the slash, the error that nine in ten points stay below, in percent.
Exit code 1 when a bar is missed, but with --json.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(ROOT))

from benchmarks import measured  # noqa: E402
from benchmarks.bars import BARS, Bar, Line  # noqa: E402
from benchmarks.end_to_end import LAYER_TARGETS, layer, requests_scored  # noqa: E402
from benchmarks.errors import MODELS, Score, Scored, scored  # noqa: E402
from benchmarks.fit_energy import by_the_others, walls  # noqa: E402
from benchmarks.forwards import forwards_scored  # noqa: E402
from benchmarks.macros import Macro, macro  # noqa: E402
from benchmarks.measured import cim  # noqa: E402
from benchmarks.measured.points import Point  # noqa: E402
from benchmarks.probes import probed  # noqa: E402
from benchmarks.served_lines import served_scored  # noqa: E402
from mapper.cost.pricing import Pricer  # noqa: E402
from mapper.hw.library import target_names  # noqa: E402
from mapper.hw.load import load_target  # noqa: E402
from targets.models.gpu import Gpu  # noqa: E402

LEFT_OUT = ROOT / "benchmarks" / "left_out"
"""Targets `<target>.yaml` of devices with constants fitted without any point of that device."""

FITTED_BY_DEVICE = ("matmul", "attention")
"""Kinds with a bar for devices that were never fitted."""

HEADER = (
    "source", "device", "op", "points in+out", "plain in", "plain out", "three in", "three out", "ours in", "ours out",
    "ours bias", "out in band",
)  # fmt: skip


LONGEST = 60
"""Characters of a reason in the table."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar with what was reached, the mean error too; `error` is None where nothing could be measured."""

    bar: Bar
    error: float | None
    note: str = ""
    bias: float = 0.0

    @property
    def met(self) -> bool:
        """Whether the bar is met."""
        even = self.bar.bias is None or abs(self.bias) <= self.bar.bias
        return self.error is not None and self.error <= self.bar.limit and even


def main() -> int:
    """Prints the table and the bars; 1 if a bar is missed. With --json prints their figures, whatever they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measured", type=Path, help="folder of measured latencies")
    parser.add_argument("facts", type=Path, help="folder of facts: macros and end-to-end results")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="write the page instead of printing it")
    parser.add_argument("--json", action="store_true", help="print figures of bars and sources as JSON, nothing else")
    options = parser.parse_args()
    for folder in (options.measured, options.facts):
        if not folder.is_dir():
            parser.error(f"{folder} is no folder")
    points = list(measured.points(options.measured))
    pricer = Pricer()
    whole = (
        *requests_scored(options.measured),
        *forwards_scored(options.measured, pricer),
        *served_scored(options.measured),
    )
    lines = [*scored(points, pricer), *whole]
    left = scored(left_out(points), pricer)
    macros = [macro(rate, pricer) for rate in cim.rates(options.facts)]
    alone = {
        "probes": lambda bar: probe_verdict(bar, points),
        "layer": lambda bar: layer_verdict(bar, options.measured),
        "joules": lambda bar: joules_verdict(bar, options.measured),
    }
    verdicts = [alone[b.kind](b) if b.kind in alone else verdict(b, lines, left, macros) for b in BARS]
    if options.json:
        print(json.dumps(figures(lines, verdicts), indent=1))
        return 0
    text = page(lines, left, macros, verdicts)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0 if all(v.met for v in verdicts) else 1


def figures(lines: Sequence[Scored], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """By name: bars that are met; the error that each of them is about; for each source the mean absolute error of the
    points that constants were fitted on and of those held out, and which part of the latter lies within the band of its
    price, in percent; lines with a price and without one."""
    found: dict[str, Any] = {"met": sum(v.met for v in verdicts), "bars": len(verdicts)}
    found["error_%"] = {v.bar.what: v.error for v in verdicts if v.error is not None}
    priced = [s for s in lines if not s.why]
    found |= {"priced lines": len(priced), "lines without a price": len(lines) - len(priced)}
    for source in dict.fromkeys(s.line.source for s in priced):
        some = [s for s in priced if s.line.source == source]
        for name, side in (("fitted_%", False), ("held_out_%", True)):
            errors = np.concatenate([s.score("ours", side).errors for s in some])
            if len(errors):
                found.setdefault(name, {})[source] = Score(errors).mape
        within = np.concatenate([s.within[s.held_out] for s in some])
        if len(within):
            found.setdefault("within_band_%", {})[source] = float(100 * within.mean())
    return found


def left_out(points: Sequence[Point]) -> list[Point]:
    """The points of devices by constants of the others: asked of their targets below LEFT_OUT, and, as the fit scripts
    write one for every GPU that they fit, of the shipped target where a GPU has none there."""
    found = []
    for p in points:
        name = str(p.columns["target"])
        path = LEFT_OUT / f"{name}.yaml"
        if path.is_file():
            found.append(replace(p, columns={**p.columns, "target": str(path)}, held_out=True))
        elif p.columns["kind"] in FITTED_BY_DEVICE and _is_gpu(name):
            found.append(replace(p, held_out=True))
    return found


@cache
def _is_gpu(target: str) -> bool:
    return target in target_names() and any(isinstance(u.model, Gpu) for u in load_target(target).units)


def verdict(bar: Bar, lines: Sequence[Scored], left: Sequence[Scored], macros: Sequence[Macro]) -> Verdict:
    """What was reached of a bar."""
    if bar.kind == "rate":
        return _rates(bar, [m for m in macros if bar.of(Line("cim", m.rate.device, m.rate.metric))])
    if bar.kind == "left-out":
        return _left_out(bar, lines, left)
    chosen = [s for s in lines if bar.of(s.line)]
    missing = sorted({f"{s.target} ({s.why})" for s in chosen if s.why})
    priced = [s.score("ours", held_out=True).errors for s in chosen if not s.why]
    score = Score(np.concatenate(priced)) if priced else None
    if missing:  # a device without a price is a miss, however good the others are
        rest = f"; {score.mape:.1f} % on the others" if score else ""
        return Verdict(bar, None, f"no price: {', '.join(missing)}{rest}")
    if score is None:
        return Verdict(bar, None)
    return Verdict(bar, score.mape, "" if bar.bias is None else f"mean error {score.bias:+.1f} %", score.bias)


def layer_verdict(bar: Bar, folder: Path) -> Verdict:
    """The layer of GPT-3 on the target of the machine that it was measured on."""
    found = layer(folder)
    if found is None:
        return Verdict(bar, None, "not measured here")
    elsewhere = 100 * (found.elsewhere_s / found.measured_s - 1)
    told = (
        f"{1e3 * found.ours_s:.2f} ms on {LAYER_TARGETS[0]}, measured {1e3 * found.measured_s:.2f}; {elsewhere:+.1f} % "
        f"on {LAYER_TARGETS[1]}, whose clocks come down under load as those of other A100s do"
    )
    return Verdict(bar, 100 * abs(found.ours_s / found.measured_s - 1), told)


def joules_verdict(bar: Bar, folder: Path) -> Verdict:
    """Energy at the wall for a token of machines that were measured there, each model by constants of the others."""
    found = by_the_others([m for m in walls(folder) if m.row.tokens], walls(folder))
    if not found:
        return Verdict(bar, None, "not measured here")
    joules, constant = (100 * float(np.mean(np.abs(errors))) for errors in zip(*found, strict=True))
    return Verdict(
        bar, joules, f"{len(found)} runs; 0.65 of the machine's limit and the measured rate: {constant:.1f} %"
    )


def probe_verdict(bar: Bar, points: Sequence[Point]) -> Verdict:
    """The mean over fabrics, each known by two probes of each collective."""
    errors = {name: Score(found).mape for name, found in probed(points).items()}
    told = ", ".join(f"{name} {error:.1f}" for name, error in sorted(errors.items()))
    return Verdict(bar, float(np.mean(list(errors.values()))) if errors else None, told)


def _left_out(bar: Bar, lines: Sequence[Scored], left: Sequence[Scored]) -> Verdict:
    """The mean over devices, each by constants of the others; a device without such a target is a miss."""
    wanted = {s.line.device for s in lines if bar.of(s.line)}
    have = {d: [s.all.errors for s in left if s.line.device == d and bar.of(s.line) and not s.why] for d in wanted}
    errors = {d: Score(np.concatenate(parts)).mape for d, parts in have.items() if parts}
    told = ", ".join(f"{d} {e:.1f}" for d, e in sorted(errors.items()))
    missing = sorted(wanted - set(errors))
    if missing:
        return Verdict(bar, None, f"no target fitted without: {', '.join(missing)}" + (f"; {told}" if told else ""))
    return Verdict(bar, float(np.mean(list(errors.values()))), told)


def _rates(bar: Bar, macros: Sequence[Macro]) -> Verdict:
    missing = sorted({f"{m.rate.columns['target']} ({m.why})" for m in macros if m.ours is None})
    if missing or not macros:
        return Verdict(bar, None, f"no price: {', '.join(missing)}")
    errors = {side: [abs(m.error) for m in macros if m.rate.held_out == side] for side in (False, True)}
    if not errors[True]:
        return Verdict(bar, None, "no figure is held out")
    fitted = f"{np.mean(errors[False]):.1f} % on {len(errors[False])} fitted" if errors[False] else "none fitted"
    return Verdict(bar, float(np.mean(errors[True])), f"{len(errors[True])} held out; {fitted}")


def page(lines: Sequence[Scored], left: Sequence[Scored], macros: Sequence[Macro], verdicts: Sequence[Verdict]) -> str:
    """Everything as Markdown."""
    said = (__doc__ or "").split("\n\n")[2].removesuffix("\nExit code 1 when a bar is missed, but with --json.\n")
    parts = ["# How wrong the prices are", "Made by `benchmarks/fidelity.py`.\n\n" + said, "## Bars"]
    parts.append(_table(("bar", "at most", "reached", "", "note"), [_bar_cells(v) for v in verdicts]))
    parts += ["## Line by line", _table(HEADER, [_cells(s) for s in lines])]
    if left:
        parts += ["## Devices by the constants of the others", _table(HEADER, [_cells(s) for s in left])]
    if macros:
        header = ("macro", "condition", "metric", "published", "ours", "error", "side")
        parts += ["## Compute-in-memory macros", _table(header, [_macro_cells(m) for m in macros])]
    parts += ["## What is not validated", _gaps(lines, macros)]
    return "\n\n".join(parts) + "\n"


def _bar_cells(v: Verdict) -> list[str]:
    reached = "-" if v.error is None else f"{v.error:.1f} %"
    note = "; ".join(n for n in (v.note, v.bar.note) if n)
    return [v.bar.what, f"{v.bar.limit:g} %", reached, "met" if v.met else "MISSED", note]


def _cells(s: Scored) -> list[str]:
    counts = f"{int((~s.held_out).sum())}+{int(s.held_out.sum())}"
    name = [s.line.source, s.line.device, s.line.op, counts]
    if s.why:
        return [*name, _short(f"{s.target}: {s.why}"), *[""] * (len(HEADER) - 5)]
    errors = [_pair(s.score(model, side)) for model in MODELS for side in (False, True)]
    return [*name, *errors, _number(s.score("ours", True).bias), _number(s.in_band)]


def _short(why: str) -> str:
    return why if len(why) <= LONGEST else why[: LONGEST - 3] + "..."


def _pair(score: Score) -> str:
    return "-" if math.isnan(score.mape) else f"{_number(score.mape)}/{_number(score.p90)}"


def _number(percent: float) -> str:
    return "-" if math.isnan(percent) else f"{percent:.1f}" if abs(percent) < 100 else f"{percent:.0f}"


def _macro_cells(m: Macro) -> list[str]:
    scale = 1.0 if m.rate.metric.startswith("part") else 1e12
    ours = _short(m.why) if m.ours is None else f"{m.ours / scale:.4g}"
    side = "held out" if m.rate.held_out else "fitted"
    published = f"{m.rate.value / scale:.4g}"
    return [m.rate.device, m.rate.condition, m.rate.metric, published, ours, _number(m.error), side]


def _gaps(lines: Sequence[Scored], macros: Sequence[Macro]) -> str:
    """What has no price, and what has no measurement."""
    devices = sorted({f"{s.line.device} ({s.target})" for s in lines if s.why})
    rows = [f"- Measured, but without a target or a price here: {', '.join(devices)}."] if devices else []
    if any(m.ours is None for m in macros):
        names = sorted({m.rate.device for m in macros if m.ours is None})
        rows.append(f"- Macros without a target: {', '.join(names)}.")
    rows += [
        "- Energy of units other than the macros: only that of servers with H200 at the wall is measured, in a bar.",
        "- Macros with one or two published points take a factor from those, so their lines are fitted; the generic "
        "energies, which a macro never published would take, are off by a factor of 1.9 on average "
        "(benchmarks/fit_cim.py).",
        "- TPU v6e: rows whose time stands for other work than their name says are lines of their own (`resident`, "
        "`merged norm`), which no bar is about; a weight shape that was never fitted is 6 to 17 % off "
        "(docs/cost-models.md).",
        "- CPUs other than those that `mapper calibrate cpu` measured and those of DeepBench, systolic and vector "
        "units other than the TPU: their bands in the unit files are assumptions.",
        "- A band that is an assumption is printed as `unvalidated` by `mapper cost`.",
    ]
    return "\n".join(rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown whose columns line up."""
    cells = [list(header), *[[cell.replace("|", "/") for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


if __name__ == "__main__":
    sys.exit(main())
