"""The assignment of nodes to onnxruntime's execution providers that a plan stands for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mapper.emit.emit import check_same, numbers_of
from mapper.emit.owners import Owners
from mapper.emit.planned import Planned
from mapper.frontend.anatomy import anatomies
from mapper.ir.plan import Plan

CPU = "CPUExecutionProvider"
PROVIDERS = {"gpu": "CUDAExecutionProvider", "cpu": CPU}
"""By unit model; for units that onnxruntime has no provider for, `unit` says where the plan has a node, and `provider`
is the CPU's: name your own with `--provider`."""


def assignment(plan: Plan, models: Sequence[Path]) -> dict[str, Any]:
    """For each phase and node of the files: its unit, the kind of that and the provider.

    `session` holds what `onnxruntime.SessionOptions` takes for it: the providers in order. Raises MapperError for files
    that are not those of the plan.
    """
    found = anatomies(list(models), plan.phases, numbers_of(plan, "expect"))
    check_same(plan, found)
    rows: list[dict[str, str]] = []
    for phase in plan.phases:
        anatomy = next(a for a in found if phase.name in {s.name for s in a.walked.specs})
        owners = Owners(anatomy, Planned(plan, anatomy.label), phase.name)
        for node in owners.find(anatomy.outputs):
            name = owners.owner.get(node.name)
            if name is None:
                continue
            unit = plan.target.unit[name]
            row = {"phase": phase.name, "node": node.proto.name or node.name, "op_type": node.proto.op_type}
            rows.append(row | {"unit": name, "kind": unit.kind, "provider": PROVIDERS.get(unit.model_name, CPU)})
    used = dict.fromkeys(row["provider"] for row in rows)
    providers = [p for p in dict.fromkeys([*PROVIDERS.values(), *used]) if p in used or p == CPU]
    return {"schema": 1, "target": plan.target.name, "providers": providers, "nodes": rows}
