"""Cases: what a suite asks, with names that stay as long as what they ask stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from glob import glob
from itertools import product
from pathlib import Path
from typing import Any, Protocol

from mapper.errors import UsageError, did_you_mean
from mapper.hw.library import target_names
from mapper.regress.scores import scores
from mapper.regress.suite import Asked, Matrix, Single, Suite, Tolerance, Workload

AXES = {"objectives": "objective", "pipelines": "pipeline", "precisions": "precision", "batches": "batch",
        "efforts": "effort", "seeds": "seed", "sets": "settings"}  # fmt: skip
"""The lists of a matrix, and the option that each varies."""

WILD = "*?["

LONGEST_NAME = 255
"""Characters of a case's name: a server's column has no more."""


class Case(Protocol):
    """Something that a suite asks. name: unlike all others of the suite. objective: what its bound and value are of,
    None where it has none. better: by pattern, metrics of its own, and whether more of them is better; None: neither.
    """

    @property
    def name(self) -> str: ...
    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def tolerances(self) -> Mapping[str, Tolerance]: ...
    @property
    def objective(self) -> str | None: ...
    @property
    def better(self) -> Mapping[str, bool | None]: ...
    @property
    def about(self) -> dict[str, str]:
        """What is asked, in words."""


@dataclass(frozen=True)
class MappingCase:
    """One mapping that is asked for. name: MODEL/TARGET/OBJECTIVE, and what else is not the suite's default."""

    name: str
    model: str
    workload: Workload
    target: str
    asked: Asked
    tags: tuple[str, ...] = ()
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)

    @property
    def objective(self) -> str:
        """What its plan is searched for."""
        return self.asked.objective

    @property
    def better(self) -> Mapping[str, bool | None]:
        """None of its own: metrics of mappings have their better sides in `mapper.regress.verdicts`."""
        return {}

    @property
    def about(self) -> dict[str, str]:
        """Model, target, and what is asked."""
        asked = self.asked.model_dump(exclude_defaults=True)
        told = {name: " ".join(value) if isinstance(value, list) else str(value) for name, value in asked.items()}
        return {"model": self.model, "target": self.target, "objective": self.objective, **told}


def meant(case: Case, pattern: str) -> bool:
    """Whether a pattern of names, or `tag:NAME`, means a case; a name means its own, whatever characters it has."""
    kind, colon, tag = pattern.partition(":")
    return tag in case.tags if colon and kind == "tag" else pattern == case.name or fnmatchcase(case.name, pattern)


def cases(suite: Suite, folder: Path) -> tuple[Case, ...]:
    """All cases of a suite, in the order of the file. folder: where targets that are files are looked for.

    Raises UsageError for a model that the suite does not have, a pattern that means nothing, an exclusion that leaves
    nothing out, two cases of one name, and a name that is too long.
    """
    found: dict[str, Case] = {}
    singles = (_single(suite, single, folder) for single in suite.cases)
    asked: tuple[Case, ...] = (*_of_matrices(suite, folder), *singles, *scores(suite))
    for case in asked:
        if len(case.name) > LONGEST_NAME:
            hint = "give it a `name`, or ask for fewer settings"
            raise UsageError(
                f"'{case.name[:60]}...' is a name of {len(case.name)} characters; at most {LONGEST_NAME}", hint=hint
            )
        other = found.setdefault(case.name, case)
        if other is not case:
            same = other.about == case.about
            hint = "leave one of them out" if same else "give one of them a `name`"
            raise UsageError(f"two cases of {suite.name} are called '{case.name}'", hint=hint)
    if not found:
        raise UsageError(f"{suite.name} has no case", hint="add `matrix:`, `cases:` or `scores:`")
    return tuple(found.values())


def chosen(all_cases: Sequence[Case], patterns: Sequence[str]) -> tuple[Case, ...]:
    """The cases that any of the patterns means; all of them without patterns. Raises UsageError for one that means
    none."""
    for pattern in patterns:
        if not any(meant(case, pattern) for case in all_cases):
            tags = sorted({f"tag:{tag}" for case in all_cases for tag in case.tags})
            known = [*(case.name for case in all_cases), *tags]
            raise UsageError(f"--filter {pattern} means none of {len(all_cases)} cases; {did_you_mean(pattern, known)}")
    return tuple(case for case in all_cases if not patterns or any(meant(case, pattern) for pattern in patterns))


def gone(all_cases: Sequence[Case], patterns: Sequence[str], accepted: Iterable[str]) -> list[str]:
    """The accepted cases that a suite no longer has, as far as their names are meant: nobody knows their tags."""
    names = {case.name for case in all_cases}
    known = [name for name in accepted if name not in names]
    return [name for name in known if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)]


def _of_matrices(suite: Suite, folder: Path) -> Iterator[MappingCase]:
    for k, matrix in enumerate(suite.matrix):
        where = f"matrix {k + 1} of {suite.name}"
        models = [name for text in matrix.models for name in _models(suite, text, where)]
        targets = [name for text in matrix.targets for name in _targets(text, folder, where)]
        axes = {option: getattr(matrix, axis) for axis, option in AXES.items() if getattr(matrix, axis)}
        left_out = [0] * len(matrix.exclude)
        for model, target, *values in product(dict.fromkeys(models), dict.fromkeys(targets), *axes.values()):
            asked = suite.defaults.model_copy(update=dict(zip(axes, values, strict=True)))
            case = _case(suite, model, target, asked, tuple(matrix.tags))
            out = [_excluded(case, rule, where) for rule in matrix.exclude]
            left_out = [n + o for n, o in zip(left_out, out, strict=True)]
            if not any(out):
                yield case
        _each_used(matrix, left_out, where)


def _each_used(matrix: Matrix, left_out: Sequence[int], where: str) -> None:
    idle = next((rule for rule, n in zip(matrix.exclude, left_out, strict=True) if not n), None)
    if idle is not None:
        words = ", ".join(f"{key}: {value}" for key, value in idle.items())
        raise UsageError(f"{where}: `exclude` {{{words}}} leaves nothing out", hint="take it away, or mend its pattern")


def _excluded(case: MappingCase, rule: Mapping[str, str], where: str) -> bool:
    """Whether a case has all that a rule names."""
    about: dict[str, Any] = {"model": case.model, "target": case.target, **case.asked.model_dump(by_alias=False)}
    for key in rule:
        if key not in about:
            raise UsageError(f"{where}: `exclude` has no '{key}'; {did_you_mean(key, about)}")
    return all(fnmatchcase(str(about[key]), value) for key, value in rule.items())


def _models(suite: Suite, text: str, where: str) -> list[str]:
    found = [name for name in suite.models if name == text or fnmatchcase(name, text)]
    if not found:
        raise UsageError(f"{where}: no model '{text}'; {did_you_mean(text, suite.models)}")
    return found


def _targets(text: str, folder: Path, where: str) -> list[str]:
    """The targets that a text means; a single name stands for itself, whether there is such a one or not."""
    if not any(c in text for c in WILD):
        return [text]
    if text.endswith((".yaml", ".yml")):
        found = sorted(glob(text, root_dir=folder, recursive=True))
    else:
        found = [name for name in target_names() if fnmatchcase(name, text)]
    if not found:
        raise UsageError(f"{where}: no target matches '{text}'", hint="`mapper targets` lists all")
    return found


def _single(suite: Suite, single: Single, folder: Path) -> MappingCase:
    where = f"the case '{single.name or single.model}' of {suite.name}"
    if single.model not in suite.models:
        raise UsageError(f"{where}: no model '{single.model}'; {did_you_mean(single.model, suite.models)}")
    own = {name: getattr(single, name) for name in single.model_fields_set if name in Asked.model_fields}
    asked = suite.defaults.model_copy(update=own)
    return _case(suite, single.model, single.target, asked, tuple(single.tags), single.tolerances, single.name)


def _case(
    suite: Suite,
    model: str,
    target: str,
    asked: Asked,
    tags: tuple[str, ...],
    tolerances: Mapping[str, Tolerance] | None = None,
    name: str = "",
) -> MappingCase:
    words = [model, Path(target).stem if target.endswith((".yaml", ".yml")) else target, asked.objective]
    for option in AXES.values():
        value = getattr(asked, option)
        if option != "objective" and value != getattr(suite.defaults, option):
            words.append(" ".join(value) if option == "settings" else f"{option}={value}")
    return MappingCase(name or "/".join(words), model, suite.models[model], target, asked, tags, tolerances or {})
