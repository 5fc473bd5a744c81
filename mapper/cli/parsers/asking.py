"""Arguments of the command that asks about other targets: whatif."""

from __future__ import annotations

import argparse

from mapper.cli.parsers import reach
from mapper.cli.parsers.shared import plan


def whatif(p: argparse.ArgumentParser) -> None:
    """What a plan would be worth with other figures."""
    p.set_defaults(run="asking:whatif")
    plan(p)
    p.add_argument("--all", action="store_true", help="print every figure, not only those with the largest effect")
    p.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="one change: cim*.arrays*=2, link.d2d.bandwidth/=2, hbm.capacity=32e9; several are one combined change",
    )
    p.add_argument("--model-precision", metavar="TYPE", help="one arithmetic type for all, as int8")
    reach.flags(p)
    p.add_argument("--list", action="store_true", help="the figures that can be changed, by name")
    p.add_argument("--workers", type=int, default=2, metavar="N", help="processes that answer (default 2)")
    p.add_argument("--out", metavar="FILE.html", help="the table as a chart on a page of its own, too")
    p.add_argument("--json", action="store_true", help="print the answers as JSON, nothing else")
    p.add_argument("--quiet", action="store_true", help="print nothing but the answer")
