"""Maps ONNX graphs onto heterogeneous chips: which unit runs what, how fast, for how many joules, with a bound."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mapper.compiler import Compiled, compile, resume
    from mapper.cost.check import check
    from mapper.errors import Infeasible, InvalidPlan, MapperError
    from mapper.frontend import PhaseSpec, load_model, parse_phase
    from mapper.hw.load import load_target
    from mapper.hw.target import Target
    from mapper.hw.what_if import Change, parse_change
    from mapper.hw.work import Cost, DType, Feed, UnitModel, Work
    from mapper.inspector import inspect
    from mapper.ir.graph import Graph, Op, Phase, Value
    from mapper.ir.kind import Kind, OpView
    from mapper.ir.plan import Objective, Plan
    from mapper.ir.serial import load as load_plan
    from mapper.pareto import Front, pareto
    from mapper.pipeline.pass_ import Context, Effort, Pass
    from mapper.pipeline.pipeline import Pipeline
    from mapper.report.diff.difference import Difference, difference
    from mapper.report.inspection import Inspection
    from mapper.whatif.answers import Answer, Asker

_HOME = {
    "compile": "compiler", "resume": "compiler", "Compiled": "compiler",
    "pareto": "pareto", "Front": "pareto",
    "Asker": "whatif.answers", "Answer": "whatif.answers", "Change": "hw.what_if", "parse_change": "hw.what_if",
    "difference": "report.diff.difference", "Difference": "report.diff.difference",
    "inspect": "inspector", "Inspection": "report.inspection",
    "check": "cost.check",
    "MapperError": "errors", "Infeasible": "errors", "InvalidPlan": "errors",
    "load_model": "frontend", "parse_phase": "frontend", "PhaseSpec": "frontend",
    "load_target": "hw.load", "Target": "hw.target",
    "Work": "hw.work", "Cost": "hw.work", "Feed": "hw.work", "DType": "hw.work", "UnitModel": "hw.work",
    "Graph": "ir.graph", "Op": "ir.graph", "Value": "ir.graph", "Phase": "ir.graph",
    "Kind": "ir.kind", "OpView": "ir.kind",
    "Plan": "ir.plan", "Objective": "ir.plan",
    "Pass": "pipeline.pass_", "Context": "pipeline.pass_", "Effort": "pipeline.pass_",
    "Pipeline": "pipeline.pipeline",
}  # fmt: skip
"""The public API: each name and the module it lives in; loaded when first used, so that `mapper --help` is quick."""

__all__ = [
    "Answer", "Asker", "Change", "Compiled", "Context", "Cost", "DType", "Difference", "Effort", "Feed",
    "Front", "Graph", "Infeasible", "Inspection", "InvalidPlan", "Kind", "MapperError", "Objective", "Op",
    "OpView", "Pass", "Phase", "PhaseSpec", "Pipeline", "Plan", "Target", "UnitModel", "Value", "Work", "check",
    "compile", "difference", "inspect", "load_model", "load_plan", "load_target", "pareto", "parse_change",
    "parse_phase", "resume",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name == "load_plan":
        return import_module("mapper.ir.serial").load
    if name in _HOME:
        return getattr(import_module(f"mapper.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mapper' has no attribute {name!r}")
