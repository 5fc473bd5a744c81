"""A target with some figures of its units changed, as options of the command line say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from math import isfinite, nan

from pydantic import ValidationError

from mapper.errors import UsageError, did_you_mean
from mapper.hw.target import Target, Unit

EXAMPLE = "--set gpu0.launch_gap_s=8e-6"


def changed(target: Target, settings: Sequence[str]) -> Target:
    """The target after settings UNIT.KEY=NUMBER, where `*` in UNIT stands for any characters.

    Units that change are a kind of their own, so that no price of the shipped kind is taken for theirs.
    """
    for setting in settings:
        pattern, key, number = _parts(setting)
        if not any(fnmatchcase(unit.name, pattern) for unit in target.units):
            raise UsageError(f"--set {setting}: no unit '{pattern}'; {did_you_mean(pattern, target.unit)}")
        units = tuple(
            _changed(unit, key, number, setting) if fnmatchcase(unit.name, pattern) else unit for unit in target.units
        )
        target = replace(target, units=units)
    return target


def _parts(setting: str) -> tuple[str, str, float]:
    name, equals, text = setting.partition("=")
    pattern, dot, key = name.strip().rpartition(".")
    try:
        number = float(text)
    except ValueError:
        number = nan
    if not (equals and dot and pattern and key and isfinite(number)):
        raise UsageError(f"--set {setting}: write a unit, a key of its file and a number, as in {EXAMPLE}")
    return pattern, key, number


def _changed(unit: Unit, key: str, number: float, setting: str) -> Unit:
    fields = type(unit.model).model_fields
    if key not in fields:
        raise UsageError(f"--set {setting}: {unit.model_name} units have no '{key}'; {did_you_mean(key, fields)}")
    try:
        model = unit.model.scaled(**{key: number})
    except ValidationError as error:
        raise UsageError(f"--set {setting}: {error.errors()[0]['msg'].lower()}") from None
    return replace(unit, kind=f"{unit.kind}+{key}={number:g}", model=model)
