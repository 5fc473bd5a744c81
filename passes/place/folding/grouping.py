"""How a plan's ops were grouped, to group them again for another target in the same way."""

from __future__ import annotations

from dataclasses import replace

from mapper.errors import MapperError
from mapper.ir.blocks import blocks
from mapper.ir.plan import Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context, Pass
from passes.partition.clusters import Partition


def regrouped(plan: Plan, ctx: Context) -> Plan:
    """The plan with its ops grouped anew, by the pass and with the options that its record names, and its blocks."""
    return with_blocks(grouping(plan).run(replace(plan, blocks=None), ctx))


def with_blocks(plan: Plan) -> Plan:
    """The plan with the blocks that its clusters repeat in, which not every partition tells."""
    return plan if plan.blocks is not None else replace(plan, blocks=blocks(plan.graph, plan.clusters or ()))


def grouping(plan: Plan) -> Pass:
    """The pass that grouped the plan's ops: the last in its recorded pipeline that provides clusters and no placement;
    `partition` where none is recorded, or one that is not installed."""
    text = dict(plan.source).get("pipeline", "")
    try:
        passes = pipeline_of(text).passes if text else ()
    except MapperError:
        passes = ()
    groups = [step for step in passes if "clusters" in step.provides and "placement" not in step.provides]
    return groups[-1] if groups else Partition()
