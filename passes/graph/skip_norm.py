"""Norms of onnxruntime that add a residual first, taken apart: the sum rides on the product before it."""

from __future__ import annotations

from dataclasses import replace

from mapper.hw.work import Role
from mapper.ir.graph import Attr, Op, Value
from passes.graph.draft import Draft

SKIPS = {
    "SkipLayerNormalization": ("LayerNormalization", 4),
    "SkipSimplifiedLayerNormalization": ("RMSNormalization", 3),
}
"""The norm without the residual, and where the bias of the data is among the inputs."""

SUM = 3
"""Which output is the sum of data, residual and bias."""


def take_apart(draft: Draft, op: Op) -> None:
    """Data plus bias, plus the residual, then the norm of the sum: what exporters that know no such op write."""
    found = SKIPS.get(str(op.attr("op_type")))
    if found is None or op.kind != "norm" or len(op.inputs) < 3 or not all(op.inputs[:2]) or any(op.outputs[1:SUM]):
        return
    op_type, bias_at = found
    place, data = draft.place(op), op.inputs[0]
    old = draft.values[op.outputs[0]]
    total = op.outputs[SUM] if len(op.outputs) > SUM and op.outputs[SUM] else ""
    if not total:
        total = draft.add_value(Value(f"{op.outputs[0]}.sum", old.shape, old.dtype, Role.ACTIVATION))
    draft.drop(op)
    if len(op.inputs) > bias_at and op.inputs[bias_at]:
        biased = draft.add_value(replace(draft.values[data], name=f"{op.outputs[0]}.biased", role=Role.ACTIVATION))
        draft.put(Op(f"{op.name}.bias", "elementwise", (data, op.inputs[bias_at]), (biased,), _ADD, op.origin), place)
        data = biased
    draft.put(Op(f"{op.name}.skip", "elementwise", (data, op.inputs[1]), (total,), _ADD, op.origin), place)
    attrs = tuple((key, op_type if key == "op_type" else value) for key, value in op.attrs if key != "domain")
    inputs = (total, *op.inputs[2:bias_at])
    while not inputs[-1]:
        inputs = inputs[:-1]
    draft.put(replace(op, inputs=inputs, outputs=op.outputs[:1], attrs=attrs), place)


_ADD: tuple[tuple[str, Attr], ...] = (("op_type", "Add"), ("fn", "add"))
