"""How tests of refusals build a model and ask for the message."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx_graphs import model, save

from mapper.errors import ModelError
from mapper.frontend import load_model, parse_phase


def refused(path: Path, *phases: str, **dims: int) -> str:
    """The message with which the front end refuses the file."""
    with pytest.raises(ModelError) as caught:
        load_model(path, [parse_phase(p) for p in phases], dims)
    return str(caught.value)


def built(folder: Path, *args: object, **kwargs: object) -> Path:
    """The path of a model in the folder; the arguments are those of `model`."""
    return save(folder, model(*args, **kwargs))  # type: ignore[arg-type]
