"""Arguments of the commands that cut a plan into pieces and run them: emit, run."""

from __future__ import annotations

import argparse

from mapper.cli.parsers.shared import plan


def emit(p: argparse.ArgumentParser) -> None:
    """Cut the models of a plan into pieces."""
    p.set_defaults(run="emitting:emit_")
    plan(p)
    p.add_argument("models", metavar="MODEL.onnx", nargs="+", help="the files that the plan was compiled from")
    p.add_argument("--out", metavar="DIR", help="folder for the pieces and their manifest (default: the plan's/pieces)")
    p.add_argument(
        "--random-weights", metavar="SEED", type=int, nargs="?", const=0, help="make up weights that are not there"
    )
    p.add_argument(
        "--weights",
        choices=("copy", "reference"),
        default="copy",
        help="copy what pieces read of data beside the models (default), or read it where it is: --out is then the "
        "folder of the data, or one above it",
    )
    p.add_argument(
        "--format",
        choices=["pieces", "ort-ep"],
        default="pieces",
        help="pieces, or which node runs on which provider of onnxruntime (a JSON file)",
    )
    p.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(p: argparse.ArgumentParser) -> None:
    """Run pieces."""
    p.set_defaults(run="running:run_")
    p.add_argument("folder", metavar="DIR", help="the folder that `mapper emit` wrote")
    p.add_argument(
        "--inputs", metavar="FILE.npz", help="inputs by NAME, PHASE/NAME or PHASE.CALL/NAME (default: random ones)"
    )
    p.add_argument("--random", action="store_true", help="made-up inputs: what --inputs left out means")
    p.add_argument("--seed", type=int, default=0, metavar="N", help="seed of made-up inputs (default 0)")
    p.add_argument("--requests", default="1", metavar="N", help="requests to run (default 1)")
    p.add_argument("--inflight", metavar="N", help="requests on their way at once (default: as many as the plan has)")
    p.add_argument("--calls", metavar="N", help="calls of each phase at most (default: all)")
    p.add_argument(
        "--compare",
        nargs="*",
        metavar="MODEL.onnx",
        help="hold all results to those of the whole model; without a file: the one that emit --random-weights wrote",
    )
    p.add_argument(
        "--tolerance", type=float, metavar="X", help="largest error allowed, relative to the largest number of a result"
    )
    p.add_argument(
        "--workers", default="process", choices=("process", "none"), help="a process per unit (default), or none"
    )
    p.add_argument("--threads", default="1", metavar="N", help="threads of each worker (default 1)")
    p.add_argument(
        "--optimize", action="store_true", help="let onnxruntime fuse nodes: faster, but the last bits may differ"
    )
    p.add_argument("--pin", action="store_true", help="each worker on cores of its own (default: the system decides)")
    p.add_argument("--trace", metavar="FILE.json", help="write the measured run for Perfetto")
    p.add_argument("--outputs", metavar="FILE.npz", help="write the results of the first request")
    p.add_argument("--json", action="store_true", help="print the result as JSON, nothing else")
