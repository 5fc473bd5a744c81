"""Arguments of the commands about passes, targets and units: passes, targets, cost, calibrate."""

from __future__ import annotations

import argparse


def passes(p: argparse.ArgumentParser) -> None:
    """The passes there are."""
    p.set_defaults(run="lists:passes")
    p.add_argument(
        "name", nargs="?", help="one pass: its options, what it requires and provides; or one pipeline: its passes"
    )


def targets(p: argparse.ArgumentParser) -> None:
    """The targets there are."""
    p.set_defaults(run="targets:targets")
    p.add_argument(
        "names", nargs="*", metavar="NAME|FILE",
        help="one target: its parts and where each figure comes from; or `check` and any number of targets (none: all "
        "files there are): sources and marks, published against derived figures, rates, powers and links; "
        "1 where a rule is broken",
    )  # fmt: skip
    p.add_argument(
        "--page", nargs="?", const="", metavar="FILE.html",
        help="write the page of one target: floor plan, figures with their sources (default: NAME.html)",
    )  # fmt: skip
    p.add_argument(
        "--class", dest="unit_class", default="", metavar="CLASS", help="list those with such units: gpu, cim"
    )
    p.add_argument("--json", action="store_true", help="print as JSON")
    p.add_argument("--schema", action="store_true", help="print the JSON Schema of target files")


def cost(p: argparse.ArgumentParser) -> None:
    """Price work on a unit."""
    p.set_defaults(run="pricing:cost")
    p.add_argument("--target", metavar="NAME|FILE", help="a target's name (mapper targets) or YAML file")
    p.add_argument("--unit", metavar="UNIT", help="a unit of the target (default: each)")
    p.add_argument("--work", metavar="TEXT", help='as "matmul m=4096 n=4096 k=4096 dtype=f16"')
    p.add_argument("--json", action="store_true", help="print the costs as JSON")
    p.add_argument(
        "--csv",
        metavar="IN.csv",
        help="a table of questions instead; columns target, unit (empty: the main one), kind, m, n, k, batch, heads, "
        "kv_heads, head_dim, seq, past, dtype, bytes, ranks",
    )
    p.add_argument(
        "--out", metavar="OUT.csv", help="where the table goes, with time_s, energy_j, low_s and high_s added"
    )
    p.add_argument(
        "--keep-going", action="store_true", help="price the rows that can be, and say in a column `error` why not"
    )


def calibrate(p: argparse.ArgumentParser) -> None:
    """Measure this machine."""
    p.set_defaults(run="calibrating:calibrate")
    p.add_argument("what", metavar="cpu", help="what to measure: the CPU of this machine, with onnxruntime")
    p.add_argument("--out", metavar="DIR|FILE.yaml", help="where the target file goes (default: ./NAME.yaml)")
    p.add_argument("--name", metavar="NAME", help="the target's name (default: the file's, else this-cpu)")
    p.add_argument(
        "--units", type=int, default=1, metavar="N", help="divide the cores into N equal units that hand values on"
    )
    p.add_argument("--seconds", type=float, default=150.0, metavar="S", help="time to measure for (default 150)")
    p.add_argument("--quiet", action="store_true", help="print nothing but errors")
