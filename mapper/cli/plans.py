"""`mapper check`, `mapper show` and `mapper explain`: what a saved plan says.

What reads a plan takes less than a second, of which imports are most: each command has those that it needs.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mapper.cli.collecting import uncollected
from mapper.cli.saying import say
from mapper.cost.recorded import recorded
from mapper.errors import MapperError
from mapper.ir.plan import Bound, Plan
from mapper.ir.serial import load

if TYPE_CHECKING:
    from mapper.compiled import Compiled
    from mapper.pipeline.pass_ import Progress


BESIDE = ("summary.json", "trace.json", "report.html")
"""What `mapper compile` writes beside a plan."""


def plan_file(given: str) -> Path:
    """The file of a plan: the path itself, or plan.json in it when it is a folder. Raises MapperError for files of
    other kinds, by their names."""
    path = Path(given)
    if path.suffix == ".onnx" and path.is_file():
        raise MapperError(f"{path} is a model, not a plan", hint="mapper compile makes a plan of it")
    if path.name in BESIDE and (path.parent / "plan.json").is_file():
        raise MapperError(f"{path} is not the plan", hint=f"give {path.parent / 'plan.json'}, or its folder")
    if not path.is_dir():
        return path
    if not (path / "plan.json").is_file():
        raise MapperError(f"{path} is a folder without a plan.json", hint="give what `mapper compile --out` named")
    return path / "plan.json"


def check(args: Namespace) -> int:
    """Derive everything again from plan.json alone; the first broken rule is an error that names it."""
    from mapper.cli.steps import Steps
    from mapper.compiled import Compiled
    from mapper.cost.check import check as check_plan
    from mapper.report.units import percent

    path, steps = plan_file(args.plan), Steps(args.json, live=True)

    def bounds(plan: Plan) -> tuple[Bound, ...]:
        words = "proving the bound again"
        steps.tell("check", words)
        return _bounds(plan, lambda progress: steps.tell("check", words, progress.done))

    with steps.step("check", "every rule and every figure"):
        plan = load(path)
        verdict = check_plan(plan, recomputed_bounds=bounds)
        done = Compiled(plan, known=verdict)
    gap = done.summary["gap"]
    if args.json:
        say(json.dumps({"ok": True, "value": done.summary["value"], "gap": gap}) + "\n")
        return 0
    say(
        f"ok: {plan.graph.name} on {plan.target.name}, {len(plan.tasks or ())} tasks, every rule holds and every "
        f"figure is as recorded (busiest: {verdict.steady.busiest}"
        + (f", gap {percent(gap)} to the bound, derived again" if gap is not None else "")
        + ")\n"
    )
    return 0


def _bounds(plan: Plan, tell: Callable[[Progress], None]) -> tuple[Bound, ...]:
    """The bounds of the same options, proved again: quickly, and by the whole search where the record is sharper."""
    from mapper.pipeline.named import pass_named
    from mapper.pipeline.pass_ import Context, Effort

    source = dict(plan.source)
    ctx = Context(int(source.get("seed", "0")), Effort(source.get("effort", Effort.DEFAULT.value)), tell=tell)
    fresh = replace(plan, bounds=None, search=None, placement=None, residency=None, schedule=None, memory=None)
    recorded = {b.objective: b.value for b in plan.bounds or ()}
    found: tuple[Bound, ...] = ()
    folded = any(unit.team for unit in plan.target.units) or "place-teams" in source.get("pipeline", "")
    for name in ("bounds-of-teams", "bounds-of-teams-by-search") if folded else ("bounds", "bounds-by-search"):
        found = pass_named(name)().run(fresh, ctx).bounds or ()
        if all(recorded.get(b.objective, 0.0) <= b.value * (1 + 1e-6) for b in found):
            break
    return found


@uncollected()
def show(args: Namespace) -> int:
    """The answer of a plan on a screen, then all of it at a glance; as text or as JSON."""
    from mapper.compiled import Compiled
    from mapper.ir.show import show as text_of
    from mapper.report.glance.sections import SECTIONS, chosen, glance, glance_data
    from mapper.report.screen import screen

    wanted = [name for text in args.only or () for name in text.split(",") if name]
    names = chosen([name for name in wanted if name != "answer"]) if wanted != ["answer"] else ()
    plan = load(plan_file(args.plan))
    done = Compiled(plan, known=recorded(plan) if plan.figures is not None else None)
    if (args.json or args.page) and not done.finished:
        raise _unfinished(args.plan)
    if args.page:
        return _write_page(done, Path(args.page))
    if args.text or not done.finished:
        say(text_of(plan).rstrip() + "\n")
    elif args.json:
        seen = glance_data(done.verdict, names if wanted else tuple(SECTIONS))
        say(json.dumps({**done.summary, "glance": seen}, indent=1) + "\n")
    else:
        answer = [screen(done.verdict, done.summary)] if not wanted or "answer" in wanted else []
        with _simulating("steady" in names):
            rest = [glance(done.verdict, names)] if names else []
        say("\n\n".join([*answer, *rest]) + "\n")
    return 0


def _simulating(simulated: bool) -> AbstractContextManager[None]:
    """Tells that the steady state is simulated, where it is."""
    if not simulated:
        return nullcontext()
    from mapper.cli.steps import Steps

    return Steps(live=True).step("steady", "simulating the requests in flight")


def _write_page(done: Compiled, path: Path) -> int:
    """The page of a plan that has none beside it, as those of earlier versions."""
    from mapper.cli.steps import Steps
    from mapper.emit.files import write_atomically
    from mapper.report.page.plan_page import plan_page

    with Steps(live=True).step("page", str(path)):
        write_atomically(path, plan_page(done.verdict, done.summary))
    say(f"  {path}\n")
    return 0


@uncollected()
def explain(args: Namespace) -> int:
    """What limits a plan, why each op is where it is, and the fallbacks."""
    from mapper.cost.program import Spelling
    from mapper.report.explain import explain as explain_plan

    plan = load(plan_file(args.plan))
    if plan.figures is None:
        raise _unfinished(args.plan)
    spelling = Spelling(plan)
    found = explain_plan(recorded(plan, spelling), args.op, _proof(plan) if args.proof else None, spelling)
    if args.json:
        say(json.dumps(found.data, indent=1) + "\n")
    else:
        say(found.text + "\n")
    return 0


def _proof(plan: Plan) -> Bound:
    """The bound proved again by linear programs, with what it rests on."""
    from mapper.cli.steps import Steps
    from mapper.whatif.shadow import rests_on

    with Steps(quiet=False).step("bound", "proving it again, for what it rests on"):
        return rests_on(plan)


def _unfinished(path: str) -> MapperError:
    return MapperError(f"{path} is not finished: no figures", hint="run the rest of the pipeline with mapper opt")
