"""`mapper inspect`: what the compiler understood of a model."""

from __future__ import annotations

import json
import shlex
import sys
from argparse import Namespace
from pathlib import Path

from mapper.cli.saying import say
from mapper.cli.settings import settings
from mapper.cli.steps import Steps
from mapper.errors import plain
from mapper.inspector import inspect as inspect_model
from mapper.report.inspect_data import inspection_data
from mapper.report.inspect_screen import inspect_screen
from mapper.report.inspection import Inspection


def inspect(args: Namespace) -> int:
    """Print the inspection; 1 when dims are missing or a value has no shape."""
    dims, expect = settings("--dim", args.dim), settings("--expect", args.expect)
    with Steps(args.json, live=True).step("inspect", Path(args.model).name):
        found = inspect_model(args.model, args.phase, dims=dims, expect=expect)
    if args.json:
        say(json.dumps(inspection_data(found), indent=1) + "\n")
    else:
        say(f"\n{inspect_screen(found, _command(args, found))}\n")
    if not found.complete:
        sys.stderr.write(plain(f"error: {_problem(found, args.json)}\n", keep="\n"))
    return 0 if found.complete else 1


def _problem(found: Inspection, alone: bool) -> str:
    """The error. Of missing dims the screen says where they are and what to type, unless the error stands alone."""
    return found.problem.partition("\n")[0] if found.missing and not alone else found.problem


def _command(args: Namespace, found: Inspection) -> str:
    """The command as it was typed, with a size for each dim that lacks one."""
    words = ["mapper", "inspect", args.model]
    for flag, given in (("--phase", args.phase), ("--dim", args.dim), ("--expect", args.expect)):
        words += [word for text in given for word in (flag, text)]
    words += [word for name, size in found.missing for word in ("--dim", f"{name}={size}")]
    return shlex.join(words)
