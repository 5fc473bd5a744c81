"""The solver against annealing as SET and Gemini do it, a genetic search, HEFT and greedy: same space, judge and time.

python benchmarks/quality.py                                     every case
python benchmarks/quality.py --model gpt2 --target superhet      some of them (options may be repeated)
python benchmarks/quality.py --effort quick --seconds 5          other times: the rivals' is the solver's unless given

The space is the placement problem of one plan: its clusters, options, transfers and memories. The solver is the pass
`place-cpsat`; each rival (benchmarks/rivals) searches for as long as that took, and its best few placements are then
scheduled and judged like the solver's, which costs it no time. A cell is how much worse the rival's plan is. Exit code
1 when one is better.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import mapper
from benchmarks.rivals.gemini import gemini
from benchmarks.rivals.genetic import genetic
from benchmarks.rivals.lists import greedy, heft
from benchmarks.rivals.race import Rival
from benchmarks.rivals.set_tree import set_tree
from benchmarks.rivals.space import Space
from mapper.cost.judge import judge
from mapper.errors import Infeasible
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Effort
from mapper.solve.placement import problem as pb
from passes.memory.memory import Memory, NoRoom
from passes.pipelines import PREPARE
from passes.place.mending.relieve import SHARES, relieved, widen_back
from passes.place.solver import PlaceCpSat
from passes.place.translate import Translation, translate
from passes.schedule.schedule import Schedule
from samples.models.build import MODELS

RIVALS: dict[str, Rival] = {
    "SET": set_tree, "Gemini": gemini, "genetic": genetic, "HEFT": heft, "greedy": greedy,
}  # fmt: skip
TARGETS = ("superhet", "edge-npu", "rram-cim", "a100-80", "dgx-a100")
OBJECTIVES = ("throughput", "latency", "energy")
BOTH = ("prefill: batch=1 seq=128 past=0", "decode: batch=1 seq=1 past=128..159")
CASES = {
    "encoder-block": ("bert-base", 1, ("run: batch=1 seq=128",)),
    "bert-base": ("bert-base", None, ("run: batch=1 seq=128",)),
    "gpt2": ("gpt2", None, BOTH),
    "vit": ("vit", None, ("run: batch=1",)),
    "mixtral-tiny": ("mixtral-tiny", None, ("prefill: batch=1 seq=16 past=0", "decode: batch=1 seq=1 past=16..31")),
}
"""By name a sample model, its number of layers (None: its own), and its phases."""

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Outcome:
    """The judged values of one case, smaller is better; None where a rival found no plan that fits."""

    ours: float
    gap: float
    seconds: float
    rivals: dict[str, float | None]

    def worse(self, name: str) -> float | None:
        """By what part of the solver's value a rival is worse; below 0 where it is better."""
        value = self.rivals[name]
        return None if value is None else value / self.ours - 1

    def beaten_by(self) -> list[str]:
        """The rivals that are better, and by how much."""
        worse = {name: self.worse(name) for name in self.rivals}
        return [f"{name} by {-w:.2%}" for name, w in worse.items() if w is not None and w < -TOLERANCE]

    def cells(self) -> str:
        """The row's figures."""
        found = [f"{self.ours:11.4g} {self.gap:7.2%} {self.seconds:6.1f}"]
        for name in self.rivals:
            worse = self.worse(name)
            found.append(f"{'no fit' if worse is None else f'{worse:+.2%}':>9}")
        return " ".join(found)


def space_of(t: Translation) -> Space:
    """The rivals' space: items of one cluster are a layer, units are those of the target."""
    items = t.problem.items
    clusters = [t.tasks[i].cluster if i < len(t.tasks) else item.name for i, item in enumerate(items)]
    units = [
        [unit for unit, _ in t.meaning[i]] if i < len(t.meaning) else ["nowhere"] * len(item.options)
        for i, item in enumerate(items)
    ]
    return Space.of(t.problem, clusters, units)


def judged(plan: Plan, ctx: Context) -> float:
    """The judge's value of a placed plan after the passes that all plans go through."""
    return judge(Memory().run(Schedule().run(plan, ctx), ctx)).value(plan.objective)


def compared(file: Path, target: str, phases: tuple[str, ...], objective: str, effort: str, most: float) -> Outcome:
    """The solver and all rivals on one case; `most` seconds for each rival, or 0 for as long as the solver took."""
    plan = mapper.compile(file, target, phases, objective=objective, pipeline=PREPARE).plan
    ctx = Context(effort=Effort(effort))
    began = time.monotonic()
    placed = PlaceCpSat().run(plan, ctx)
    seconds = time.monotonic() - began
    ours = judged(placed, ctx)
    bound = next(b.value for b in placed.bounds or ())
    t = translate(plan)
    rivals = {name: _best(plan, t, rival, most or seconds, ctx) for name, rival in RIVALS.items()}
    return Outcome(ours, (ours - bound) / ours if ours else 0.0, seconds, rivals)


def _best(plan: Plan, t: Translation, rival: Rival, seconds: float, ctx: Context) -> float | None:
    """The best judged value of a rival. Where no plan's buffers fit, it gets what the solver has for that, and its time
    again: the problem without options that crowd the memories that overflow (passes/place/mending/relieve)."""
    value, crowded = _searched(plan, t, t, rival, seconds, ctx)
    memories = set(crowded)
    for share in SHARES:
        if value is not None or not memories:
            break
        value, crowded = _searched(plan, t, relieved(plan, t, memories, share), rival, seconds, ctx)
        memories.update(crowded)
    return value


def _searched(
    plan: Plan, t: Translation, within: Translation, rival: Rival, seconds: float, ctx: Context
) -> tuple[float | None, tuple[str, ...]]:
    """The best judged value of what a rival finds within a narrower problem, and the memories where others overflow."""
    values: list[float] = []
    crowded: tuple[str, ...] = ()
    space = space_of(within)
    for choice in rival(space, plan.objective.value, seconds):
        solution = widen_back(within, t, space.solution(choice))
        pb.verify(t.problem, solution)
        try:
            values.append(judged(t.apply(plan, solution), ctx))
        except NoRoom as error:
            crowded = error.memories
        except Infeasible:
            continue
    return min(values, default=None), crowded


def warm() -> None:
    """Compiles the kernels, so that no clock runs meanwhile."""
    item = pb.Item("item", "item", 0, (pb.Option("option", 0, 1, 0, ((0, 1),), 1),))
    problem = pb.Problem((item,), (), (), (), ("unit",), ("memory",), (1,), ("place",), (1,))
    for rival in RIVALS.values():
        rival(Space.of(problem), "edp", 0.0)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", choices=CASES, help="only this model")
    parser.add_argument("--target", action="append", help="only this target, or another one")
    parser.add_argument("--objective", action="append", choices=[*OBJECTIVES, "edp"], help="only this objective")
    parser.add_argument("--effort", default="default", choices=["quick", "default", "max"])
    parser.add_argument("--seconds", type=float, default=0.0, help="for each rival, instead of the solver's own time")
    return parser.parse_args()


def rows(given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path, str, tuple[str, ...], str]]:
    """Name, file, target, phases and objective of each case."""
    for name in given.model or CASES:
        model, layers, phases = CASES[name]
        file = folder / f"{name}.onnx"
        file.write_bytes(MODELS[model](layers, None).SerializeToString())
        for target in given.target or TARGETS:
            for objective in given.objective or OBJECTIVES:
                yield name, file, target, phases, objective


def main() -> int:
    """Prints the table; 1 if a rival was better."""
    given = options()
    warm()
    head = f"{'model':<14} {'target':<10} {'objective':<10} {'solver':>11} {'gap':>7} {'s':>6} "
    print(head + " ".join(f"{name:>9}" for name in RIVALS), flush=True)
    better: list[str] = []
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, file, target, phases, objective in rows(given, Path(folder)):
            case = f"{name:<14} {target:<10} {objective:<10}"
            try:
                outcome = compared(file, target, phases, objective, given.effort, given.seconds)
            except Infeasible as error:
                print(f"{case} does not fit: {error.message[:80]}", flush=True)
                continue
            print(f"{case} {outcome.cells()}", flush=True)
            outcomes.append(outcome)
            better += [f"{name} on {target} for {objective}: {who}" for who in outcome.beaten_by()]
    for rival in RIVALS:
        found = [w for o in outcomes if (w := o.worse(rival)) is not None]
        if found:
            least, mean, most = min(found), sum(found) / len(found), max(found)
            print(f"{rival}: worse by {mean:.2%} in the mean ({least:+.2%} to {most:+.2%}), {len(found)} cases")
    for line in better:
        print(f"better than the solver: {line}")
    return 1 if better else 0


if __name__ == "__main__":
    sys.exit(main())
