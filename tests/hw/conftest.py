"""A folder of tiny parts in which tests write chips."""

from __future__ import annotations

from pathlib import Path

import pytest
from target_builders import PARTS, Load, Write

from mapper.hw.load import load_target
from mapper.hw.target import Target


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files into a folder of tiny parts; returns the path of the last one."""

    def put(**files: str) -> Path:
        path = tmp_path
        for name, text in {**PARTS, **{k.replace("__", "/"): v for k, v in files.items()}}.items():
            path = tmp_path / f"{name}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return path

    return put


@pytest.fixture
def load(write: Write) -> Load:
    """Loads a chip called `toy` from the lines under its header."""

    def loaded(body: str, **files: str) -> Target:
        return load_target(write(**files, chips__toy="schema: 1\nname: toy\nsource: assumed\n" + body))

    return loaded
