"""Which targets a comparison is about: names, files and patterns of either, all of them known before anything runs."""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from mapper.errors import MapperError, TargetError, UsageError, did_you_mean
from mapper.hw.library import PARTS, WHOLES, target_names
from mapper.hw.load import load_target
from mapper.hw.plugins import brought
from mapper.hw.target import Target
from mapper.hw.what_if import changed
from mapper.ir.graph import Graph
from mapper.ir.plan import Plan
from mapper.ir.serial import to_json
from mapper.versions import code, compiled_by, versions

WILD = "*?["
"""Characters that make a text a pattern."""

APART = ("mapper/claims", "mapper/cli", "mapper/pareto", "mapper/regress", "mapper/whatif",
         *(f"targets/{kind}/" for kind in (*PARTS, *WHOLES)))  # fmt: skip
"""Code that no answer depends on: what stands above or beside it, and target files, for the target is a part of the
address."""


@dataclass(frozen=True)
class Machine:
    """A target under the name that it has in a comparison. settings: those that changed it."""

    name: str
    target: Target
    settings: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """sha256 of all that a plan records of the target."""
        text = to_json(Plan(self.target, Graph("none", (), ()), ()))
        return hashlib.sha256(text.encode()).hexdigest()


def machines(texts: Sequence[str], settings: Sequence[str] = ()) -> tuple[Machine, ...]:
    """The targets that texts name, each once, in the order of the texts, matches of a pattern by name.

    A text is a name, a YAML file, a pattern of either ("dgx-*"), or several with commas between. settings are those of
    `--set`: each holds for the targets that have such a unit. Raises TargetError or UsageError for a text that names
    nothing, a file that is wrong, two targets of one name, and a setting that is about none of them.
    """
    words = [word.strip() for text in texts for word in text.split(",")]
    sources = list(dict.fromkeys(source for word in words if word for source in _sources(word)))
    if not sources:
        raise UsageError("--targets names no target", hint="as in --targets superhet,dgx-a100 or --targets 'dgx-*'")
    found: dict[str, tuple[str | Path, Target]] = {}
    for source in sources:
        target = load_target(source)
        other = found.setdefault(target.name, (source, target))[0]
        if other != source:
            raise UsageError(
                f"two targets are called '{target.name}': {other} and {source}", hint="rename one (`name:` in its file)"
            )
    return _with_settings({name: target for name, (_, target) in found.items()}, settings)


def _sources(word: str) -> Iterator[str | Path]:
    """What a word stands for, as `load_target` takes it."""
    is_file = word.endswith((".yaml", ".yml")) or "/" in word or "\\" in word
    if not any(c in word for c in WILD):
        yield Path(word) if is_file else word
        return
    names = target_names()
    found: Sequence[str | Path] = (
        sorted(map(Path, glob.glob(word))) if is_file else [n for n in names if fnmatchcase(n, word)]
    )
    if not found:
        start = word.partition("*")[0]
        near = did_you_mean(word, {f"{name[: len(start)]}*" for name in names})
        near += "" if near.endswith("?") else "."
        raise TargetError(
            f"no {'file' if is_file else 'target'} matches '{word}'",
            hint="check the path" if is_file else f"{near} `mapper targets` lists all.",
        )
    yield from found


def _with_settings(targets: dict[str, Target], settings: Sequence[str]) -> tuple[Machine, ...]:
    """The targets with each setting applied to those that have such a unit with such a figure."""
    now, held = dict(targets), {name: list[str]() for name in targets}
    for setting in settings:
        problems: list[MapperError] = []
        for name, target in now.items():
            try:
                now[name] = changed(target, [setting])
                held[name].append(setting)
            except UsageError as problem:
                problems.append(problem)
        if len(problems) == len(now):
            raise problems[0]
    return tuple(Machine(name, target, tuple(held[name])) for name, target in now.items())


def key_of(machine: Machine, asked: object) -> str:
    """The content address of an answer: equal for equal targets and questions. asked: JSON data."""
    text = json.dumps([machine.digest, asked], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def program(without: tuple[str, ...] = APART) -> dict[str, object]:
    """What answers, as JSON data, a part of the address: versions of libraries and plug-ins, and mapper's own code. Of
    two answers by one version the code may still differ: between releases it changes and its version does not."""
    return {"versions": versions(), "libraries": compiled_by(), "plugins": brought(), "code": code(without)}
