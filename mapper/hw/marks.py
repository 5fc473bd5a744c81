"""YAML read as plain data in which every key and value remembers its file, line and column."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from mapper.errors import TargetError

MAX_BYTES = 1 << 20
"""A target file is a page or two; a larger one is a mistake."""

MAX_DEPTH = 32
MAX_DIGITS = 100

_STRANGE = re.compile("[\0\ud800-\udfff]")
"""What YAML can spell and no file system and no encoding takes."""

Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file, 1-based, printed as editors understand it."""

    path: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Document:
    """A mapping read from a file. `values` and `keys` say where each entry stands, by its path from the root."""

    data: dict[str, Any]
    root: Mark
    values: dict[Where, Mark] = field(default_factory=dict)
    keys: dict[Where, Mark] = field(default_factory=dict)

    def value_mark(self, *path: str | int) -> Mark:
        """Where the value stands, or the nearest thing around it."""
        return self._nearest(self.values, path)

    def key_mark(self, *path: str | int) -> Mark:
        """Where the key stands, or the nearest thing around it."""
        return self.keys.get(path) or self._nearest(self.values, path)

    def at(self, *path: str | int) -> Document:
        """The mapping at a path as a document of its own."""
        inner: Any = self.data
        for part in path:
            inner = inner[part]
        n = len(path)
        return Document(
            inner,
            self.key_mark(*path),
            {k[n:]: m for k, m in self.values.items() if k[:n] == path},
            {k[n:]: m for k, m in self.keys.items() if k[:n] == path and len(k) > n},
        )

    def without(self, *names: str) -> Document:
        """The same document less some top-level keys."""
        return Document(
            {k: v for k, v in self.data.items() if k not in names},
            self.root,
            {k: m for k, m in self.values.items() if not k or k[0] not in names},
            {k: m for k, m in self.keys.items() if k[0] not in names},
        )

    def overridden_by(self, other: Document) -> Document:
        """This document with the entries of `other` laid over it: maps merge, everything else is replaced."""
        laid = {k: m for k, m in other.values.items() if k}
        data = _merge(self.data, other.data)
        values, keys = (
            {k: m for k, m in marks.items() if not k or k[0] not in other.data or _leads(data, k)}
            for marks in (self.values, self.keys)
        )
        return Document(data, self.root, {**values, **laid}, {**keys, **other.keys})

    def _nearest(self, marks: Mapping[Where, Mark], path: Where) -> Mark:
        while path:
            if path in marks:
                return marks[path]
            path = path[:-1]
        return marks.get((), self.root)


def _leads(data: Any, path: Where) -> bool:
    """Whether a path still leads somewhere: a list that replaces another may be shorter, or hold other keys."""
    for part in path:
        known = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
        if part not in known:
            return False
        data = data[part]
    return True


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def read(path: Path) -> Document:
    """The document in a YAML 1.2 file: plain data only, no anchors, no tags, keys unique. Not to be changed."""
    return parsed(path, text_of(path))


@lru_cache(maxsize=512)  # chips share their parts: the targets of the library read four texts for each that differs
def parsed(path: Path, text: str) -> Document:
    """The document that the text of a file holds."""
    start = Mark(path, 1, 1)
    try:
        try:
            node = _node(path, text, _QuickLoader)
        except yaml.YAMLError:  # the slow one has the plainer words, and the same ones on every machine
            node = _node(path, text, _Loader)
    except yaml.MarkedYAMLError as problem:
        hint = "put text with a colon in quotes" if "mapping values" in str(problem.problem) else ""
        raise TargetError(
            f"{_yaml_mark(path, problem)}: not valid YAML: {_yaml_words(problem)}", hint=hint
        ) from problem
    except yaml.YAMLError as problem:
        raise TargetError(f"{start}: not valid YAML: {problem}") from problem
    except RecursionError as problem:
        raise TargetError(f"{start}: nested deeper than {MAX_DEPTH} levels") from problem
    if not isinstance(node, yaml.MappingNode):
        raise TargetError(f"{start}: the file is a mapping of keys to values", hint="start with `schema: 1`")
    document = Document({}, _mark(path, node))
    document.data.update(_Reader(path, document).mapping(node, ()))
    return document


def text_of(path: Path) -> str:
    """The text of a file of a target library."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise TargetError(f"{path}: {size} bytes; a target file has at most {MAX_BYTES}")
        return path.read_bytes().decode("utf-8")
    except OSError as problem:
        raise TargetError(f"{path}: cannot be read: {problem.strerror or problem}") from problem
    except UnicodeDecodeError as problem:
        raise TargetError(f"{path}: not UTF-8 text (byte {problem.start})") from problem


def _node(path: Path, text: str, loader: type[_Loader | _QuickLoader]) -> yaml.Node | None:
    _refuse_aliases(path, list(yaml.parse(text, Loader=loader)))
    return yaml.compose(text, Loader=loader)


def _refuse_aliases(path: Path, events: list[Any]) -> None:
    depth = 0
    for event in events:
        if getattr(event, "anchor", None) is not None:
            raise TargetError(
                f"{_mark(path, event)}: anchors and aliases are not read", hint="share a part with `use:`"
            )
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise TargetError(f"{_mark(path, event)}: nested deeper than {MAX_DEPTH} levels")


def _mark(path: Path, thing: Any) -> Mark:
    return Mark(path, thing.start_mark.line + 1, thing.start_mark.column + 1)


def _yaml_mark(path: Path, problem: yaml.MarkedYAMLError) -> Mark:
    mark = problem.problem_mark or problem.context_mark
    return Mark(path, mark.line + 1, mark.column + 1) if mark else Mark(path, 1, 1)


def _yaml_words(problem: yaml.MarkedYAMLError) -> str:
    return ", ".join(part for part in (problem.context, problem.problem) if part)


class _Loader(yaml.SafeLoader):
    """Tokens and nodes as PyYAML makes them; scalars typed by the YAML 1.2 core schema."""


class _QuickLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same by libyaml, ten times as quick, where PyYAML was built with it."""


_SCALARS = {
    "tag:yaml.org,2002:null": (re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    "tag:yaml.org,2002:bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")),
    "tag:yaml.org,2002:int": (re.compile(r"[-+]?[0-9]+"), list("-+0123456789")),
    "tag:yaml.org,2002:float": (
        re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
        list("-+.0123456789"),
    ),
}
for _each in (_Loader, _QuickLoader):
    _each.yaml_implicit_resolvers = {}
    for _tag, (_pattern, _first) in _SCALARS.items():
        _each.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern.pattern})$"), _first)


@dataclass
class _Reader:
    """Turns nodes into data and writes the marks down on the way."""

    path: Path
    document: Document

    def mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        self.document.values[where] = _mark(self.path, node)
        result: dict[str, Any] = {}
        for key, value in self._pairs(node):
            here = (*where, key.value)
            if key.value in result:
                first = self.document.keys[here]
                raise TargetError(f"{_mark(self.path, key)}: '{key.value}' stands twice (first at line {first.line})")
            self.document.keys[here] = _mark(self.path, key)
            result[key.value] = self.value(value, here)
        return result

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise TargetError(f"{_mark(self.path, key)}: a key must be a plain word")
            _text_of(key.value, _mark(self.path, key))
            yield key, value

    def value(self, node: yaml.Node, where: Where) -> Any:
        mark = self.document.values[where] = _mark(self.path, node)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*where, i)) for i, item in enumerate(node.value)]
        return _scalar(node, mark)


def _text_of(text: str, mark: Mark) -> str:
    if strange := _STRANGE.search(text):
        raise TargetError(f"{mark}: {strange[0]!a} is no character of a name or a path")
    return text


def _scalar(node: yaml.Node, mark: Mark) -> str | int | float | bool | None:
    text: str = node.value
    match node.tag.rsplit(":", 1)[-1]:
        case "str":
            return _text_of(text, mark)
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            if len(text) > MAX_DIGITS:
                raise TargetError(f"{mark}: an integer of {len(text)} digits; at most {MAX_DIGITS} are read")
            return int(text)
        case "float":
            number = float(text.replace(".inf", "inf").replace(".nan", "nan").replace(".Inf", "inf"))
            if not math.isfinite(number):
                raise TargetError(f"{mark}: {text} is not a finite number")
            return number
    raise TargetError(f"{mark}: the tag {node.tag} is not read; only plain data is")
