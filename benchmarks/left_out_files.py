"""Writes targets of devices by constants that were fitted on all other devices: benchmarks/left_out/<target>.yaml.

Each is the shipped target with blocks of its GPU replaced. Every fit script of benchmarks writes the blocks it fits, by
`write`, and leaves those that others wrote before; benchmarks/fidelity.py prices devices "never fitted" on them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.unit_files import rounded
from mapper.hw.library import find_target
from mapper.hw.load import load_target
from targets.models.blocks import Block
from targets.models.gpu import Gpu

FOLDER = Path(__file__).resolve().parent / "left_out"
"""Where the files are."""

HEAD = "# Written by the fit scripts of benchmarks through left_out_files.py: no constant here has seen this device.\n"

WIDTH = 10_000
"""A block of constants stays on one line, as in the unit files."""

GPU_MODEL = "gpu"


def write(target: str, blocks: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Replaces blocks (fields of the unit model, such as `products`) of the target's GPU in the file of that device.

    All else is the shipped target's. Returns the path. Raises TargetError where a block is not the unit model's.
    """
    path = folder / f"{target}.yaml"
    shipped: dict[str, Any] = yaml.safe_load(find_target(target).read_text(encoding="utf-8"))
    name = gpu_of(target)
    before = _blocks(path, name, shipped)
    replaced = {key: rounded(_whole(key, block)) for key, block in {**before, **blocks}.items()}
    entry = {**shipped["units"][name], **dict(sorted(replaced.items()))}
    whole = {**shipped, "units": {**shipped["units"], name: entry}}
    whole["about"] = f"{shipped.get('about', target)} By constants of all other devices."
    text = HEAD + yaml.safe_dump(whole, sort_keys=False, default_flow_style=None, width=WIDTH, allow_unicode=True)
    with tempfile.TemporaryDirectory() as trial:  # a file that does not load never reaches the folder
        load_target(_written(Path(trial) / path.name, text))
    return _written(path, text)


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def gpu_of(target: str) -> str:
    """The name of the target's one GPU. Raises ValueError where it has none, or it stands in a chip of its own file."""
    names = [unit.name for unit in load_target(target).units if unit.model_name == GPU_MODEL]
    if len(names) != 1 or "." in names[0]:
        raise ValueError(f"{target}: one GPU among its own units is left out; it has {names}")
    return names[0]


def _blocks(path: Path, unit: str, shipped: Mapping[str, Any]) -> dict[str, Any]:
    """The blocks that an earlier script wrote: what the file's GPU has beside the keys of the shipped one."""
    if not path.is_file():
        return {}
    entry: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["units"][unit]
    return {key: value for key, value in entry.items() if key not in shipped["units"][unit]}


def _whole(key: str, block: Any) -> Any:
    """The block with the defaults of what it leaves out: of maps, the shipped file's own figures would show through."""
    kind = Gpu.model_fields[key].annotation if key in Gpu.model_fields else None
    if not (isinstance(kind, type) and issubclass(kind, Block)):
        return block  # the target tells what is wrong with it
    return kind.model_validate(block).model_dump(mode="json")
