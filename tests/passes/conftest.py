"""What the tests of passes share: chips written by hand into a folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mapper.hw.load import load_target
from mapper.hw.target import Target

CHIP = """\
schema: 1
name: pocket
source: assumed
units: {cpu: {use: units/cpu-cortex-a76-4c}}
memories: {ram: {use: memories/pocket, serves: [cpu]}}
links: {}
"""
MEMORY = """\
schema: 1
name: pocket
capacity_bytes: %d
bandwidth_bytes_per_s: 10e9
energy_pj_per_bit: 4
source: assumed
"""


@pytest.fixture
def pocket(tmp_path: Path) -> Callable[[int], Target]:
    """A chip in YAML with one CPU and a memory of so many bytes."""

    def load(capacity_bytes: int) -> Target:
        for name, text in (("memories/pocket", MEMORY % capacity_bytes), ("chips/pocket", CHIP)):
            path = tmp_path / f"{name}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return load_target(path)

    return load
