"""The shell of every page: one HTML file that holds its data, its scripts and its charts, and asks for nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import isfinite
from typing import Any

from mapper.errors import plain

_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Section:
    """A part of a page: what stands over it, its data (JSON), and the script of assets/sections that draws it.

    name: the anchor in the page. lead: a sentence under the title. script: the file's name, the section's own unless
    several share one. needs: scripts of assets that come before it.
    """

    name: str
    title: str
    data: Any
    lead: str = ""
    script: str = ""
    needs: tuple[str, ...] = ()

    @property
    def drawn_by(self) -> str:
        """The name of its script."""
        return self.script or self.name


def page(title: str, sections: Sequence[Section], subtitle: str = "") -> str:
    """The page as the text of one HTML file; equal sections give equal bytes.

    Whatever names are in the data reach the page as text: data is JSON in a block of its own, scripts write it by
    `textContent`, and the policy in the head forbids every script but these and every request.
    """
    for section in sections:
        assert _NAME.fullmatch(section.name), section.name
    data = {
        "title": plain(title),
        "subtitle": micro(plain(subtitle)),
        "sections": [
            {"name": s.name, "title": s.title, "lead": s.lead, "script": s.drawn_by, "data": s.data} for s in sections
        ],
    }
    needed = dict.fromkeys(f"{name}.js" for s in sections for name in s.needs)
    drawing = dict.fromkeys(f"sections/{s.drawn_by}.js" for s in sections)
    scripts = [_asset(name) for name in (*_SHARED, *needed, *drawing)]
    scripts.append("mapper.start();")
    blocks = "\n".join(f"<script>{text}</script>" for text in scripts)
    return _HTML.format(
        policy="; ".join([*_POLICY, "script-src " + " ".join(map(_hash, scripts))]),
        title=html.escape(plain(title)),
        style=_asset("page.css"),
        data=as_block(data),
        scripts=blocks,
    )


_MICRO = re.compile(r"(?<=\d )u(?=(s|J|W)(?![\w-]))")


def micro(text: str) -> str:
    """Words with the prefix of millionths as the scripts of a page write it; terminals may lack the letter."""
    return _MICRO.sub("µ", text)


def seen(value: Any) -> Any:
    """A number with the digits that can be seen; anything else as it is."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def as_block(data: Any) -> str:
    """JSON that can stand inside a script element: nothing in it ends the element or begins a comment. Numbers that
    are not finite, for which JSON has no spelling, are null. Characters that steer how text is read, such as line
    ends and marks of its direction, are spelled out."""
    try:
        text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    except ValueError:  # so that only data with such a number is walked through
        text = json.dumps(_finite(data), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    text = _ESCAPE.sub(_spelled, text)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u([0-9a-f]{4})|([bfnrt]))")


def _spelled(found: re.Match[str]) -> str:
    """An escape of JSON as it is where it stands for what can be printed (or half of it), else as text."""
    if found[3]:
        return f"{found[1]}\\\\{found[3]}"
    character = chr(int(found[2], 16))
    shown = character.isprintable() or 0xD800 <= ord(character) < 0xE000
    return found[0] if shown else f"{found[1]}\\\\u{found[2]}"


def _finite(data: Any) -> Any:
    if isinstance(data, float):
        return data if isfinite(data) else None
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    return [_finite(value) for value in data] if isinstance(data, list | tuple) else data


@cache
def _asset(name: str) -> str:
    """The text of a packaged file; a script must not hold what would end its element."""
    text = resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")
    assert "</script" not in text.lower(), name
    return text


@cache
def _hash(script: str) -> str:
    """A script as the Content-Security-Policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


_SHARED = ("echarts.min.js", "core.js", "table.js")
"""Scripts of every page, in this order."""

_POLICY = (
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    "img-src data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
)
"""What a page may do besides running its own scripts: style itself, and show images that it made."""

_HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<noscript>This page draws itself: it needs JavaScript, and nothing from any network.</noscript>
<script type="application/json" id="data">{data}</script>
{scripts}
</body>
</html>
"""
