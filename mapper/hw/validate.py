"""Checks a document against a format and words every complaint with its place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mapper.errors import TargetError, did_you_mean
from mapper.hw.marks import Document

Format = TypeVar("Format", bound=BaseModel)

_UNITS = re.compile(
    r"(?:_(?:per|[kmgt]?i?b(?:ps|it)?|bits?|bytes?|[munp]?s|sec|seconds|[kmg]?hz|[munpf]?j|[mk]?w|t?flops))+$"
)
_PREFIX = {"k": "e3", "K": "e3", "m": "e-3", "u": "e-6", "n": "e-9", "p": "e-12", "M": "e6", "G": "e9", "T": "e12"}
_QUANTITY = re.compile(
    r"\s*([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*([kKmunpMGT]?)(i?)([A-Za-z]*(?:\s*/\s*\w+)?)\s*"
)


def validate(format_: type[Format], document: Document, what: str, beside: Iterable[str] = ()) -> Format:
    """The document as an instance of the format; else a TargetError that lists every complaint.

    `beside` are further keys that may stand at the top, for advice on misspelt ones.
    """
    complaints = list(_negative(document))
    try:
        made = format_.model_validate(document.data)
    except ValidationError as problem:
        errors = [_worded(format_, document, dict(e), frozenset(beside)) for e in problem.errors(include_url=False)]
        told = {error.partition(": ")[0] for error in errors}
        complaints = [*errors, *(c for c in complaints if c.partition(": ")[0] not in told)]
        raise _error(complaints, what) from problem
    if complaints:
        raise _error(complaints, what)
    return made


def _error(complaints: list[str], what: str) -> TargetError:
    return TargetError(f"{complaints[0]} (in {what})", details=complaints[1:])


def _worded(format_: type[BaseModel], document: Document, error: dict[str, Any], beside: Set[str]) -> str:
    where = _real_path(document.data, error["loc"])
    key = str(error["loc"][-1]) if error["loc"] else ""
    match error["type"]:
        case "extra_forbidden":
            known = _known(format_, where[:-1]) | (beside if len(where) == 1 else set())
            return f"{document.key_mark(*where)}: unknown key '{key}'; {_nearest(key, known)}"
        case "missing":
            return f"{document.key_mark(*where)}: missing key '{key}'"
    words = str(error["msg"]).removeprefix("Value error, ")
    subject = f"'{'.'.join(map(str, where))}': " if where else ""
    shown = "" if isinstance(error["input"], dict | list) or not where else f" (found: {_show(error['input'])})"
    advice = _as_number(error["input"]) if "pars" in error["type"] or error["type"].endswith("_type") else ""
    return f"{document.value_mark(*where)}: {subject}{words[:1].lower()}{words[1:]}{shown}{advice}"


def _show(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _as_number(value: object) -> str:
    """Advice for a quantity written with its unit: the plain number to write."""
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if not found or not found[2] + found[4]:
        return ""
    number, prefix, binary, unit = found.groups()
    if binary and prefix in ("K", "k", "M", "G", "T"):
        return f"; write {float(number) * 1024 ** ('KMGT'.index(prefix.upper()) + 1):.0f}"
    if not unit and prefix in ("m",):  # "5 m" is a length, not milli
        return f"; write the plain number {number}"
    if float(number) == int(float(number)) and "e" not in number.lower():
        number = str(int(float(number)))
    return f"; write {number}{_PREFIX.get(prefix, '')}"


def _real_path(data: Any, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The part of pydantic's location that exists in the data (it also names unions and validators)."""
    path: list[str | int] = []
    for part in loc:
        if isinstance(data, dict) and part in data:
            data = data[str(part)]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            continue
        path.append(part)
    return tuple(path)


def _known(format_: type[BaseModel], where: tuple[str | int, ...]) -> set[str]:
    """The keys that the format knows at a path."""
    root = format_.model_json_schema()
    nodes = [root]
    for part in where:
        nodes = [child for node in nodes for child in _children(root, node, part)]
    return {key for node in nodes for real in _resolved(root, node) for key in real.get("properties", ())}


def _children(root: dict[str, Any], node: dict[str, Any], part: str | int) -> Iterator[dict[str, Any]]:
    for real in _resolved(root, node):
        if part in real.get("properties", {}):
            yield real["properties"][part]
        elif isinstance(part, int) and isinstance(real.get("items"), dict):
            yield real["items"]
        elif isinstance(real.get("additionalProperties"), dict):
            yield real["additionalProperties"]
        else:
            yield from real.get("patternProperties", {}).values()


def _resolved(root: dict[str, Any], node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in node:
        node = root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    yield node
    for option in node.get("anyOf", ()):
        yield from _resolved(root, option)


def _stem(key: str) -> str:
    """The key less the unit at its end: bandwidth_gb_per_s -> bandwidth."""
    return _UNITS.sub("", key.lower())


def _nearest(key: str, known: Set[str]) -> str:
    twins = sorted(k for k in known if _stem(k) == _stem(key))
    if twins:
        say = "units stand in key names" if _stem(key) == key.lower() else "this figure has another unit here"
        return f"{say}: write '{twins[0]}'"
    return did_you_mean(key, known, otherwise="known keys")


def _negative(document: Document) -> Iterator[str]:
    """Complaints about negative sizes, rates, times and energies (told by the unit in the key)."""
    for where in document.values:
        value: Any = document.data
        for part in where:
            value = value[part]
        keys = [str(part) for part in where]
        if isinstance(value, int | float) and value < 0 and any(_stem(k) != k for k in keys):
            yield f"{document.value_mark(*where)}: '{'.'.join(keys)}' is negative ({value})"
