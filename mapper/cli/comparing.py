"""`mapper diff`: what differs between two saved plans."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from mapper.cli.plans import plan_file
from mapper.cli.saying import say
from mapper.cli.steps import Steps
from mapper.cost.judge import Verdict
from mapper.cost.recorded import recorded
from mapper.emit.files import refuse_unwritable, write_atomically
from mapper.errors import MapperError, plain
from mapper.ir.serial import load
from mapper.report.diff.conditions import Condition, parse_condition
from mapper.report.diff.data import difference_data
from mapper.report.diff.difference import Difference, difference
from mapper.report.diff.screen import diff_screen, op_screen


def diff(args: Namespace) -> int:
    """What moved, what got faster or slower, and why; 1 where a condition of --fail-on is broken."""
    conditions = [parse_condition(text) for text in args.fail_on]
    if args.out:
        refuse_unwritable(Path(args.out))
    steps = Steps(args.quiet or args.json, live=True)
    with steps.step("read", "the figures of both plans"):
        before, after = _judged(args.before), _judged(args.after)
    with steps.step("compare", "op by op"):
        found = difference(before, after, (_recorded(args.before), _recorded(args.after)))
    broken = _broken(found, conditions)
    if args.out:
        from mapper.report.diff.page import diff_page

        write_atomically(Path(args.out), diff_page(found, broken))
    if args.json:
        say(json.dumps(difference_data(found, broken, args.op), indent=1) + "\n")
    elif not args.quiet:
        say((op_screen(found, args.op) if args.op else diff_screen(found)) + "\n")
    for line in broken:
        sys.stderr.write(f"failed: {plain(line)}\n")
    return 1 if broken else 0


def _judged(given: str) -> Verdict:
    """The figures of a saved plan."""
    plan = load(plan_file(given))
    if plan.figures is None:
        raise MapperError(f"{given} is not finished: no figures", hint="run the rest of the pipeline with mapper opt")
    return recorded(plan)


def _recorded(given: str) -> dict[str, Any]:
    """The summary beside a plan; nothing where there is none that can be read: it adds versions only."""
    path = plan_file(given).with_name("summary.json")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("versions", {}), dict) else {}


def _broken(found: Difference, conditions: list[Condition]) -> list[str]:
    """A line for each condition that fails."""
    return [line for condition in conditions if (line := condition.broken(found.figure))]
