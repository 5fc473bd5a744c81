"""Arguments of the commands that make plans: compile, opt, inspect."""

from __future__ import annotations

import argparse

from mapper.cli.parsers.shared import bindings, plan, search


def compile(p: argparse.ArgumentParser) -> None:
    """Map a model onto a target."""
    p.set_defaults(run="compiling:compile_")
    p.add_argument(
        "models",
        metavar="MODEL.onnx",
        nargs="*",
        help="an ONNX file (weights are not needed), or several: parts of one request, each run by a phase, or a mix",
    )
    p.add_argument("--target", required=True, metavar="NAME|FILE", help="a target's name (mapper targets) or YAML file")
    p.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="UNIT.KEY=NUMBER",
        help="another figure for a unit, as gpu0.launch_gap_s=8e-6 where kernels are launched one by one; repeatable",
    )
    bindings(p)
    p.add_argument(
        "--mix", metavar="NAME=RUNS,...", help="several models of their own on one target: runs of each per request"
    )
    p.add_argument(
        "--connect",
        action="append",
        default=[],
        metavar="RESULT=INPUT",
        help="hand a result of one file to an input of a later one, where names do not tell",
    )
    p.add_argument(
        "--objective",
        default="throughput",
        metavar="WHAT",
        help="throughput|latency|energy|edp|ttft|tpot, with limits if wanted: "
        '"throughput subject to latency<=0.2 power<=700 energy<=3 ttft<=50ms tpot<=0.01 inflight<=8"',
    )
    p.add_argument(
        "--pareto",
        metavar="A,B",
        help='the front of two objectives, a plan for each point: "throughput,energy", with limits if wanted',
    )
    p.add_argument("--points", type=int, default=9, metavar="N", help="points of the front at most (default 9)")
    p.add_argument("--inflight", default="auto", metavar="N|auto", help="requests in flight at most (default auto)")
    p.add_argument(
        "--batch", metavar="N|auto", help="requests that a run serves together: the size of dim `batch` in all phases"
    )
    p.add_argument("--pipeline", default="default", metavar="NAME|TEXT", help="a pipeline's name or passes as text")
    p.add_argument(
        "--precision", metavar="TYPE", help="one arithmetic type for all, as fp16 or int8 (default: each unit's own)"
    )
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
