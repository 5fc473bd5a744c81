"""`mapper targets`: the targets there are, one of them, and what is wrong with their files."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from mapper.cli.saying import say
from mapper.cli.steps import Steps
from mapper.cli.targets_shown import show_all, show_one
from mapper.emit.files import write_atomically
from mapper.errors import UsageError, did_you_mean
from mapper.hw.checks import check_files, files_of, library_files
from mapper.hw.complaint import Complaint
from mapper.hw.editor import json_schema
from mapper.hw.library import find_target, target_names
from mapper.hw.survey import Survey, survey
from mapper.report.targets.data import survey_data, target_data

CHECK = "check"


def targets(args: Namespace) -> int:
    """All targets, one target in full, what is wrong with the files, or their JSON Schema."""
    if args.schema:
        sys.stdout.write(json.dumps(json_schema(), indent=1) + "\n")
        return 0
    if args.page is not None and (not args.names or args.names[0] == CHECK):
        raise UsageError("--page is of one target", hint="mapper targets NAME --page")
    if args.unit_class and args.names:
        raise UsageError("--class is of the list, not of one target", hint=f"mapper targets --class {args.unit_class}")
    if args.names[:1] == [CHECK]:
        return _check(args.names[1:], args.json)
    if len(args.names) > 1:
        raise UsageError(
            f"one target at a time, not {' and '.join(args.names)}", hint="mapper targets check takes several"
        )
    if not args.names:
        return _all(args.unit_class, args.json)
    found = survey(args.names[0])
    if args.page is not None:
        return _write_page(found, Path(args.page or f"{found.target.name}.html"))
    if args.json:
        say(json.dumps(target_data(found), indent=1) + "\n")
    else:
        show_one(found)
    return 0


def _write_page(found: Survey, path: Path) -> int:
    from mapper.report.targets.page import target_page

    write_atomically(path, target_page(found))
    say(f"{path}\n")
    return 0


def _check(names: list[str], as_json: bool) -> int:
    """1 where a rule is broken: each complaint as file:line:col, then a line that counts them."""
    with Steps(as_json, live=True).step("targets"):
        paths = [path for name in names for path in files_of(find_target(name))] if names else library_files()
        files = tuple(dict.fromkeys(paths))
        complaints = check_files(files)
    if as_json:
        say(json.dumps({"files": len(files), "complaints": [asdict(c) for c in complaints]}, indent=1) + "\n")
    else:
        say("".join(f"{_shown(c)}\n" for c in complaints) + f"{_counted(len(files), complaints)}\n")
    return 1 if complaints else 0


def _shown(complaint: Complaint) -> str:
    """The complaint with its file as seen from here."""
    text, here = str(complaint), f"{Path.cwd()}/"
    return f"{text.removeprefix(here)} [{complaint.rule}]"


def _counted(files: int, complaints: tuple[Complaint, ...]) -> str:
    where = "1 file" if files == 1 else f"{files} files"
    if not complaints:
        return f"{where}: nothing to complain about"
    by_rule = {rule: sum(c.rule == rule for c in complaints) for rule in sorted({c.rule for c in complaints})}
    what = "1 complaint" if len(complaints) == 1 else f"{len(complaints)} complaints"
    return f"{where}: {what} ({', '.join(f'{n} {rule}' for rule, n in by_rule.items())})"


def _all(wanted: str, as_json: bool) -> int:
    """A line for each target, or for those of a class."""
    steps, names = Steps(as_json, live=True), target_names()
    found = []
    with steps.step("targets"):
        count = steps.counted("targets")
        for k, name in enumerate(names):
            count("reading", k, len(names))
            found.append(survey(name))
    chosen = [one for one in found if not wanted or any(_is(name, wanted) for name in one.classes)]
    if not chosen:
        there = sorted({name for one in found for name in one.classes})
        raise UsageError(f"--class {wanted}: there is no such target", hint=did_you_mean(wanted, there))
    if as_json:
        say(json.dumps([survey_data(one) for one in chosen], indent=1) + "\n")
    else:
        show_all(chosen)
    return 0


def _is(name: str, wanted: str) -> bool:
    """Whether a class is the wanted one, or a kind of it, as cim-rram is of cim."""
    return name == wanted or name.startswith(f"{wanted}-")
