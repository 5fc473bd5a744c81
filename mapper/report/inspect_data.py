"""An inspection as plain data: what `mapper inspect --json` prints."""

from __future__ import annotations

from typing import Any

from mapper.report.inspection import Block, Inspection, PhaseView
from mapper.report.requests import DimView, StateView
from mapper.report.workload import Amount

SCHEMA = 1


def inspection_data(found: Inspection) -> dict[str, Any]:
    """All that is known, ready for JSON; None where it is not. The figures on top are those of the first phase."""
    first = found.phases[0] if found.phases else None
    return {
        "schema": SCHEMA,
        "model": found.model,
        "opset": found.opset,
        "nodes": found.nodes,
        "ops": found.ops,
        "folded": dict(found.folded),
        "macs": found.macs,
        "params": found.parameters,
        "params_in_use": found.used,
        "weight_bytes": found.weight_bytes,
        "state_bytes": found.state_bytes,
        "unresolved": None if found.missing else len(found.unresolved),
        "missing_dims": dict(found.missing),
        "unresolved_values": list(found.unresolved),
        "error": found.problem or None,
        "phases": {view.name: _phase(view) for view in found.phases},
        "inputs": [
            {"name": i.name, "dtype": i.dtype.value, "shape": list(i.shape), "state": i.state if first else None}
            for i in found.inputs
        ],
        "dims": [_dim(dim) for dim in found.dims],
        "expected": [
            {"name": e.name, "about": e.about, "values": list(e.values), "default": e.default, "given": e.given}
            for e in found.expectations
        ],
        "states": [_state(state) for state in found.states],
        "kinds": _phase(first)["kinds"] if first else {},
        "blocks": [_block(block) for block in found.blocks],
        "opaque": _phase(first)["opaque"] if first else [],
        "warnings": list(found.warnings),
    }


def _phase(view: PhaseView) -> dict[str, Any]:
    return {
        "given": dict(view.given),
        "calls": view.calls,
        "sizes": dict(view.sizes),
        **_amount(view.total),
        "request_state_bytes": view.state_bytes,
        "kinds": {row.kind: {**_amount(row.amount), "details": list(row.details)} for row in view.kinds},
        "opaque": [
            {"operator": row.operator, "ops": row.count, "bytes": row.bytes, "reason": row.reason}
            for row in view.opaque
        ],
    }


def _amount(amount: Amount) -> dict[str, Any]:
    """Traffic of one call: bytes that ops read and write."""
    return {
        "ops": amount.ops,
        "macs": amount.macs,
        "flops": amount.flops,
        "weight_bytes": amount.weight_bytes,
        "activation_bytes": amount.activation_bytes,
        "state_bytes": amount.state_bytes,
        "flops_per_byte": None if amount.intensity is None else round(amount.intensity, 6),
    }


def _dim(dim: DimView) -> dict[str, Any]:
    return {
        "name": dim.name,
        "role": dim.role or None,
        "own_names": list(dim.own),
        "inputs": list(dim.inputs),
        "phases": {p.phase: {"sizes": list(p.sizes), "how": p.how} for p in dim.phases},
    }


def _state(state: StateView) -> dict[str, Any]:
    return {
        "count": state.count,
        "shape": list(state.shape),
        "dtype": state.dtype.value,
        "past": state.past or None,
        "present": state.present,
        "request_bytes": dict(state.bytes),
        "bytes_per_token": state.token_bytes,
    }


def _block(block: Block) -> dict[str, Any]:
    return {
        "times": block.times,
        "ops": block.ops,
        "first": block.first,
        "macs": block.amount.macs,
        "weight_bytes": block.amount.weight_bytes,
        "details": list(block.details),
    }
