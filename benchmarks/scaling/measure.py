"""Compiles a case and measures it: in this process, or in one of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.scaling.cases import Case

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks" / "scale.py"
SAMPLES = ROOT / "samples" / "models" / "build.py"

LIMIT_S, TIMES_THE_BAR = 600.0, 5.0
"""Seconds after which a case is given up: so many times its bar, with the baselines' time on top."""


def measured(case: Case, file: Path) -> dict[str, Any]:
    """Seconds, memory and figures of a case compiled in this process, then the baselines' values.

    value, bound and gap are those of the summary. cost, and `rivals` by pipeline: the judge's value, smaller is better;
    None where a pipeline finds no plan. `unfit` says why none fits.
    """
    import mapper
    from benchmarks.frontend import peak_mb
    from mapper.errors import Infeasible

    began = time.perf_counter()
    try:
        made = mapper.compile(file, case.target, case.phases, objective=case.objective, effort=case.effort)
    except Infeasible as error:
        return {"unfit": f"does not fit: {error.message}", "rivals": _rivals(case, file)}
    seconds, summary = time.perf_counter() - began, made.summary
    return {
        "ops": summary["ops"]["total"],
        "clusters": len(made.plan.clusters or ()),
        "import_s": summary["seconds"]["import"],
        "compile_s": seconds - summary["seconds"]["import"],
        "peak_mb": peak_mb(),
        "value": summary["value"],
        "bound": summary["bound"],
        "gap": summary["gap"],
        "cost": made.verdict.value(made.plan.objective),
        "rivals": _rivals(case, file),
    }


def _rivals(case: Case, file: Path) -> dict[str, float | None]:
    import mapper
    from mapper.errors import Infeasible

    found: dict[str, float | None] = {}
    for name in case.against:
        try:
            made = mapper.compile(
                file, case.target, case.phases, objective=case.objective, effort="quick", pipeline=name
            )
            found[name] = made.verdict.value(made.plan.objective)
        except Infeasible:
            found[name] = None
    return found


def apart(case: Case) -> dict[str, Any]:
    """The measures of a case in a process of its own; {"error": why} when that fails or takes far too long."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(case.file or Path(folder) / f"{case.model}.onnx")
        if not case.file:
            build = [sys.executable, str(SAMPLES), case.model, "--out", str(file)]
            build += ["--layers", str(case.layers)] if case.layers else []
            subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        limit = max(LIMIT_S, TIMES_THE_BAR * (case.most_seconds or 0.0))
        command = [sys.executable, str(SCRIPT), "--one", case.text(), "--file", str(file)]
        try:
            done = subprocess.run(command, text=True, capture_output=True, timeout=limit)
        except subprocess.TimeoutExpired:
            return {"error": f"not done after {limit:.0f} s"}
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if re.match(r"[\w.]+: ", line)]
        return {"error": f"failed: {lines[-1] if lines else f'exit code {done.returncode}'}"}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
