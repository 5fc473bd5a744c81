"""Arguments of the commands that make plans: compile, opt, inspect."""

from __future__ import annotations

import argparse

from mapper.cli.parsers.shared import bindings, plan, question, search


def compile(p: argparse.ArgumentParser) -> None:
    """Map a model onto a target."""
    p.set_defaults(run="compiling:compile_")
    p.add_argument("--target", required=True, metavar="NAME|FILE", help="a target's name (mapper targets) or YAML file")
    question(p)
    p.add_argument(
        "--pareto",
        metavar="A,B",
        help='the front of two objectives, a plan for each point: "throughput,energy", with limits if wanted',
    )
    p.add_argument("--points", type=int, default=9, metavar="N", help="points of the front at most (default 9)")
    p.add_argument(
        "--out",
        metavar="DIR",
        help="folder for plan.json, summary.json, trace.json and report.html (default: out/MODEL-TARGET)",
    )
    p.add_argument(
        "--emit", action="store_true", help="also cut the models into pieces, below DIR/pieces (see mapper emit)"
    )
    p.add_argument("--stop-after", metavar="PASS", help="stop after this pass and save the plan as it is")
    search(p)


def inspect(p: argparse.ArgumentParser) -> None:
    """What the compiler understands of a model."""
    p.set_defaults(run="inspecting:inspect")
    p.add_argument("model", metavar="MODEL.onnx", help="an ONNX file; weights are not needed and never read")
    bindings(p)
    p.add_argument("--json", action="store_true", help="print the inspection as JSON, nothing else")


def opt(p: argparse.ArgumentParser) -> None:
    """Carry on from a plan."""
    p.set_defaults(run="compiling:opt")
    plan(p)
    p.add_argument("--pipeline", required=True, metavar="TEXT", help="the passes to run on it")
    p.add_argument("--out", metavar="DIR", help="folder for the result (default: the plan's own)")
    search(p)
