"""`mapper calibrate`: the machine it runs on, measured and written as a target file."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path

from mapper.cli.console import Show
from mapper.cli.saying import say
from mapper.emit.files import write_atomically
from mapper.errors import UsageError
from mapper.hw import plugins
from mapper.hw.calibration import Calibrated, Calibrator, KindErrors
from mapper.hw.schema import NAME
from mapper.ir.goal import Objective

DEFAULT_NAME = "this-cpu"
LEAST_SECONDS = 5.0


def calibrate(args: Namespace) -> int:
    """Measure, fit, print the errors, write the file."""
    calibrator: Calibrator = plugins.load("calibrators", args.what)
    if not args.seconds >= LEAST_SECONDS:
        raise UsageError(f"--seconds {args.seconds:g} is too short", hint=f"at least {LEAST_SECONDS:g}, better 150")
    if args.units < 1:
        raise UsageError(f"--units {args.units}: write a whole number of 1 or more")
    path = _path(args.out, args.name)
    show = Show(args.quiet, Objective.LATENCY)
    with telling(show) as tell:
        found = calibrator(path.stem, args.seconds, tell, args.units)
    write_atomically(path, found.text)
    if not args.quiet:
        say(screen(found, path))
        for note in found.notes:
            show.note(note)
    return 0


@contextmanager
def telling(show: Show) -> Iterator[Callable[[str, str, float | None], None]]:
    """What a calibrator tells its steps: their names, how they stand, and their seconds once they are done."""

    def tell(step: str, words: str, seconds: float | None) -> None:
        if seconds is None:
            show.steps.tell(step, words)
        else:
            show.steps.over(step)
            show.line(step, words, seconds)

    try:
        yield tell
    finally:
        show.steps.clear()


def _path(out: str | None, name: str | None) -> Path:
    """Where the file goes; a target's file bears its name."""
    if name is not None and not re.fullmatch(NAME, name):
        raise UsageError(f"--name '{name}' is no name", hint="letters, digits, - and _")
    if out is None or Path(out).suffix not in (".yaml", ".yml"):
        return Path(out or ".") / f"{name or DEFAULT_NAME}.yaml"
    if not re.fullmatch(NAME, Path(out).stem):
        raise UsageError(f"--out {out}: '{Path(out).stem}' is no name for a target", hint="letters, digits, - and _")
    if name and Path(out).stem != name:
        raise UsageError(f"the file of a target bears its name: --out {out} and --name {name} differ")
    return Path(out)


def screen(found: Calibrated, path: Path) -> str:
    """What was found: the machine, the errors by kind, and what to do with it."""
    lines = [f"\n  {path.stem} · {found.about}\n"]
    lines.append(f"  {'kind':<14}{'points':>7}{'fitted':>10}{'held out':>10}{'roofline there':>16}{'band':>9}")
    for e in found.errors:
        fitted, held_out, roofline = (f"{x:.{n}%}" if isfinite(x) else "-" for x, n in _figures(e))
        figures = f"{fitted:>9} {held_out:>9} {roofline:>15}"
        lines.append(f"  {e.kind:<14}{e.points:>7}{figures} {'±':>4}{e.band:>4.0%}")
    lines.append(f"\n  wrote   {path}")
    lines.append(f"  next    mapper compile MODEL.onnx --target {path} --objective latency\n")
    return "\n".join(lines) + "\n"


def _figures(e: KindErrors) -> tuple[tuple[float, int], ...]:
    """Errors with their decimals; those of no points are no numbers."""
    return (e.fitted, 1), (e.held_out, 1), (e.roofline, 0)
