"""Folders that look as if pip had installed packages into them, and a Python that sees them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the plug-in, from a copy so that nothing is left in the checkout."""
    source, site = tmp_path_factory.mktemp("source") / "plugin", tmp_path_factory.mktemp("site")
    shutil.copytree(
        HERE, source, ignore=shutil.ignore_patterns("test_*", "conftest.py", "plugin_sites.py", "__pycache__")
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--target", str(site), str(source)], check=True)
    return site


def python(code: str, folder: Path, *sites: Path) -> subprocess.CompletedProcess[str]:
    """A fresh Python that sees the installed folders and runs in `folder`."""
    path = os.pathsep.join(map(str, [*sites, ROOT]))
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={**os.environ, "PYTHONPATH": path}, text=True, capture_output=True
    )


def distribution(site: Path, name: str, entries: str) -> Path:
    """A folder that looks as if pip had installed a distribution with these entry points."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(entries, encoding="utf-8")
    return site
