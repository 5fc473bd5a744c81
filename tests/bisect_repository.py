"""A git repository whose commits each hold a small program by the name of mapper: it answers what the commit says."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

PROGRAM = """
import json, pathlib, sys
out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
def gives(throughput):
    out.mkdir()
    (out / "plan.json").write_text("{}")
    (out / "summary.json").write_text(json.dumps({"value": throughput, "throughput_per_s": throughput}))
"""
PROJECT = '[project]\nname = "hetmap"\nversion = "0.1.0"\n'
SUITE = 'schema: 1\nname: small\nmodels: {m: {file: m.onnx}}\ncases: [{model: m, target: edge-npu, name: "it"}]\n'


def git(root: Path, *words: str, given: str = "") -> str:
    done = subprocess.run(["git", "-C", str(root), *words], input=given, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def repository(root: Path, programs: Sequence[str]) -> Path:
    """Commits 0, 1, ... on branch main, each tagged c0, c1, ...; what each program does stands in Python."""
    git(root.parent, "init", "--quiet", "--initial-branch=main", str(root))
    lines = []
    for k, program in enumerate(programs):
        lines += ["commit refs/heads/main", f"mark :{k + 1}", f"committer Ann <ann@x> {1700000000 + k} +0000",
                  "data <<END", f"commit {k}", "END", *([f"from :{k}"] if k else [])]  # fmt: skip
        files = {"mapper/__main__.py": f"{PROGRAM}{program}", "pyproject.toml": PROJECT, "notes": str(k)}
        for name, text in files.items():
            lines += [f"M 100644 inline {name}", "data <<END", text, "END"]
        lines += ["", f"reset refs/tags/c{k}", f"from :{k + 1}", ""]
    git(root, "fast-import", "--quiet", given="\n".join(lines) + "\n")
    git(root, "reset", "--quiet", "--hard", "main")
    return root
