"""`mapper whatif PLAN --reach GOAL`: the cheapest change of the target by which the plan reaches a goal."""

from __future__ import annotations

import json
from argparse import Namespace

from mapper.cli.asking import NOTHING, stopped
from mapper.cli.console import Show
from mapper.cli.ending import Ended
from mapper.cli.plans import plan_file
from mapper.cli.saying import say
from mapper.errors import UsageError
from mapper.ir.serial import load
from mapper.whatif.answers import Asker
from mapper.whatif.reach import Stopped, reach
from mapper.whatif.reach_text import data, lines

OUT_OF_REACH = 3
"""Exit code where all figures as far as they go at once are proved not to reach the goal."""


def reaching(args: Namespace) -> int:
    """Print the ways to the goal, the cheapest first."""
    if args.set or args.all or args.model_precision:
        raise UsageError("--reach looks for the change itself: leave --set, --all and --model-precision out")
    plan = load(plan_file(args.plan))
    show = Show(args.quiet or args.json, plan.objective)
    with stopped(show) as stop:
        asker = Asker(plan, stop=stop.event)
        try:
            found = reach(asker, args.reach, args.price, lambda words: show.line("reach", words), args.workers)
        except Stopped:
            raise Ended(stop.number, NOTHING) from None
    say(json.dumps(data(found, plan), indent=1) + "\n" if args.json else "\n".join(lines(found, plan)) + "\n")
    return stop.code or (OUT_OF_REACH if found.out_of_reach else 0)
