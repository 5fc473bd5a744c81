"""Arguments of the commands that hold plans against each other: diff."""

from __future__ import annotations

import argparse


def diff(p: argparse.ArgumentParser) -> None:
    """What differs between two plans."""
    p.set_defaults(run="comparing:diff")
    p.add_argument("before", metavar="A", help="a plan that `mapper compile` wrote, or its folder: before")
    p.add_argument("after", metavar="B", help="another one: after")
    p.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="CHANGE",
        help='exit with 1 where a figure changed so much, as "throughput<-2%%", "latency>+1ms", "gap>+0.5%%" (points), '
        '"unit.gpu0.busy>5%%" (points) or "memory.hbm.peak>+1GB"; repeatable',
    )
    p.add_argument("--op", metavar="NAME", help="only what differs of this op (or part of a name)")
    p.add_argument("--out", metavar="FILE.html", help="also write the difference as a page")
    p.add_argument("--json", action="store_true", help="print all of it as JSON, nothing else")
    p.add_argument("--quiet", action="store_true", help="print nothing but errors and broken conditions")
