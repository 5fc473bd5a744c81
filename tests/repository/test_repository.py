from __future__ import annotations

import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", LOCK, re.MULTILINE))


def wanted() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    given = [*project["dependencies"], *extras["dev"], *extras["run"]]
    return sorted({re.split(r"[<>=!~;\[ ]", text)[0].lower().replace("_", "-") for text in given})


@pytest.mark.parametrize("name", wanted())
def test_the_lock_pins_every_dependency(name: str) -> None:
    assert name in PINS


def test_the_lock_names_no_index_no_path_and_no_torch() -> None:
    assert not re.search(r"^\s*-|@ |/", LOCK, re.MULTILINE)
    assert "torch" not in PINS


def test_ci_runs_without_a_person_and_stops_at_the_first_error() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize("goal", ["demo", "kernels", "test", "test-slow", "check", "lock", "wheel"])
def test_make_knows_the_goal(goal: str) -> None:
    subprocess.run(["make", "--dry-run", "--silent", goal], cwd=ROOT, check=True, capture_output=True)


def test_every_test_file_has_a_name_of_its_own() -> None:
    """pytest imports test files by their names alone: of two equal ones it would refuse the second."""
    names = sorted(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [a for a, b in pairwise(names) if a == b] == []
