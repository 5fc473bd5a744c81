"""Targets at another supply voltage: the name `<target>-0v85` is that target with its units at 0.85 V."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from mapper.errors import TargetError
from mapper.hw.library import target_names
from mapper.hw.parts import UnitDraft

_POINT = re.compile(r"(?P<target>.+)-(?P<volts>[0-9]+v[0-9]+)")


def operating_point(name_or_path: str | Path) -> tuple[str | Path, str]:
    """The target that a name or path means, and the voltage in its name as it is spelled ('' where there is none)."""
    if isinstance(name_or_path, Path):
        return name_or_path, ""
    found = _POINT.fullmatch(name_or_path)
    if found is None or name_or_path in (known := target_names()) or found["target"] not in known:
        return name_or_path, ""
    return found["target"], found["volts"]


def at_supply(units: list[UnitDraft], spelled: str, path: Path) -> list[UnitDraft]:
    """The units at a voltage like 0v85; those without figures by voltage stay as they are, but not all of them."""
    volts = float(spelled.replace("v", "."))
    if not volts:
        raise TargetError(f"{path.stem}-{spelled}: {volts:g} V is no supply voltage")
    found = [_at(unit, volts, spelled, path) for unit in units]
    if all(unit is before for unit, before in zip(found, units, strict=True)):
        raise TargetError(
            f"{path.stem} has no figures by supply voltage, so there is no {path.stem}-{spelled}",
            hint="give a unit that can have them the key `supply:`, or leave the voltage away",
        )
    return found


def _at(unit: UnitDraft, volts: float, spelled: str, path: Path) -> UnitDraft:
    try:
        model = unit.model.at_supply(volts)
    except ValidationError as problem:
        words = problem.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise TargetError(f"{path.stem}-{spelled}: unit '{unit.name}': {words}") from problem
    return unit if model is None else replace(unit, model=model, kind=f"{unit.kind}-{spelled}")
