"""Arguments of the commands that read a finished plan: check, show, explain."""

from __future__ import annotations

import argparse

from mapper.cli.parsers.shared import plan


def check(p: argparse.ArgumentParser) -> None:
    """Hold a plan to every rule."""
    p.set_defaults(run="plans:check")
    plan(p)
    p.add_argument("--json", action="store_true", help="print the result as JSON")


def show(p: argparse.ArgumentParser) -> None:
    """A plan at a glance."""
    p.set_defaults(run="plans:show")
    plan(p)
    p.add_argument("--text", action="store_true", help="every decision as stable text instead of one screen")
    p.add_argument("--json", action="store_true", help="print the summary as JSON, with all sections under 'glance'")
    p.add_argument(
        "--only",
        action="append",
        metavar="SECTIONS",
        help="only some, with commas: answer, memories, links, timeline, steady, energy, time, roofline, bound, "
        "reproduce; steady (the steady state, simulated) is shown only if it is asked for",
    )
    p.add_argument("--page", metavar="FILE.html", help="write the plan's page, as compile does beside plan.json")


def explain(p: argparse.ArgumentParser) -> None:
    """Why a plan is as it is."""
    p.set_defaults(run="plans:explain")
    plan(p)
    p.add_argument("--op", metavar="NAME", help="only why this op (or part of a name) is where it is")
    p.add_argument(
        "--proof", action="store_true", help="prove the bound again, for what it rests on (seconds for large plans)"
    )
    p.add_argument("--json", action="store_true", help="print the explanation as JSON")
