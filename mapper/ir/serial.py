"""Plans as JSON text and back.

A plan holds the whole resolved target. A unit's figures are spelled once: a later unit with the same ones names the
first. Of equal layers one is spelled, as a pattern with its instances (mapper.ir.repeated). Nothing in a plan is
evaluated; the only thing it can load is an installed unit model, by its name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from mapper.errors import InvalidPlan, MapperError
from mapper.hw import plugins
from mapper.hw.target import Unit
from mapper.hw.work import UnitModel
from mapper.ir.codec import Codec, Codecs, DataError, at, shown
from mapper.ir.plan import Plan
from mapper.ir.repeated import folded, line, unfolded

SCHEMA = 2
"""1 had every layer spelled; it is read as well."""
READ = (1, 2)
RULE = "plan-json"


def to_json(plan: Plan) -> str:
    """The plan as text: equal plans give equal bytes, one line per element of a table."""
    try:
        return _laid_out({"schema": SCHEMA, **_every_table(_CODECS.of(Plan).write(plan), folded, 0)}, 0) + "\n"
    except DataError as wrong:
        raise InvalidPlan(f"the plan cannot be written: {wrong}", rule=RULE, hint=wrong.hint) from wrong.__cause__


def from_json(text: str, where: str = "plan.json") -> Plan:
    """The plan that a text stands for; InvalidPlan says which place in the text is wrong."""
    try:
        raw = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refused)
        plan: Plan = _CODECS.of(Plan).read(_every_table(_without_schema(raw), unfolded, 0))
    except DataError as wrong:
        raise InvalidPlan(f"{where}: {wrong}", rule=RULE, hint=wrong.hint) from wrong.__cause__
    except RecursionError:
        raise InvalidPlan(f"{where}: nested too deeply to be a plan", rule=RULE) from None
    except ValueError as error:
        raise InvalidPlan(f"{where}: not JSON: {error}", rule=RULE) from None
    return plan


def load(path: str | Path) -> Plan:
    """The plan in a file."""
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidPlan(f"{path}: not UTF-8 text (byte {error.start})", rule=RULE) from None
    except OSError as error:
        raise MapperError(f"{path}: cannot be read: {error.strerror or error}") from None
    return from_json(text, str(path))


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        keys = [key for key, _ in pairs]
        raise DataError(f"key '{next(k for k in keys if keys.count(k) > 1)}' stands twice in one object")
    return data


def _refused(constant: str) -> NoReturn:
    raise DataError(f"{constant} is not a finite number")


def _without_schema(raw: Any) -> Any:
    if not isinstance(raw, dict):
        raise DataError(f"expected a plan, found {shown(raw)}")
    if "schema" not in raw:
        raise DataError(f"has no key 'schema'; this mapper reads schema {SCHEMA}")
    version = raw.pop("schema")
    if type(version) is not int or version not in READ:
        known = " and ".join(map(str, READ))
        raise DataError(f"schema {shown(version)} is unknown; this mapper reads {known}", hint="upgrade hetmap")
    return raw


def _every_table(value: Any, change: Callable[[Sequence[Any]], list[Any]], depth: int) -> Any:
    """The value with each table of the outer two levels of objects changed: rows to patterns, or back."""
    if isinstance(value, list) and value:
        return change(value)
    if not isinstance(value, dict) or depth == 2:
        return value
    return {key: at(f".{key}", lambda part: _every_table(part, change, depth + 1), part) for key, part in value.items()}


def _laid_out(value: Any, depth: int) -> str:
    """JSON with a line per key of the outer objects and per element of their tables; what is further in takes one."""
    pad = "\n" + " " * (depth + 1)
    end = "\n" + " " * depth
    if isinstance(value, dict) and value and depth < 2:
        inner = [f"{json.dumps(key)}: {_laid_out(part, depth + 1)}" for key, part in value.items()]
        return "{" + pad + f",{pad}".join(inner) + end + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict | list):
        return "[" + pad + f",{pad}".join(map(line, value)) + end + "]"
    return line(value)


def _write_units(units: tuple[Unit, ...]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    first: dict[str, str] = {}
    for i, unit in enumerate(units):
        row = at(f"[{i}]", _CODECS.of(Unit).write, unit)
        same = first.setdefault(f"{unit.model_name} {row['model']}", unit.name)
        rows.append(row if same == unit.name else {**row, "model": same})
    return rows


def _write_model(model: UnitModel) -> dict[str, Any]:
    figures: dict[str, Any] = model.model_dump(mode="json")
    try:
        if type(model).model_validate(figures) == model:
            json.dumps(figures, allow_nan=False)
            return figures
    except ValueError as error:
        raise DataError(f"{type(model).__name__} cannot be written as JSON: {error}") from error
    raise DataError(f"{type(model).__name__} does not come back from its own figures")


def _read_units(raw: Any) -> tuple[Unit, ...]:
    if not isinstance(raw, list):
        raise DataError(f"expected a list, found {shown(raw)}")
    models: dict[str, UnitModel] = {}
    units: list[Unit] = []
    for i, row in enumerate(raw):
        unit: Unit = at(f"[{i}]", lambda r: _CODECS.of(Unit).read(_with_model(r, models)), row)
        models.setdefault(unit.name, unit.model)
        units.append(unit)
    return tuple(units)


def _with_model(row: Any, models: dict[str, UnitModel]) -> Any:
    """The row with the unit model itself in place of its figures, or of the earlier unit that has the same one."""
    if not isinstance(row, dict) or "model" not in row or not isinstance(row.get("model_name"), str):
        return row
    figures = row["model"]
    if isinstance(figures, str) and figures not in models:
        raise DataError(f"no unit before this one is named '{figures}'", path=".model")
    return {**row, "model": models[figures] if isinstance(figures, str) else _built(row["model_name"], figures)}


def _built(name: str, figures: Any) -> UnitModel:
    try:
        cls = plugins.load("unit_models", name)
    except MapperError as error:
        raise DataError(error.message, hint=error.hint, path=".model_name") from error
    try:
        model: UnitModel = cls.model_validate(figures)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"])
        raise DataError(first["msg"], path=f".model{path}") from None
    return model


def _read_model(model: Any) -> Any:
    if not isinstance(model, UnitModel):
        raise DataError(f"expected the figures of a unit model, found {shown(model)}")
    return model


_CODECS = Codecs({tuple[Unit, ...]: Codec(_write_units, _read_units), UnitModel: Codec(_write_model, _read_model)})
