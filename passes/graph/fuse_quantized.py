"""Quantised arithmetic becomes one op: products with narrow operands, without the casts and scales around them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.hw.work import DType, Role
from mapper.ir.graph import Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.conversions import arithmetic_of, narrows, widens
from passes.graph.convert import read_narrow, write_narrow, write_wide
from passes.graph.draft import Draft, origins, with_attrs
from passes.graph.quantized_operands import tidied


@dataclass(frozen=True)
class FuseQuantized(Pass):
    """Turns quantised products, and the quantisations and casts around any kernel, into one op each.

    Matmul and conv: data, weight, bias, then scales and zero points of the weight. A value of few bits carries its
    scale. Attributes: `quantised` (operands or weights), `arithmetic` (the type of the product).
    """

    name = "fuse-quantized"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        for op in draft.ops():
            if draft.has(op):
                _product(draft, op)
        for rule, applies in ((read_narrow, widens), (write_narrow, narrows), (write_wide, widens)):
            for op in draft.ops():
                if draft.has(op) and op.kind == "cast" and applies(draft, op):
                    rule(draft, op)
        for op in draft.ops():
            if op.attr("op_type") == "DynamicQuantizeLinear" and draft.has(op):
                _dynamic(draft, op)
        for op in draft.ops():
            if op.kind in ("matmul", "conv"):
                _type(draft, op)
        return replace(plan, graph=draft.graph())


def _product(draft: Draft, op: Op) -> None:
    """A quantised operator in its normal form; a product of integers with the steps that make floats of its sums."""
    tidy = tidied(draft, op)
    if tidy is op:
        return
    if draft.values[op.outputs[0]].dtype is not DType.I32:
        draft.put(tidy)
        return
    steps, scales = _rescaling(draft, tidy)
    draft.put(tidy)
    if not steps:
        return
    for step in steps:
        draft.drop(step)
    makers = [m for n in scales if (m := draft.maker(n)) is not None and m.kind == "elementwise"]
    weights = [n for n in (*scales, *(n for m in makers for n in m.inputs)) if draft.values[n].role is Role.WEIGHT]
    inputs = (*tidy.inputs, *([""] * (3 - len(tidy.inputs))), *weights)
    own = [m for m in makers if not draft.readers(m.outputs[0])]
    draft.put(replace(tidy, inputs=inputs, outputs=steps[-1].outputs, origin=origins((tidy, *own, *steps))))
    draft.prune(makers)


def _rescaling(draft: Draft, op: Op) -> tuple[list[Op], list[str]]:
    """The cast to floats and the multiplications by scales that follow an integer product, and the scales."""
    cast = draft.reader(op.outputs[0])
    if cast is None or cast.kind != "cast" or not draft.values[cast.outputs[0]].dtype.is_float:
        return [], []
    steps: list[Op] = [cast]
    scales: list[str] = []
    while len(scales) < 2:
        step = draft.reader(steps[-1].outputs[0])
        if step is None or step.kind != "elementwise" or step.attr("fn") != "mul" or len(step.inputs) != 2:
            break
        scale = next(n for n in step.inputs if n != steps[-1].outputs[0])
        if not _is_scale(draft, scale, draft.shape(step.outputs[0])):
            break
        steps.append(step)
        scales.append(scale)
        if (maker := draft.maker(scale)) is not None and maker.kind == "elementwise":
            break  # the product of both scales
    return steps, scales


def _is_scale(draft: Draft, name: str, product: tuple[int | str, ...]) -> bool:
    """Whether a value is one number, or one for each column of a product, that quantisation left."""
    shape = draft.shape(name)
    sizes = [d for d in shape if d != 1]
    small = len(shape) <= len(product) and len(sizes) <= 1 and all(d in product for d in sizes)
    if draft.values[name].role is Role.WEIGHT:
        return small
    maker = draft.maker(name)
    if maker is not None and maker.kind == "elementwise" and maker.attr("fn") == "mul":
        return small and all(draft.values[n].role is Role.WEIGHT or _is_dynamic(draft, n) for n in maker.inputs)
    return small and _is_dynamic(draft, name)


def _is_dynamic(draft: Draft, name: str) -> bool:
    maker = draft.maker(name)
    return maker is not None and maker.attr("op_type") == "DynamicQuantizeLinear"


def _dynamic(draft: Draft, op: Op) -> None:
    """A quantisation whose scale follows from the data: part of the only product that reads it, else an op."""
    unread = [n for n in op.outputs if n and not draft.readers(n) and n not in draft.kept]
    outputs = tuple("" if n in unread else n for n in op.outputs)
    reader = draft.reader(op.outputs[0])
    alone = set(unread) >= set(op.outputs[1:]) and reader is not None
    if alone and reader is not None and reader.kind in ("matmul", "conv") and reader.inputs[0] == op.outputs[0]:
        narrow = draft.values[op.outputs[0]].dtype
        arithmetic = arithmetic_of(narrow, draft.values[reader.inputs[1]].dtype)
        if arithmetic is not None and op.outputs[0] not in reader.inputs[1:]:
            draft.drop(op)
            inputs = (op.inputs[0], *reader.inputs[1:])
            attrs = with_attrs(reader, arithmetic=arithmetic.value)
            draft.put(replace(reader, inputs=inputs, attrs=attrs, origin=origins((op, reader))))
            return
    while outputs and not outputs[-1]:
        outputs = outputs[:-1]
    if outputs != op.outputs and outputs:
        draft.put(replace(op, outputs=outputs))


def _type(draft: Draft, op: Op) -> None:
    """Writes down the type of a product of narrow operands, and that a weight is narrow beside wide data."""
    data, weight = (draft.values[n] for n in op.inputs[:2])
    arithmetic = arithmetic_of(data.dtype, weight.dtype)
    if arithmetic is None and op.attr("op_type") == "DynamicQuantizeMatMul":
        arithmetic = arithmetic_of(DType.U8, weight.dtype)
    if arithmetic is not None:
        draft.put(replace(op, attrs=with_attrs(op, quantised="operands", arithmetic=arithmetic.value)))
    elif weight.role is Role.WEIGHT and data.dtype.is_float and _is_narrow(weight.dtype) and not op.attr("arithmetic"):
        draft.put(replace(op, attrs=with_attrs(op, quantised="weights")))


def _is_narrow(dtype: DType) -> bool:
    return dtype.bits <= 8 and dtype is not DType.BOOL
