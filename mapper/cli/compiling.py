"""`mapper compile` and `mapper opt`."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from mapper.cli.console import Show, stop_on_interrupt
from mapper.cli.counting import count
from mapper.cli.ending import ended_by_signals
from mapper.cli.fronts import front_of, write_front
from mapper.cli.plans import plan_file
from mapper.cli.saying import say
from mapper.cli.settings import settings
from mapper.cli.steps import Steps
from mapper.compiler import AUTO, Compiled, compile, goal_of, resume
from mapper.cost.check import check
from mapper.errors import InvalidPlan, MapperError, UsageError, did_you_mean
from mapper.frontend import Imported, parse_phase
from mapper.hw.work import Role
from mapper.ir.goal import Goal
from mapper.ir.graph import bind, ops_in
from mapper.ir.serial import load
from mapper.pareto import Axes, parse_axes
from mapper.pipeline.instruments import PrintAfter, Reproducer
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pipeline import Instrument
from mapper.report.screen import screen
from mapper.report.units import si


def compile_(args: Namespace) -> int:
    """Map a model and write plan.json, summary.json, trace.json and report.html; print the answer."""
    with Steps(args.quiet or args.json, live=True).step("load", "passes"):
        _names_of_passes(args, args.pipeline)
    files = files_of(args)
    out = Path(args.out) if args.out else Path("out") / f"{'+'.join(f.stem for f in files)}-{Path(args.target).stem}"
    refuse_file(out)
    axes = parse_axes(args.pareto) if args.pareto is not None else None
    goal = goal_of(args.objective, inflight_of(args.inflight))
    names = " + ".join(f.name for f in files)
    show = Show(args.quiet or args.json, axes.best if axes else goal.objective)
    with stop_on_interrupt(show) as stop:
        options: dict[str, Any] = {
            "dims": settings("--dim", args.dim),
            "expect": settings("--expect", args.expect),
            "mix": mix_of(args.mix),
            "connect": [connection(text) for text in args.connect],
            "batch": batch_of(args.batch),
            "pipeline": args.pipeline,
            "effort": args.effort,
            "time_limit": args.time_limit,
            "precision": args.precision,
            "seed": args.seed,
            "stop": stop,
            "tell": show.tell,
            "settings": args.set,
            "imported": lambda found, target: imported(show, names, found),
        }
        if args.time_limit is not None:
            show.steps.until = show.steps.clock() + args.time_limit
        show.steps.tell("import", names)
        if axes is not None:
            axes = _within(axes, goal, args)
            front = front_of(args.models, args.target, args.phase, axes, args.points, show, options)
            write_front(front, out, args.json, args.quiet)
            return 0
        watchers = _instruments(args, show, out)
        done = compile(
            args.models,
            args.target,
            args.phase,
            objective=goal,
            stop_after=args.stop_after,
            instruments=watchers,
            **options,
        )
    code = _finish(args, done, out)
    if args.emit:
        _emit(args, done, files, out)
    return code


def _emit(args: Namespace, done: Compiled, files: Sequence[Path], out: Path) -> None:
    """The pieces of the plan, below its folder."""
    from mapper.cli.emitting import FOLDER, screen  # only where asked for
    from mapper.emit.emit import emit

    steps = Steps(args.quiet or args.json)
    with ended_by_signals(f"the plan is in {out}, its pieces were not written"), steps.step("emit"):
        emitted = emit(done.plan, files, out / FOLDER, count=steps.counted("emit"))
    if not (args.quiet or args.json):
        say(screen(emitted, out / FOLDER, files))


def _within(axes: Axes, goal: Goal, args: Namespace) -> Axes:
    """The axes with the limits of the objective's text; what a front has no use for is refused."""
    if args.stop_after or args.print_after:
        raise UsageError("--pareto makes finished plans: leave --stop-after and --print-after out")
    if args.batch == "auto":
        raise UsageError("--pareto compares plans of one batch", hint="give --batch a number")
    for limit in goal.limits:
        if limit.quantity in [x.quantity for x in axes.limits]:
            raise UsageError(f"'{limit.quantity}' is limited twice, in --pareto and beside it")
    return replace(axes, limits=(*axes.limits, *goal.limits))


def opt(args: Namespace) -> int:
    """Carry on from a saved plan."""
    with Steps(args.quiet or args.json, live=True).step("load", "passes"):
        _names_of_passes(args, args.pipeline)
    path = plan_file(args.plan)
    with Steps(args.quiet or args.json).step("read", path.name):
        plan = load(path)
    out = Path(args.out) if args.out else path.parent
    refuse_file(out)
    show = Show(args.quiet or args.json, plan.objective)
    with stop_on_interrupt(show) as stop:
        done = resume(
            plan,
            args.pipeline,
            effort=args.effort,
            time_limit=args.time_limit,
            seed=args.seed,
            stop=stop,
            tell=show.tell,
            instruments=_instruments(args, show, out),
        )
    return _finish(args, done, out)


def inflight_of(text: str) -> int | None:
    """The most requests in flight; None where the compiler decides."""
    return None if text == "auto" else count("--inflight", text)


def batch_of(text: str | None) -> int | str | None:
    """The batch: a number, auto, or None where phases and dims say it."""
    return text if text is None or text == AUTO else count("--batch", text)


def _finish(args: Namespace, done: Compiled, out: Path) -> int:
    """Hold the plan to every rule, write the files, print the answer."""
    steps = Steps(args.quiet or args.json)
    if done.finished:
        try:
            with steps.step("check", "holding the plan to every rule"):
                done = replace(done, known=check(done.plan))
        except InvalidPlan as error:
            raise InvalidPlan(
                f"internal: the finished plan breaks a rule: {error.message}", rule=error.rule, details=error.details
            ) from error
    with steps.step("write", str(out)):
        done.save(out)
    if args.json:
        text = json.dumps(done.summary if done.finished else {"plan": str(out / "plan.json")}, indent=1)
        say(text + "\n")
    elif not args.quiet:
        say(f"\n{screen(done.verdict, done.summary)}\n" if done.finished else "")
        say(_next_steps(out, done))
    if args.timing and not args.json and not args.quiet:
        for name, seconds in done.seconds["passes"].items():
            say(f"  {name:<24}{seconds:8.3f} s\n")
        say(f"  {'total':<24}{done.seconds['total']:8.3f} s\n")
        for name, seconds in (done.work or {}).items():
            say(f"  {'work of ' + name:<24}{seconds:8.3f} deterministic s\n")
    return 0


def _next_steps(out: Path, done: Compiled) -> str:
    if not done.finished:
        return f"  stopped early  {out / 'plan.json'}; go on with: mapper opt {out / 'plan.json'} --pipeline TEXT\n"
    return (
        f"  next         {out / 'report.html'} in a browser · mapper explain {out} · {out / 'trace.json'} in Perfetto\n"
    )


def files_of(args: Namespace) -> list[Path]:
    """The models named on the command line and by phases."""
    named = [spec.file for spec in map(parse_phase, args.phase) if spec.file]
    models = [Path(m) for m in args.models]
    known = {word for m in models for word in (str(m), m.name, m.name.removesuffix(".onnx"))}
    return list(dict.fromkeys([*models, *(Path(n) for n in named if n not in known)]))


def mix_of(text: str | None) -> dict[str, int] | None:
    """Runs of each model by name; None where no mix is asked for."""
    return None if text is None else settings("--mix", text.replace(",", " ").split())


def connection(text: str) -> tuple[str, str]:
    """Which result goes to which input."""
    made, equals, read = (part.strip() for part in text.partition("="))
    if not (equals and made and read):
        raise UsageError(
            f"--connect {text}: write RESULT=INPUT, as in --connect last_hidden_state=encoder_hidden_states"
        )
    return made, read


def imported(show: Show, names: str, found: Imported) -> None:
    """Tell what was read, and what is worth a warning."""
    show.steps.clear()
    graph = found.graph
    words = f"{names}  {len(graph.ops)} ops, {si(graph.parameters)} parameters"
    pasts = [graph.value[s.past] for s in graph.states if s.past]
    sizes = []
    for phase in found.phases:
        running = ops_in(graph, phase)
        met = [v for v in pasts if not phase.results or any(u.name in running for u in graph.users[v.name])]
        sizes += [sum(v.dtype.bytes_for(prod(bind(v.shape, b))) for v in met) for b in phase.bindings()]
    if pasts and sizes:
        biggest = max(sizes)
        words += f", {len(graph.states)} states ({si(biggest, 'B')})"
    show.line("import", words, found.seconds)
    inputs = [v.name for v in graph.values if v.role is Role.INPUT]
    if not inputs:
        show.note("the graph has no inputs that change from call to call")
    for warning in found.warnings:
        show.note(warning)


def _instruments(args: Namespace, show: Show, out: Path) -> list[Instrument]:
    found: list[Instrument] = [show, Reproducer(out.with_name(f"{out.name}-crash"), f"--seed {args.seed}")]
    if args.print_after and not args.quiet:
        write = sys.stderr.write if args.json else sys.stdout.write
        found.append(PrintAfter(tuple(args.print_after), write))
    return found


def _names_of_passes(args: Namespace, pipeline: str) -> None:
    """Refuse --print-after with a name that is not in the pipeline."""
    known = [p.name for p in pipeline_of(pipeline).passes]
    for name in args.print_after:
        if name not in known and name != "all":
            raise UsageError(f"--print-after {name}: no such pass in the pipeline; {did_you_mean(name, known)}")


def refuse_file(out: Path) -> None:
    """Raise where a folder is to be written and a file is in the way."""
    if out.exists() and not out.is_dir():
        raise MapperError(f"{out} is a file, not a folder", hint="give another folder with --out")
