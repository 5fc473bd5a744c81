"""Argument parsing and the way out: a MapperError becomes a message and its exit code."""

from __future__ import annotations

import argparse
import atexit
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module

from mapper.cli.collecting import left_to_the_system, uncollected
from mapper.cli.ending import Ended
from mapper.cli.parsers import asking, claims, comparing, hardware, making, pieces, plans, regress, targets_compared
from mapper.cli.saying import silence_output
from mapper.errors import MapperError, plain

_INSPECT = "what the compiler understands of a model, before any mapping"
_DIMS = "Without --dim or --phase it lists the dims that need a size. Exit code 1: dims or shapes are missing."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0 done, 1 bad input, 2 usage, 3 infeasible, 128 + the number of
    the signal that ended it (130: interrupted)."""
    if argv is None:  # the process is this command's own
        atexit.register(left_to_the_system)
    parser = _parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 2
    if sys.stdout is None:  # closed by the shell (>&-)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    module, _, function = str(args.run).partition(":")
    try:
        with uncollected(), _loading(quiet=getattr(args, "quiet", False) or getattr(args, "json", False)):
            command = getattr(import_module(f"mapper.cli.{module}"), function)
        code = int(command(args) or 0)
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


@contextmanager
def _loading(quiet: bool) -> Iterator[None]:
    """A line while what a command needs is loaded: that takes over a second before the command can say anything."""
    shown = not quiet and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    try:
        if shown:
            sys.stderr.write("  loading ...\r")
            sys.stderr.flush()
        yield
    finally:
        if shown:
            sys.stderr.write("\x1b[2K")
            sys.stderr.flush()


@cache
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
    making.compile(commands.add_parser("compile", help="map a model onto a target"))
    making.inspect(commands.add_parser("inspect", help=_INSPECT, description=_INSPECT.capitalize() + ".", epilog=_DIMS))
    making.opt(commands.add_parser("opt", help="carry on from a plan with more passes"))
    targets_compared.compare(commands.add_parser("compare", help="a model on many targets: one table, a plan each"))
    pieces.emit(commands.add_parser("emit", help="cut the models of a plan into ONNX pieces, one per unit and stretch"))
    pieces.run(commands.add_parser("run", help="run emitted pieces, time them, compare them with the whole model"))
    plans.check(commands.add_parser("check", help="derive every figure of a plan again and hold it to every rule"))
    plans.show(commands.add_parser("show", help="a plan on one screen, or as text"))
    plans.explain(commands.add_parser("explain", help="what limits a plan, why each op is where it is, the fallbacks"))
    comparing.diff(commands.add_parser("diff", help="what moved, what got faster and why, between two plans"))
    asking.whatif(commands.add_parser("whatif", help="what a plan would be worth with other figures of its target"))
    regress.regress(commands.add_parser("regress", help="run many mappings every night, and tell what got worse"))
    claims.claims(commands.add_parser("claims", help="claims of the market, computed and held against what is said"))
    hardware.passes(commands.add_parser("passes", help="the passes and pipelines there are"))
    hardware.targets(commands.add_parser("targets", help="the targets there are, or one of them"))
    hardware.cost(commands.add_parser("cost", help="price one piece of work on one unit, or a table of them"))
    hardware.calibrate(commands.add_parser("calibrate", help="measure this machine and write it as a target file"))
    return parser


class _Version(argparse.Action):
    """Prints versions; imported only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from mapper.versions import versions

        sys.stdout.write(", ".join(f"{name} {version}" for name, version in versions().items()) + "\n")
        parser.exit(0)
