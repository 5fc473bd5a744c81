"""The JSON Schema of target files, for editors and checkers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from mapper.hw import plugins
from mapper.hw.schema import LinkFile, MemoryFile, TargetFile, UnitFile


def unit_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of unit files of one model: the header and the model's own fields."""
    head, body = UnitFile.model_json_schema(), model.model_json_schema()
    return {
        **body,
        "properties": {**head["properties"], **body["properties"]},
        "required": [*head["required"], *body.get("required", ())],
        "additionalProperties": False,
    }


def json_schema() -> dict[str, Any]:
    """One JSON Schema for editors: a file is a target, a memory, a link, or a unit of any registered model."""
    formats: dict[str, type[BaseModel]] = {"target": TargetFile, "memory": MemoryFile, "link": LinkFile}
    schemas = {name: model.model_json_schema() for name, model in formats.items()}
    for name in plugins.names("unit_models"):
        schema = unit_schema(plugins.load("unit_models", name))
        schema["properties"]["model"] = {"const": name}
        schemas[f"unit:{name}"] = schema
    definitions: dict[str, Any] = {}
    for name, schema in schemas.items():
        inner = schema.pop("$defs", {})
        prefix = f"#/$defs/{name}."
        definitions |= {f"{name}.{key}": _renamed(value, prefix) for key, value in inner.items()}
        definitions[name] = _renamed(schema, prefix)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mapper target file",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in schemas],
        "$defs": definitions,
    }


def _renamed(schema: Any, prefix: str) -> Any:
    """The schema with its local references led to the definitions of its own file format."""
    if isinstance(schema, dict):
        return {
            k: prefix + v.removeprefix("#/$defs/") if k == "$ref" else _renamed(v, prefix) for k, v in schema.items()
        }
    return [_renamed(item, prefix) for item in schema] if isinstance(schema, list) else schema
