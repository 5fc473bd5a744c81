from __future__ import annotations

from pydantic import Field

from mapper.hw.documented import Documented


class Lane(Documented):
    width: int = 1
    """Multiplications
    at once."""
    depth: int = 2


class Wide(Lane):
    depth: int = 4
    """Stages."""
    inner: Lane = Lane()
    """A lane inside."""
    named: int = Field(default=0, alias="other name")
    """What files call otherwise."""


def test_docstrings_below_fields_describe_them_in_the_json_schema() -> None:
    found = Wide.model_json_schema()
    told = {name: part.get("description") for name, part in found["properties"].items()}
    assert told == {
        "width": "Multiplications\nat once.",
        "depth": "Stages.",
        "inner": "A lane inside.",
        "other name": "What files call otherwise.",
    }
    inner = found["$defs"]["Lane"]["properties"]
    assert inner["width"]["description"] == "Multiplications\nat once."
    assert "description" not in inner["depth"]


def test_a_class_without_source_has_no_descriptions() -> None:
    made = type("Made", (Lane,), {"__annotations__": {"more": int}, "more": 1, "__module__": __name__})
    properties = made.model_json_schema()["properties"]  # type: ignore[attr-defined]
    assert properties["width"]["description"]
    assert "description" not in properties["more"]
