"""A pass of your own: a placement rule that fits in 20 lines, put into a pipeline and compared with the solver.

To give the pass a name that `mapper compile --pipeline` knows, install it with an entry point in your pyproject.toml:
    [project.entry-points."mapper.passes"]
    place-by-kind = "my_package.my_module:PlaceByKind"
tests/plugin is such a package, whole.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mapper import Compiled, Context, Pass, Pipeline, Plan, compile
from mapper.pipeline.named import pipeline_of
from mapper.solve.placement.problem import Solution
from passes.place.baselines import finish
from passes.place.translate import translate


@dataclass(frozen=True)
class PlaceByKind(Pass):
    """Each cluster on the first of the `wanted` unit models that can run it, equal units taking turns."""

    name = "place-by-kind"
    requires = ("options", "tasks")
    provides = ("placement", "residency", "bounds", "search")
    wanted: str = "cim-analog/gpu/cpu"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        t, choice = translate(plan), []
        turn = {cluster.name: i for i, cluster in enumerate(plan.clusters or ())}
        for task, options in zip(t.tasks, t.meaning, strict=True):
            models = [plan.target.unit[unit].model_name for unit, _ in options]
            model = next(m for m in self.wanted.split("/") if m in models)
            same = [o for o, found in enumerate(models) if found == model and options[o][1].replicas == 1]
            choice.append(same[turn[task.cluster] % len(same)])
        return finish(plan, t, Solution(tuple(choice)), self.name, ctx)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="gpt2")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        build = [sys.executable, Path(__file__).parent / "models" / "build.py"]
        subprocess.run([*build, options.model, "--out", file], check=True)
        solved = compile(file, "superhet", ["prefill: batch=1 seq=32 past=0"])
    steps = Pipeline((PlaceByKind(), *pipeline_of("schedule,memory,judge").passes))
    own = Compiled(steps.run(solved.plan, Context()))
    for found in (own, solved):
        print(f"{found.plan.search.method:16} {found.summary['throughput_per_s']:.4g} requests/s")
