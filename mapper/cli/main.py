"""Argument parsing and the way out: a MapperError becomes a message and its exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from mapper.cli.ending import Ended
from mapper.cli.saying import silence_output
from mapper.errors import MapperError, plain

_PLAN = ("plan", {"metavar": "PLAN.json", "help": "a plan that `mapper compile` wrote, or its folder"})
_INSPECT = "what the compiler understands of a model, before any mapping"
_DIMS = "Without --dim or --phase it lists the dims that need a size. Exit code 1: dims or shapes are missing."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0 done, 1 bad input, 2 usage, 3 infeasible, 128 + the number of
    the signal that ended it (130: interrupted)."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 2
    if sys.stdout is None:  # closed by the shell (>&-)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    module, _, function = str(args.run).partition(":")
    try:
        code = int(getattr(import_module(f"mapper.cli.{module}"), function)(args) or 0)
        sys.stdout.flush()  # a full disk or a closed pipe shows here, not when Python ends
        return code
    except MapperError as error:
        if args.debug:
            raise
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        if getattr(error, "rule", ""):
            print(f"  rule: {getattr(error, 'rule')}", file=sys.stderr)  # noqa: B009, T201
        for note in getattr(error, "__notes__", ()):
            if note.startswith("repeat"):
                print(f"  {note}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except BrokenPipeError:
        silence_output()
        return 0
    except OSError as error:
        if args.debug:
            raise
        silence_output()
        where = f" {error.filename}" if error.filename else " the output"
        print(plain(f"error: cannot read or write{where}: {error.strerror}"), file=sys.stderr)  # noqa: T201
        return 1
    except MemoryError as error:
        if args.debug:
            raise
        print(f"error: not enough memory{f': {error}' if str(error) else ''}", file=sys.stderr)  # noqa: T201
        return 1
    except Exception as error:
        if args.debug:
            raise
        print(plain(f"internal error: {type(error).__name__}: {error}", keep="\n"), file=sys.stderr)  # noqa: T201
        for note in [*getattr(error, "__notes__", ()), "this is a defect of mapper: report it; --debug shows where"]:
            print(f"  {note}", file=sys.stderr)  # noqa: T201
        return 1
    except Ended as ended:
        print(ended, file=sys.stderr)  # noqa: T201
        return 128 + ended.number
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)  # noqa: T201
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mapper",
        description="Maps ONNX transformers onto heterogeneous chips: which unit runs what, how fast, for how many "
        "joules, what limits it, and how far from the proven optimum it is.",
        epilog="start with: mapper compile MODEL.onnx --target superhet --dim batch=1 --dim seq=128",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="versions of mapper and of what it rests on")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _compile(commands.add_parser("compile", help="map a model onto a target"))
    _inspect(commands.add_parser("inspect", help=_INSPECT, description=_INSPECT.capitalize() + ".", epilog=_DIMS))
    _opt(commands.add_parser("opt", help="carry on from a plan with more passes"))
    _emit(commands.add_parser("emit", help="cut the models of a plan into ONNX pieces, one per unit and stretch"))
    _run(commands.add_parser("run", help="run emitted pieces, time them, compare them with the whole model"))
    _check(commands.add_parser("check", help="derive every figure of a plan again and hold it to every rule"))
    _show(commands.add_parser("show", help="a plan on one screen, or as text"))
    _explain(commands.add_parser("explain", help="what limits a plan, why each op is where it is, the fallbacks"))
    _passes(commands.add_parser("passes", help="the passes and pipelines there are"))
    _targets(commands.add_parser("targets", help="the targets there are, or one of them"))
    _cost(commands.add_parser("cost", help="price one piece of work on one unit, or a table of them"))
    _calibrate(commands.add_parser("calibrate", help="measure this machine and write it as a target file"))
    return parser


def _compile(p: argparse.ArgumentParser) -> None:
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
    _bindings(p)
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
        "--out", metavar="DIR", help="folder for plan.json, summary.json, trace.json (default: out/MODEL-TARGET)"
    )
    p.add_argument(
        "--emit", action="store_true", help="also cut the models into pieces, below DIR/pieces (see mapper emit)"
    )
    p.add_argument("--stop-after", metavar="PASS", help="stop after this pass and save the plan as it is")
    _search(p)


def _inspect(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run="inspecting:inspect")
    p.add_argument("model", metavar="MODEL.onnx", help="an ONNX file; weights are not needed and never read")
    _bindings(p)
    p.add_argument("--json", action="store_true", help="print the inspection as JSON, nothing else")


def _bindings(p: argparse.ArgumentParser) -> None:
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


def _search(p: argparse.ArgumentParser) -> None:
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


def _opt(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run="compiling:opt")
    p.add_argument(_PLAN[0], **_PLAN[1])  # type: ignore[arg-type]
    p.add_argument("--pipeline", required=True, metavar="TEXT", help="the passes to run on it")
    p.add_argument("--out", metavar="DIR", help="folder for the result (default: the plan's own)")
    _search(p)


def _emit(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run="emitting:emit_")
    p.add_argument(_PLAN[0], **_PLAN[1])  # type: ignore[arg-type]
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


def _run(p: argparse.ArgumentParser) -> None:
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


def _check(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run="plans:check")
    p.add_argument(_PLAN[0], **_PLAN[1])  # type: ignore[arg-type]
    p.add_argument("--json", action="store_true", help="print the result as JSON")


def _show(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run="plans:show")
    p.add_argument(_PLAN[0], **_PLAN[1])  # type: ignore[arg-type]
    p.add_argument("--text", action="store_true", help="every decision as stable text instead of one screen")
    p.add_argument("--json", action="store_true", help="print the summary as JSON")


def _explain(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run="plans:explain")
    p.add_argument(_PLAN[0], **_PLAN[1])  # type: ignore[arg-type]
    p.add_argument("--op", metavar="NAME", help="only why this op (or part of a name) is where it is")
    p.add_argument("--json", action="store_true", help="print the explanation as JSON")


def _passes(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run="lists:passes")
    p.add_argument(
        "name", nargs="?", help="one pass: its options, what it requires and provides; or one pipeline: its passes"
    )


def _targets(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run="lists:targets")
    p.add_argument("name", nargs="?", metavar="NAME|FILE", help="one target: its units, memories and links")
    p.add_argument("--schema", action="store_true", help="print the JSON Schema of target files")


def _cost(p: argparse.ArgumentParser) -> None:
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


def _calibrate(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run="calibrating:calibrate")
    p.add_argument("what", metavar="cpu", help="what to measure: the CPU of this machine, with onnxruntime")
    p.add_argument("--out", metavar="DIR|FILE.yaml", help="where the target file goes (default: ./NAME.yaml)")
    p.add_argument("--name", metavar="NAME", help="the target's name (default: the file's, else this-cpu)")
    p.add_argument(
        "--units", type=int, default=1, metavar="N", help="divide the cores into N equal units that hand values on"
    )
    p.add_argument("--seconds", type=float, default=150.0, metavar="S", help="time to measure for (default 150)")
    p.add_argument("--quiet", action="store_true", help="print nothing but errors")


class _Version(argparse.Action):
    """Prints versions; imported only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from mapper.versions import versions

        sys.stdout.write(", ".join(f"{name} {version}" for name, version in versions().items()) + "\n")
        parser.exit(0)
