"""A case answered by the code of another revision: its own `mapper compile`, in a process; answers are kept."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mapper.emit.files import write_folder_atomically
from mapper.errors import MapperError
from mapper.hw.library import beside
from mapper.ir.serial import load
from mapper.regress.bisect_git import Repository, Revision, Worktree
from mapper.regress.cases import MappingCase
from mapper.regress.digests import Digests, address
from mapper.regress.metrics import TOTALS, metrics_of, placed_of
from mapper.regress.record import Ended, Record
from mapper.regress.solving import target_of
from mapper.regress.suite import Asked
from mapper.versions import PACKAGES, versions

PROJECT, KEPT = "pyproject.toml", "answer.json"
PLAN = ("plan.json", "summary.json")
_IMPORT = re.compile(r"\b(ImportError|ModuleNotFoundError|SyntaxError|IndentationError|No module named)\b")


@dataclass(frozen=True)
class Answer:
    """What the code of a revision came to. kind: of its failure, '' where it gave an answer: failures of one kind are
    taken for the same fault."""

    record: Record
    kind: str = ""


@dataclass(frozen=True)
class Asking:
    """A case that is asked of revisions. models, targets: folders of files; kept: of answers, each in a folder named by
    its key; seconds: what one may take, by the wall clock."""

    case: MappingCase
    models: Path
    targets: Path
    kept: Path
    seconds: float | None = None

    def key(self, repository: Repository, revision: Revision) -> str:
        """The content address of all that the answer depends on: the code, the files, the question, the libraries."""
        files, digests = self.case.workload.files, Digests()
        target = target_of(self.case, self.targets)
        data = {
            "code": repository.contents(revision, *PACKAGES, PROJECT),
            "files": [digests.of(self.models / name) for name in files],
            "target": target if isinstance(target, str) else [digests.of(one) for one in (target, *beside(target))],
            "options": self.options[len(files) :],
            "versions": {name: version for name, version in versions().items() if name != "hetmap"},
        }
        return address(data)

    @property
    def options(self) -> list[str]:
        """The arguments of `mapper compile`: only those that are not its defaults, as older code may not have them."""
        workload, asked = self.case.workload, self.case.asked
        words = [str(self.models / name) for name in workload.files]
        words += ["--target", str(target_of(self.case, self.targets))]
        for phase in workload.phases:
            words += ["--phase", phase]
        lists: dict[str, Mapping[str, object]] = {"dim": workload.dims, "expect": workload.expect,
                                                  "connect": workload.connect}  # fmt: skip
        for option, entries in lists.items():
            for name, value in entries.items():
                words += [f"--{option}", f"{name}={value}"]
        if workload.mix:
            words += ["--mix", ",".join(f"{name}={runs}" for name, runs in workload.mix.items())]
        for text in asked.settings:
            words += ["--set", text]
        for name in ("objective", "pipeline", "precision", "batch", "inflight", "effort", "seed"):
            if (value := getattr(asked, name)) != Asked.model_fields[name].default:
                words += [f"--{name}", str(value)]
        return words

    def answer(self, worktree: Worktree, revision: Revision) -> Answer:
        """What the code of a revision comes to; an answer that is known is not asked for again."""
        key = self.key(worktree.repository, revision)
        folder = self.kept / key
        told = _known(folder)
        if told is None:
            worktree.check_out(revision)
            told, files = self._asked(worktree)
            if told["code"] in (0, 3):
                write_folder_atomically(folder, {**files, KEPT: json.dumps(told, indent=1)})
        record = Record(self.case.name, key, Ended.FOUND, about=self.case.about, reason=told["reason"])
        match told["code"]:
            case 0:
                return Answer(_found(record, folder))
            case 3:
                return Answer(replace(record, ended=Ended.INFEASIBLE))
            case None:
                return Answer(replace(record, ended=Ended.TIMEOUT), "time-out")
        return Answer(replace(record, ended=Ended.BROKEN), told["kind"])

    def _asked(self, worktree: Worktree) -> tuple[dict[str, Any], dict[str, bytes]]:
        """How `mapper compile` ended, and the files it wrote that are kept."""
        if not (worktree.root / "mapper").is_dir():  # the one that is installed would answer
            return {"code": 1, "reason": "the revision has no package mapper", "kind": "import"}, {}
        with tempfile.TemporaryDirectory(dir=worktree.root.parent) as place:
            code, said = self._run(worktree.root, Path(place))
            out = Path(place) / "out"
            files = {name: (out / name).read_bytes() for name in PLAN} if code == 0 else {}
        lines = [line.replace(place, "") for line in said.splitlines() if line.strip()]
        reason = next((x.partition("error: ")[2] for x in lines if "error: " in x), lines[-1] if lines else "")
        kind = "usage" if code == 2 else "import" if _IMPORT.search(said) else f"exit code {code}"
        return {"code": code, "reason": reason.strip(), "kind": kind}, files

    def _run(self, code: Path, place: Path) -> tuple[int | None, str]:
        """Exit code (None: it took too long) and complaint of `mapper compile` by the code in a folder."""
        write_metadata(code, place)
        command = [sys.executable, "-m", "mapper", "compile", *self.options, "--out", str(place / "out")]
        process = subprocess.Popen(
            command,
            cwd=code,  # python -m looks for modules there first
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(place), str(code)])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # at Ctrl-C it would keep the best plan so far, an answer like any other
        )
        try:
            _, said = process.communicate(timeout=self.seconds)
        except subprocess.TimeoutExpired:
            return None, f"was not done after {self.seconds:g} s"
        finally:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return process.returncode, said.decode(errors="replace")


def write_metadata(code: Path, place: Path) -> None:
    """Say in a folder what the code there offers (passes, targets, ...), as an installation would: what is installed
    offers that of another revision. Nothing where the code has no project file; then it cannot be run, either."""
    try:
        project = tomllib.loads((code / PROJECT).read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError):
        return
    name, version = project["name"], project.get("version", "0")
    folder = place / f"{re.sub(r'[^A-Za-z0-9.]+', '_', name)}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    groups = (
        [f"[{group}]", *(f"{name} = {where}" for name, where in entries.items()), ""]
        for group, entries in project.get("entry-points", {}).items()
    )
    text = "\n".join(line for group in groups for line in group)
    (folder / "entry_points.txt").write_text(text, encoding="utf-8")


def _known(folder: Path) -> dict[str, Any] | None:
    """How an answer that is kept was told; None where there is none, or a part of one."""
    try:
        told = json.loads((folder / KEPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not (isinstance(told, dict) and isinstance(told.get("reason"), str) and told.get("code") in (0, 3)):
        return None
    return told if told["code"] == 3 or all((folder / name).is_file() for name in PLAN) else None


def _found(record: Record, folder: Path) -> Record:
    """The record of a plan. Of one that this code cannot read, the summary's totals are there."""
    text = (folder / "plan.json").read_bytes()
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    record = replace(record, reason="", plan=hashlib.sha256(text).hexdigest())
    try:
        plan = load(folder / "plan.json")
        return replace(record, metrics=metrics_of(plan, summary), placed=placed_of(plan))
    except (MapperError, KeyError, TypeError):
        numbers = {name: summary.get(name) for name in TOTALS}
        return replace(record, metrics={n: float(x) for n, x in numbers.items() if isinstance(x, int | float)})
