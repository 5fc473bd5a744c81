"""Versions of mapper and of what its results rest on."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
from functools import cache
from pathlib import Path


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    return dict(_versions())


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    names = ("hetmap", "onnx", "ortools", "numpy")
    found = ((name, importlib.metadata.version(name)) for name in names)
    return (("python", platform.python_version()), *found)


@cache
def compiled_by() -> str:
    """What compiles the kernels of searches and costs, and what walks their graphs: results may move with them, too."""
    return " ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numba", "llvmlite", "networkx"))


@cache
def machine() -> str:
    """The machine that this runs on, as far as seconds depend on it: system, processor, and the cores it may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{platform.system()} {platform.machine()}, {_processor()}, {cores} cores"


def _processor() -> str:
    try:
        rows = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        rows = []
    named = (row.partition(":")[2].strip() for row in rows if row.startswith("model name"))
    return next(named, "") or platform.processor() or "a processor"


PACKAGES = ("mapper", "passes", "targets")


@cache
def code(without: tuple[str, ...] = ()) -> str:
    """sha256 of all sources and data of the installed packages, without those in some folders ("mapper/cli"): between
    two releases the code changes and its version does not. Packages that others install are told by their versions."""
    found = hashlib.sha256()
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for root in spec.submodule_search_locations or () if spec else ():
            for path in sorted(p for p in Path(root).rglob("*") if p.suffix in (".py", ".yaml") and p.is_file()):
                name = f"{package}/{path.relative_to(root).as_posix()}"
                if name.startswith(without):
                    continue
                found.update(f"{name}\0".encode())
                found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
