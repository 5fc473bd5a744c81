"""The one door through which passes, pipelines, targets, unit models, calibrators and kinds of ops come in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mapper.errors import MapperError, PipelineError, TargetError, did_you_mean

NOUN = {
    "passes": "pass",
    "pipelines": "pipeline",
    "targets": "target library",
    "unit_models": "unit model",
    "calibrators": "calibrator",
    "kinds": "kind",
}
"""The groups: entry points named `mapper.<group>`, and what one entry of each is called."""

_ERROR: dict[str, type[MapperError]] = {
    "passes": PipelineError,
    "pipelines": PipelineError,
    "targets": TargetError,
    "unit_models": TargetError,
    "calibrators": MapperError,
    "kinds": MapperError,
}


def names(group: str) -> tuple[str, ...]:
    """Every name that installed packages offer in a group, sorted."""
    return tuple(sorted({e.name for e in _entries(group)}))


def _entries(group: str) -> tuple[EntryPoint, ...]:
    """What installed packages offer in a group. Their files are read once, and again where the search path changed."""
    return _read(f"mapper.{group}", tuple(sys.path), entry_points)


@lru_cache(maxsize=len(NOUN) * 4)
def _read(group: str, path: tuple[str, ...], find: Callable[..., Iterable[EntryPoint]]) -> tuple[EntryPoint, ...]:
    return tuple(find(group=group))


def owner(entry: EntryPoint) -> str:
    """The distribution that an entry point comes from."""
    return entry.dist.name if entry.dist else "an unnamed package"


def owner_of(group: str, name: str) -> str:
    """The distributions that offer a name, joined by 'and'."""
    return " and ".join(sorted({owner(e) for e in _entries(group) if e.name == name}))


def modules(*groups: str) -> tuple[str, ...]:
    """The names of the modules that hold what groups offer; none is loaded."""
    return tuple(sorted({e.module for group in groups for e in _entries(group)}))


def brought() -> dict[str, str]:
    """Versions of the distributions that offer anything in any group, by name."""
    return dict(_brought(tuple(sys.path), entry_points))


@lru_cache(maxsize=4)
def _brought(path: tuple[str, ...], find: Callable[..., Iterable[EntryPoint]]) -> tuple[tuple[str, str], ...]:
    """Name and version of each distribution; a version is read from a file, which takes a millisecond."""
    some = {id(e.dist): e for group in NOUN for e in _read(f"mapper.{group}", path, find)}
    return tuple(sorted({(owner(e), e.dist.version if e.dist else "") for e in some.values()}))


def load(group: str, name: str) -> Any:
    """The object behind a name. An unknown, doubly owned or broken plug-in is an error, never skipped."""
    found = [e for e in _entries(group) if e.name == name]
    noun, error = NOUN[group], _ERROR[group]
    if not found:
        raise error(f"no {noun} named '{name}'", hint=did_you_mean(name, names(group)))
    if len(found) > 1 and len({(owner(e), e.value) for e in found}) > 1:  # an owner's name is read from a file
        owners = " and ".join(sorted(owner(e) for e in found))
        raise error(f"{noun} '{name}' is provided by {owners}", hint="uninstall one of them, or rename its entry point")
    try:
        return found[0].load()
    except Exception as problem:
        raise error(
            f"{noun} '{name}' of {owner(found[0])} is broken: {type(problem).__name__}: {problem}",
            details=[f"entry point mapper.{group}: {name} = {found[0].value}"],
            hint=f"repair or uninstall {owner(found[0])}",
        ) from problem
