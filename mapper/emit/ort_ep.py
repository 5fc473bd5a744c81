"""The assignment of nodes to onnxruntime's execution providers that a plan stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mapper.emit.emit import check_same, numbers_of
from mapper.emit.owners import Owners
from mapper.emit.planned import Planned
from mapper.frontend.anatomy import FileNode, anatomies, by_phase
from mapper.ir.plan import Plan

CPU = "CPUExecutionProvider"
PROVIDERS = {"gpu": "CUDAExecutionProvider", "cpu": CPU}
"""By unit model; for units that onnxruntime has no provider for, `unit` says where the plan has a node, and `provider`
is the CPU's."""


def assignment(plan: Plan, models: Sequence[Path]) -> dict[str, Any]:
    """For each phase and node of the files that it runs: its unit, the kind of that and the provider; a node that every
    piece has a copy of goes with its first reader.

    `providers` are those that occur, as onnxruntime.InferenceSession takes them, the CPU's last; `without_provider` the
    units whose nodes go to the CPU's for want of one. Raises MapperError for files that are not those of the plan.
    """
    found = anatomies(list(models), plan.phases, numbers_of(plan, "expect"))
    check_same(plan, found)
    files = by_phase(found)
    rows: list[dict[str, str]] = []
    for phase in plan.phases:
        anatomy = files[phase.name]
        owners = Owners(anatomy, Planned(plan, anatomy.label), phase.name)
        nodes = owners.find(anatomy.outputs)
        units = _units(nodes, owners.owner)
        for node in nodes:
            name = units[node.name]
            unit = plan.target.unit[name]
            row = {"phase": phase.name, "node": node.proto.name or node.name, "op_type": node.proto.op_type}
            rows.append(row | {"unit": name, "kind": unit.kind, "provider": PROVIDERS.get(unit.model_name, CPU)})
    used = dict.fromkeys(row["provider"] for row in rows)
    providers = [p for p in dict.fromkeys([*PROVIDERS.values(), *used]) if p in used or p == CPU]
    none = [
        name for name in sorted({row["unit"] for row in rows}) if plan.target.unit[name].model_name not in PROVIDERS
    ]
    head = {"schema": 1, "target": plan.target.name, "providers": providers, "without_provider": none}
    return {**head, "nodes": rows}


def _units(nodes: Sequence[FileNode], owner: Mapping[str, str]) -> dict[str, str]:
    """The unit of each node; of a copied one, that of its first reader."""
    reader: dict[str, FileNode] = {}
    for node in reversed(nodes):
        reader.update(dict.fromkeys(node.reads, node))
    found = dict(owner)
    for node in reversed(nodes):
        if node.name not in found:  # nobody else wants its results: it has a reader, which stands behind it
            found[node.name] = next(found[reader[out].name] for out in node.outputs if out in reader)
    return found
