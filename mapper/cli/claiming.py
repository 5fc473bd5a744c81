"""`mapper claims`."""

from __future__ import annotations

import json
import shutil
from argparse import Namespace
from pathlib import Path

from mapper.claims.bench import Bench
from mapper.claims.checking import check_claims
from mapper.claims.data import data
from mapper.claims.page import markdown
from mapper.claims.read import read_claims
from mapper.claims.screen import screen
from mapper.claims.verdict import Checked
from mapper.cli.compiling import refuse_file
from mapper.cli.console import Show
from mapper.cli.ending import stopped_by_signals
from mapper.cli.saying import say
from mapper.emit.files import refuse_unwritable, write_atomically
from mapper.errors import MapperError
from mapper.ir.goal import Objective
from mapper.report.units import shorten

DATA = "claims.json"
LEFT = "what was answered is kept"
PIPED_WIDTH = 100
"""Columns where there is no terminal."""


def claims(args: Namespace) -> int:
    """Check the claims, print them with their verdicts; 130 after an interruption."""
    path = Path(args.file)
    if not path.is_file():
        raise MapperError(f"there is no file {path}", hint="give the claims: mapper claims FILE.yaml")
    known = read_claims(path)
    chosen = known.chosen([word for text in args.only for word in text.split(",") if word])
    if args.list:
        for claim in chosen:
            say(f"{claim.id:<28}{claim.kind:<14}{shorten(claim.claim, 96, end=True)}\n")
        return 0
    out = Path(args.out)
    refuse_file(out)
    refuse_unwritable(out / DATA)
    if args.markdown:
        refuse_unwritable(Path(args.markdown))
    show = Show(args.quiet or args.json, Objective.THROUGHPUT)
    with stopped_by_signals(LEFT, lambda: show.note("stopping; what is answered is kept")) as stop:
        bench = Bench(
            known.file.questions,
            models=Path(args.models) if args.models else out / "models",
            out=out,
            here=path.parent,
            stop=stop.event,
            tell=show.steps.tell,
        )
        done = check_claims(known, chosen, bench, _Told(show, len(chosen)))
    show.steps.clear()
    text = json.dumps(data(known.file.name, done), indent=1) + "\n"
    if not stop.number:  # what is not finished replaces nothing
        write_atomically(out / DATA, text)
    if args.markdown and not stop.number:
        write_atomically(Path(args.markdown), markdown(known.file, done))
    if args.json:
        say(text)
    elif not args.quiet:
        say("\n" + screen(done, _width(), brief=args.brief))
        where = "" if stop.number else f" · {out / DATA}"
        say(f"\n  {bench.made} compiled, {bench.reused} known from before{where}\n")
    return stop.code


def _width() -> int:
    """Columns of the terminal; enough for a page where there is none."""
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns


class _Told:
    """Tells each claim when it is checked."""

    def __init__(self, show: Show, total: int) -> None:
        self.show, self.total, self.done = show, total, 0

    def __call__(self, checked: Checked) -> None:
        self.done += 1
        self.show.steps.clear()
        self.show.line(f"{self.done} of {self.total}", f"{checked.claim.id}  {checked.said.value}")
