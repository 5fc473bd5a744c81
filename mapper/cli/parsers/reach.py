"""Arguments of `mapper whatif` that ask for the way to a goal."""

from __future__ import annotations

import argparse

_REACH = (
    "the cheapest change of the target that reaches this: throughput=1000, throughput=1.5x, ttft<=50ms, energy=0.8x"
)
_PRICE = "what a factor of 2 of a figure costs (1 unless said; inf: not to be had), as in 'cim*.arrays=3'"


def flags(p: argparse.ArgumentParser) -> None:
    """A goal, and what changes cost."""
    p.add_argument("--reach", metavar="GOAL", help=_REACH)
    p.add_argument("--price", metavar="NAME=NUMBER", action="append", default=[], help=_PRICE)
