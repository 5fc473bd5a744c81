"""`mapper whatif`: what a plan would be worth with other figures of its target."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mapper.cli.console import Show
from mapper.cli.ending import Ended, Stop, stopped_by_signals
from mapper.cli.plans import plan_file
from mapper.cli.saying import say
from mapper.emit.files import write_atomically
from mapper.errors import UsageError
from mapper.hw.parameters import machine, parameters
from mapper.hw.what_if import parse_change
from mapper.ir.serial import load
from mapper.question import precision_of
from mapper.whatif.answers import Asker
from mapper.whatif.data import answer_data, tornado_data
from mapper.whatif.page import whatif_page
from mapper.whatif.text import answer_text, figure_of, table
from mapper.whatif.tornado import PATIENCE, tornado

NOTHING = "nothing was answered"
"""What is left of a command that was ended before it had anything to tell."""


def whatif(args: Namespace) -> int:
    """The tornado table of all figures, the answer to one combined change, or the way to a goal."""
    if args.reach is not None:
        from mapper.cli.reaching import reaching

        return reaching(args)
    if args.price:
        raise UsageError("--price says what changes cost that --reach looks for: give --reach too")
    plan = load(plan_file(args.plan))
    if args.list:
        for p in parameters(machine(plan.target)):
            say(f"{p.name:<44}{figure_of(p):>14}  {len(p.parts) or 1} x\n")
        return 0
    single = bool(args.set or args.model_precision)
    if single and args.all:
        raise UsageError("--all shows every figure on its own: leave --set and --model-precision out")
    if args.workers < 1:
        raise UsageError(f"--workers {args.workers}: at least one must answer")
    if single and args.out:
        raise UsageError("--out is for the table of all figures: leave --set and --model-precision out, or --out")
    show = Show(args.quiet or args.json, plan.objective)
    with stopped(show) as stop:
        if single:
            asker = Asker(plan, stop=stop.event)
            answer = asker.answer([parse_change(text) for text in args.set], precision_of(args.model_precision))
            if answer.is_refused:
                raise UsageError(f"--set {' --set '.join(args.set)}: {answer.refusal}")
            data, text = answer_data(asker, answer), answer_text(asker, answer)
        else:
            asker = Asker(plan, stop=stop.event, patience=PATIENCE)
            show.steps.tell("whatif", "what the plan's own bound answers ...")
            found = tornado(asker, workers=args.workers, found=partial(show.steps.counted("whatif"), "question"))
            if stop.number and not any(row.answers for row in found.rows):
                raise Ended(stop.number, NOTHING)
            data, text = tornado_data(found), table(found, args.all)
    if args.out:
        write_atomically(Path(args.out), whatif_page(data))
    say(json.dumps(data, indent=1) + "\n" if args.json else f"\n{text}")
    return stop.code


@contextmanager
def stopped(show: Show) -> Iterator[Stop]:
    """A block that the first Ctrl-C or SIGTERM ends with what is answered so far, and a second at once."""

    def tell() -> None:
        if not show.quiet:
            show.console.print("\n  stopping: what is answered so far is told (again to quit at once)")

    try:
        with stopped_by_signals(NOTHING, tell) as stop:
            yield stop
    finally:
        show.steps.clear()
