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


def question(p: argparse.ArgumentParser) -> None:
    """What is asked of a target: models, sizes of dims, the goal and the passes that look for it."""
    p.add_argument(
        "models",
        metavar="MODEL.onnx",
        nargs="*",
        help="an ONNX file (weights are not needed), or several: parts of one request, each run by a phase, or a mix",
    )
    p.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="another figure of the target, as gpu0.launch_gap_s=8e-6 or cim*.arrays*=2 (docs/whatif.md); repeatable",
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
    p.add_argument("--inflight", default="auto", metavar="N|auto", help="requests in flight at most (default auto)")
    p.add_argument(
        "--batch", metavar="N|auto", help="requests that a run serves together: the size of dim `batch` in all phases"
    )
    p.add_argument("--pipeline", default="default", metavar="NAME|TEXT", help="a pipeline's name or passes as text")
    p.add_argument(
        "--precision", metavar="TYPE", help="one arithmetic type for all, as fp16 or int8 (default: each unit's own)"
    )


def effort(p: argparse.ArgumentParser) -> None:
    """How long and how to search."""
    p.add_argument(
        "--effort", default="default", metavar="HOW", help="quick|default|max: deterministic work of the search"
    )
    p.add_argument(
        "--time-limit", type=float, metavar="S", help="wall-clock seconds for the search (not deterministic)"
    )
    p.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the search (default 0)")


def executor(p: argparse.ArgumentParser, things: str) -> None:
    """Who runs so many things at once: `mapper.cli.executing` reads it."""
    p.add_argument(
        "--jobs",
        default="auto",
        metavar="N|auto",
        help=f"{things} at once (default: as many as cores, or CPUs of the cluster)",
    )
    cluster(p)


def cluster(p: argparse.ArgumentParser) -> None:
    """Where jobs run."""
    p.add_argument(
        "--executor", choices=("local", "ray"), help="local: processes of this machine (default); ray: a cluster"
    )
    p.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="the cluster of --executor ray (default: RAY_ADDRESS, or one of this machine for the time of the command)",
    )


def search(p: argparse.ArgumentParser) -> None:
    """How long and how to search, and what to print."""
    effort(p)
    p.add_argument(
        "--print-after", action="append", default=[], metavar="PASS", help="print the plan after a pass, or 'all'"
    )
    p.add_argument("--timing", action="store_true", help="print seconds by pass")
    p.add_argument("--json", action="store_true", help="print the summary as JSON, nothing else")
    p.add_argument("--quiet", action="store_true", help="print nothing but errors")
