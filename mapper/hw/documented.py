"""Formats whose fields are described by the docstrings below them, read only when a JSON Schema is asked for.

pydantic's own `use_attribute_docstrings` parses the source of each class when it is imported: a third of the time in
which a command that reads a plan starts.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from textwrap import dedent
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic_core import CoreSchema


class Documented(BaseModel):
    """A format of files in which the docstring below a field is its description."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> dict[str, Any]:
        found = handler(core_schema)
        properties = handler.resolve_ref_schema(found).get("properties", {})
        for name, text in _descriptions(cls):
            field = cls.model_fields[name]
            known = properties.get(field.alias or name)
            if known is not None:
                known.setdefault("description", text)
        return found


def _descriptions(cls: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Fields with their docstrings, each from the class that defines it last."""
    left = set(cls.model_fields)
    for one in cls.__mro__:
        own = left & set(inspect.get_annotations(one))
        if own and issubclass(one, Documented):
            docstrings = _docstrings(one)
            yield from ((name, docstrings[name]) for name in cls.model_fields if name in own and name in docstrings)
        left -= own


def _docstrings(cls: type) -> dict[str, str]:
    """The strings that stand right below the attributes of a class; none where its source is not to be had."""
    try:
        (tree,) = ast.parse(dedent(inspect.getsource(cls))).body
    except (OSError, TypeError):
        return {}
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for line, below in pairwise(tree.body):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and isinstance(below, ast.Expr):
            text = below.value.value if isinstance(below.value, ast.Constant) else None
            if isinstance(text, str):
                found[line.target.id] = inspect.cleandoc(text)
    return found
