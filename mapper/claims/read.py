"""Reads a file of claims: every complaint with its line and column, before anything is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from mapper.claims.checks.check import Check
from mapper.claims.checks.kinds import KINDS
from mapper.claims.claim import Claim, ClaimsFile
from mapper.errors import MapperError, TargetError, UsageError, did_you_mean
from mapper.frontend import parse_phase
from mapper.hw.library import find_target, target_names
from mapper.hw.marks import Document, read
from mapper.hw.validate import validate
from mapper.hw.what_if import parse_change
from mapper.question import goal_of, precision_of, steps_of


@dataclass(frozen=True)
class Claims:
    """A file of claims, each claim with its check."""

    file: ClaimsFile
    checks: dict[str, Check]

    @property
    def models(self) -> list[str]:
        """The names of all model files that are read, sorted."""
        named = (model for check in self.checks.values() for model in check.models_asked())
        return sorted({*(asked.model for asked in self.file.questions.values()), *named})

    def chosen(self, only: list[str]) -> tuple[Claim, ...]:
        """The claims that names or patterns mean, in the order of the file; all of them without any. Raises UsageError
        for one that means none."""
        known = [claim.id for claim in self.file.claims]
        for word in only:
            if not any(fnmatchcase(name, word) for name in known):
                raise UsageError(f"--only {word}: no such claim; {did_you_mean(word, known)}")
        return tuple(c for c in self.file.claims if not only or any(fnmatchcase(c.id, word) for word in only))


def read_claims(path: Path) -> Claims:
    """The claims in a file. Raises TargetError with file:line:column for what is wrong with it: formats, kinds of
    checks and their arguments, figures that a check does not have, units, questions and targets that are not there."""
    document = read(path)
    what = f"the claims in {path.name}"
    file = validate(ClaimsFile, document, what)
    checks: dict[str, Check] = {}
    complaints = [*_questions(file, document, path)]
    for k, claim in enumerate(file.claims):
        if claim.id in checks:
            raise TargetError(f"{document.value_mark('claims', k, 'id')}: two claims are called '{claim.id}'")
        if claim.kind not in KINDS:
            mark = document.key_mark("claims", k, "check", claim.kind)
            raise TargetError(f"{mark}: no kind of check '{claim.kind}'; {did_you_mean(claim.kind, KINDS)}")
        check = validate(KINDS[claim.kind], document.at("claims", k, "check", claim.kind), what)
        checks[claim.id] = check
        complaints += _figures(claim, check, document, k)
        complaints += _names(claim, check, file, document, k, path)
    if complaints:
        raise TargetError(complaints[0], details=complaints[1:])
    return Claims(file, checks)


def _questions(file: ClaimsFile, document: Document, path: Path) -> Iterator[str]:
    for name, asked in file.questions.items():
        yield from _target(asked.target, document, path, "questions", name, "target")
        parts: list[tuple[Callable[[str], object], str, tuple[str | int, ...]]] = [
            *((parse_phase, text, ("phases", i)) for i, text in enumerate(asked.phases)),
            *((parse_change, text, ("set", i)) for i, text in enumerate(asked.settings)),
            (goal_of, asked.objective, ("objective",)),
            (steps_of, asked.pipeline, ("pipeline",)),
            *([(precision_of, asked.precision, ("precision",))] if asked.precision else []),
        ]
        for parse, text, where in parts:
            try:
                parse(text)
            except MapperError as error:
                mark = document.value_mark("questions", name, *where)
                yield f"{mark}: {'; '.join(filter(None, (error.message, error.hint)))}"


def _figures(claim: Claim, check: Check, document: Document, k: int) -> Iterator[str]:
    """Complaints about figures that the check does not have, and about their units."""
    for name, published in claim.published.items():
        mark = document.key_mark("claims", k, "published", name)
        if name not in check.units:
            yield f"{mark}: the check '{claim.kind}' has no figure '{name}'; {did_you_mean(name, check.units)}"
        elif published.unit != check.units[name]:
            own = check.units[name]
            has, say = (f"is in {own}", f"say `unit: {own}`") if own else ("has no unit", "leave `unit` out")
            yield f"{mark}: '{name}' {has}, not in '{published.unit}': convert what is published, and {say}"


def _names(claim: Claim, check: Check, file: ClaimsFile, document: Document, k: int, path: Path) -> Iterator[str]:
    """Complaints about questions and targets that are not there."""
    mark = document.key_mark("claims", k, "check", claim.kind)
    for name in check.questions_asked():
        if name not in file.questions:
            yield f"{mark}: no question '{name}'; {did_you_mean(name, file.questions)}"
    for name in check.targets_asked():
        if not any(c in name for c in "*?["):
            yield from _target(name, document, path, "claims", k, "check", claim.kind)
        elif not any(fnmatchcase(known, name) for known in target_names()):
            yield f"{mark}: no target matches '{name}'"


def _target(name: str, document: Document, path: Path, *where: str | int) -> Iterator[str]:
    try:
        find_target(path.parent / name if name.endswith((".yaml", ".yml")) else name)
    except TargetError as error:
        yield f"{document.value_mark(*where)}: {error.message}; {error.hint}"
