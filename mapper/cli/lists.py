"""`mapper passes`: what there is."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import fields
from inspect import getdoc

from rich.console import Console

from mapper.cli.tables import output, table_of
from mapper.hw import plugins
from mapper.pipeline.named import pass_named, pipeline_of
from mapper.pipeline.pipeline import spec


def passes(args: Namespace) -> int:
    """All passes and pipelines, one pass with its options, or the passes of one pipeline."""
    console = output()
    if args.name in plugins.names("passes"):
        return _one_pass(console, args.name)
    if args.name:
        return _one_pipeline(console, args.name)
    table = table_of("pass", "requires", "provides", "what it does")
    for name in plugins.names("passes"):
        cls = pass_named(name)
        table.add_row(name, ", ".join(cls.requires), ", ".join(cls.provides), _sentence(cls))
    console.print(table)
    pipelines = table_of("pipeline", "stands for")
    for name in plugins.names("pipelines"):
        pipelines.add_row(name, str(plugins.load("pipelines", name)).replace(",", ", "))
    console.print(pipelines)
    return 0


def _one_pipeline(console: Console, name: str) -> int:
    steps = pipeline_of(name)
    console.print(f"{name}: a pipeline of {len(steps.passes)} passes; as text:", markup=False)
    console.print(str(steps), markup=False, soft_wrap=True)
    table = table_of("pass", "provides", "what it does")
    for step in steps.passes:
        table.add_row(spec(step), ", ".join(step.provides), _sentence(type(step)))
    console.print(table)
    return 0


def _one_pass(console: Console, name: str) -> int:
    cls = pass_named(name)
    console.print(f"{name}: {getdoc(cls) or ''}", markup=False)
    console.print(f"requires {', '.join(cls.requires) or 'nothing'}; provides {', '.join(cls.provides)}", markup=False)
    options = list(fields(cls))  # type: ignore[arg-type]
    for f in options:
        console.print(f"  {f.name.replace('_', '-')}={f.default}   ({f.type})", markup=False)
    if not options:
        console.print("  no options")
    return 0


def _sentence(cls: type) -> str:
    return (getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
