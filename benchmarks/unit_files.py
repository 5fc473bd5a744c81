"""Puts fitted blocks into the unit files of targets/units, text by text: all other lines stay as people wrote them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

UNITS = Path(__file__).resolve().parents[1] / "targets" / "units"


def rounded(value: Any) -> Any:
    """The value with three digits of each constant, at any depth: they are all that a fit tells."""
    if isinstance(value, Mapping):
        return {str(key): rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.3g}") if isinstance(value, float) else value


def flow(value: Any) -> str:
    """A block of constants, rounded, as YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return f"{rounded(value):g}" if isinstance(value, float) else str(value).lower()


def replace_block(unit: str, key: str, block: Mapping[str, str], source: str, folder: Path = UNITS) -> None:
    """Writes `key:` with one line for each entry of the block, and where it comes from into `source_of`.

    A file without the key gets it before its first energy. Raises ValueError where it has none.
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
    place = old.search(text) or re.search(r"^(?=\w*energy_pj)", text, re.MULTILINE)
    if place is None:
        raise ValueError(f"{path.name}: neither `{key}:` nor an energy, before which it belongs")
    path.write_text(_noted(text[: place.start()] + lines + text[place.end() :], key, source), encoding="utf-8")


def replace_source(unit: str, key: str, source: str, folder: Path = UNITS) -> None:
    """Writes where a figure comes from, by its dotted key, and nothing else."""
    path = folder / f"{unit}.yaml"
    path.write_text(_noted(path.read_text(encoding="utf-8"), key, source), encoding="utf-8")


def _noted(text: str, key: str, source: str) -> str:
    """The text with this line in its block `source_of`: in place of the old one, else last."""
    note = f'  {key}: "{source}"\n'
    said = re.compile(rf"^  {re.escape(key)}: \".*\"\n", re.MULTILINE)
    if said.search(text):
        return said.sub(lambda _: note, text, count=1)
    block = re.search(r"^source_of:\n(?:  .*\n)*", text, re.MULTILINE)
    return text[: block.end()] + note + text[block.end() :] if block else f"{text.rstrip()}\nsource_of:\n{note}"
