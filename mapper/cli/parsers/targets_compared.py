"""Arguments of the command that compares targets."""

from __future__ import annotations

import argparse

from mapper.cli.parsers.shared import effort, question

_EPILOG = (
    "The plans, compare.json and compare.html go into a folder (--out). Targets that have answered the same question "
    "there before are not asked again. Exit code 3: the model fits none of the targets."
)


def compare(p: argparse.ArgumentParser) -> None:
    """The same model on many targets."""
    p.set_defaults(run="targets_compared:compare_")
    p.epilog = _EPILOG
    p.add_argument(
        "--targets",
        action="append",
        required=True,
        metavar="A,B,...",
        help="names of targets (mapper targets), YAML files, and patterns of either, as 'dgx-*'; repeatable",
    )
    question(p)
    p.add_argument(
        "--sort",
        metavar="KEY",
        help="throughput|tokens|ttft|tpot|latency|energy|energy-per-token|power|gap|name|given "
        "(default: the objective)",
    )
    p.add_argument("--baseline", default="", metavar="TARGET", help="also print each figure over this target's")
    p.add_argument("--jobs", default="auto", metavar="N|auto", help="targets at once (default: as many as cores)")
    p.add_argument("--out", metavar="DIR", help="folder for all that is found (default: out/MODEL-compare)")
    effort(p)
    p.add_argument("--json", action="store_true", help="print the comparison as JSON, nothing else")
    p.add_argument("--quiet", action="store_true", help="print nothing but errors")
