"""Finds target files by name: in the folders that packages offer, and beside the file that refers to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from mapper.errors import TargetError, did_you_mean
from mapper.hw import plugins
from mapper.hw.marks import Mark

PARTS = ("units", "memories", "links")
WHOLES = ("chips", "systems")

SHORTEST = 2
"""Letters of a word that names are searched for."""

MOST_LIKE = 5
"""Names that a message proposes at most."""


def folders() -> tuple[tuple[str, Path], ...]:
    """Every registered target folder with the name of its entry point."""
    found = []
    for name in plugins.names("targets"):
        offered = plugins.load("targets", name)
        folder = Path(offered() if callable(offered) else offered)
        if not folder.is_dir():
            raise TargetError(f"target library '{name}' offers {folder}, which is no folder")
        found.append((name, folder))
    return tuple(found)


def target_names() -> tuple[str, ...]:
    """Every chip and system that can be loaded by name, sorted."""
    return tuple(sorted({path.stem for _, folder in folders() for path in _wholes(folder)}))


def find_target(name_or_path: str | Path) -> Path:
    """The file of a target: a path as it is, a name looked up among the chips and systems of all folders."""
    text = str(name_or_path)
    path = Path(name_or_path)
    if isinstance(name_or_path, Path) or path.suffix in (".yaml", ".yml") or "/" in text or "\\" in text:
        if path.is_dir():
            raise TargetError(f"{text} is a folder, no target file", hint=_files_in(path))
        if not path.is_file():
            raise TargetError(f"there is no target file {text}", hint=_near_path(path))
        return path
    file = f"{text}.yaml"
    found = [
        (owner, folder / kind / file)
        for owner, folder in folders()
        for kind in WHOLES
        if file in _names_in(folder / kind)
    ]
    if not found:
        near = _like(text) or did_you_mean(text, target_names())
        raise TargetError(
            f"there is no target named '{text}'",
            hint=near + ("" if near.endswith("?") else " (`mapper targets`).") + " Or give the path of a .yaml file.",
        )
    if len(found) > 1:
        raise TargetError(
            f"the target '{text}' has {len(found)} owners: " + " and ".join(f"{o} ({p})" for o, p in found),
            hint="load one of them by its path, or rename one",
        )
    return found[0][1]


def find_use(reference: str, mark: Mark, expected: tuple[str, ...]) -> Path:
    """The file behind a `use:`, looked for beside the file that uses it first, then in every registered folder."""
    kind, _, name = reference.partition("/")
    if kind not in expected or not name or "/" in name or name.startswith("."):
        raise TargetError(
            f"{mark}: '{reference}' is no {expected[0]} reference", hint=f"write use: {expected[0]}/<name>"
        )
    own = _own_tree(mark.path)
    for folder in own:
        if (folder / kind / f"{name}.yaml").is_file():
            return folder / kind / f"{name}.yaml"
    found = [(owner, f / kind / f"{name}.yaml") for owner, f in folders() if (f / kind / f"{name}.yaml").is_file()]
    if len(found) > 1:
        owners = " and ".join(f"{owner} ({path})" for owner, path in found)
        raise TargetError(f"{mark}: '{reference}' has {len(found)} owners: {owners}")
    if not found:
        roots = [*own, *(folder for _, folder in folders())]
        known = {f"{kind}/{p.stem}" for root in roots for p in (root / kind).glob("*.yaml")}
        raise TargetError(f"{mark}: there is no file for '{reference}'", hint=did_you_mean(reference, known))
    return found[0][1]


def _own_tree(path: Path) -> list[Path]:
    """Where parts of a file may stand: its own folder, and the one above for a file in chips/, systems/ and so on."""
    here = path.resolve().parent
    return [here, here.parent] if here.name in (*PARTS, *WHOLES) else [here]


def beside(path: Path) -> list[Path]:
    """The folders of parts that a target file may use besides those that packages offer."""
    found = (folder / kind for folder in _own_tree(path) for kind in (*PARTS, *WHOLES))
    return [folder for folder in found if folder.is_dir()]


def _wholes(folder: Path) -> Iterator[Path]:
    for kind in WHOLES:
        yield from (folder / kind / name for name in sorted(_names_in(folder / kind)))


def _names_in(folder: Path) -> list[str]:
    """The names of the YAML files in a folder, in any order; none where there is no such folder."""
    return [name for name in os.listdir(folder) if name.endswith(".yaml")] if folder.is_dir() else []


def _like(word: str) -> str:
    """A clause with the targets whose name holds a word, as 'wtm8' is of wtm-8, or whose maker it is, by what their
    files say of them; '' where there are none."""
    spelt = _letters(word)
    if len(spelt) < SHORTEST:
        return ""
    paths = {path.stem: path for _, folder in folders() for path in _wholes(folder)}
    held = [name for name in paths if spelt in _letters(name)]
    begun = [name for name in paths if held and spelt.startswith(_letters(name))]
    found = held + begun or [name for name, path in paths.items() if spelt in _letters(_about(path))]
    found.sort(key=lambda name: (name not in begun, not _letters(name).startswith(spelt), len(name), name))
    more = len(found) - MOST_LIKE
    names = " or ".join(f"'{name}'" for name in found[:MOST_LIKE])
    return f"did you mean {names}{f' (or {more} more like it)' if more > 0 else ''}?" if found else ""


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _about(path: Path) -> str:
    """The line that says what a target is; the file may be wrong in any other way."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.partition(":")[2] for line in lines if line.startswith("about:")), "")


def _near_path(path: Path) -> str:
    return did_you_mean(path.name, (p.name for p in path.parent.glob("*.y*ml")), otherwise="files in that folder")


def _files_in(folder: Path) -> str:
    names = sorted(p.name for p in folder.glob("*.y*ml"))
    return f"name one of its files, such as {folder / names[0]}" if names else "it holds no .yaml files"
