"""Puts fitted blocks into the unit files of targets/units, text by text: all other lines stay as people wrote them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

UNITS = Path(__file__).resolve().parents[1] / "targets" / "units"


def flow(constants: Mapping[str, float]) -> str:
    """Constants of three digits as a YAML mapping on one line."""
    return "{" + ", ".join(f"{name}: {value:.3g}" for name, value in constants.items()) + "}"


def replace_block(unit: str, key: str, block: Mapping[str, str], source: str, folder: Path = UNITS) -> None:
    """Writes `key:` with one line for each entry of the block, and where it comes from into `source_of`.

    A file without the key gets it before `energy_pj_per_op`, as all unit files have that.
    """
    lines = f"{key}:\n" + "".join(f"  {name}: {value}\n" for name, value in block.items())
    _replace(unit, key, lines, source, folder)


def replace_line(unit: str, key: str, value: str, source: str, folder: Path = UNITS) -> None:
    """The same for a value on the line of its key."""
    _replace(unit, key, f"{key}: {value}\n", source, folder)


def _replace(unit: str, key: str, lines: str, source: str, folder: Path) -> None:
    path = folder / f"{unit}.yaml"
    text = path.read_text(encoding="utf-8")
    old = re.compile(rf"^{key}:.*\n(?:  .*\n)*", re.MULTILINE)
    if old.search(text):
        text = old.sub(lambda _: lines, text, count=1)
    else:
        text = re.sub(r"^(?=\w*energy_pj)", lambda _: lines, text, count=1, flags=re.MULTILINE)
    said = re.compile(rf"^  {key}: \".*\"\n", re.MULTILINE)
    note = f'  {key}: "{source}"\n'
    text = said.sub(lambda _: note, text, count=1) if said.search(text) else text.rstrip("\n") + "\n" + note
    path.write_text(text, encoding="utf-8")
