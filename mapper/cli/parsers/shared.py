"""Arguments that several commands share."""

from __future__ import annotations

import argparse


def plan(p: argparse.ArgumentParser) -> None:
    """The plan that a command reads."""
    p.add_argument("plan", metavar="PLAN.json", help="a plan that `mapper compile` wrote, or its folder")


def bindings(p: argparse.ArgumentParser) -> None:
    """Sizes of dims: phases, dims, expectations."""
    p.add_argument(
        "--phase",
        action="append",
        default=[],
        metavar="TEXT",
        help='a phase of a request, as "decode: batch=1 seq=1 past=512..639 calls=128", or of one of several files, as '
        '"decode@decode.onnx: ..."; repeat for more phases',
    )
    p.add_argument("--dim", action="append", default=[], metavar="NAME=SIZE", help="a dim in all phases, as seq=128")
    p.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="how much of something that depends on data (mapper inspect lists them), as nonzero_3=16",
    )


def search(p: argparse.ArgumentParser) -> None:
    """How long and how to search, and what to print."""
    p.add_argument(
        "--effort", default="default", metavar="HOW", help="quick|default|max: deterministic work of the search"
    )
    p.add_argument(
        "--time-limit", type=float, metavar="S", help="wall-clock seconds for the search (not deterministic)"
    )
    p.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the search (default 0)")
    p.add_argument(
        "--print-after", action="append", default=[], metavar="PASS", help="print the plan after a pass, or 'all'"
    )
    p.add_argument("--timing", action="store_true", help="print seconds by pass")
    p.add_argument("--json", action="store_true", help="print the summary as JSON, nothing else")
    p.add_argument("--quiet", action="store_true", help="print nothing but errors")
