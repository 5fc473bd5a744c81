"""An op as `Work`: what it reads and writes of each operand, its sizes and the type of its arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

from mapper.hw.work import DType, Operand, Role, Work
from mapper.ir.experts import used_of_stack, whole_stack
from mapper.ir.graph import Binding, Graph, Op, bind, static_elements
from mapper.ir.kind import OpView
from mapper.ir.kinds import kind_of, view
from mapper.ir.registry import check_sizes
from mapper.ir.tables import elements_read, scales_read, tokens_rotated

PICKING_KINDS = ("embedding", "gather")
"""Kinds that read only some elements of their first operand."""

_STACK = 1
"""The operand of a product with experts that is the stack of their matrices."""

_SEARCHING = ("sort", "opaque")
"""Kinds that may have to read their input to find that nothing comes of it."""

_IN_FLOATS = ("norm", "softmax", "attention")
"""Kinds that compute in floats, even from and to integers."""


def work(graph: Graph, op: Op, binding: Binding, *, inside: frozenset[str] = frozenset()) -> Work:
    """The op as Work, in the graph's own number types. Operands named in `inside` stay within the op's cluster.

    A state that the op reads and extends counts what is read whole and what is written new. An op whose outputs have no
    elements reads none.
    """
    seen, kind = view(graph, op, binding), kind_of(op)
    dims = kind.dims(seen)
    if kind.like:
        check_sizes(kind, dict(dims))
    read = _reads(graph, seen, kind.priced_as, dict(dims))
    inputs = [operand for name, operand in read.items() if name not in inside]
    outputs = _writes(graph, seen, inside)
    if kind.priced_as == "view":
        inputs, outputs = [], []
    if _makes_nothing(seen, kind.priced_as):
        inputs = [replace(o, elements=0) for o in inputs]
    if op.kind == "opaque" and op.attr("bytes") is not None:  # what a loop's iterations move among themselves
        inner = seen.size("bytes") - sum(o.bytes for o in (*inputs, *outputs))
        inputs.append(Operand(Role.ACTIVATION, max(inner, 0), DType.U8))
    arithmetic, function = _arithmetic(graph, op, kind.priced_as), str(op.attr("fn", ""))
    return Work(kind.priced_as, dims, tuple(inputs), tuple(outputs), arithmetic, function=function)


def stored(graph: Graph, op: Op, work: Work) -> Work:
    """The work with its weights whole, also where it reads only some of them or none: what storing them takes."""
    names = [n for n in dict.fromkeys(op.inputs) if n and graph.value[n].role is Role.WEIGHT]
    weights = [o for o in work.inputs if o.role is Role.WEIGHT]
    if len(names) == len(weights) and weights and not any(o.elements for o in weights):
        whole = iter(
            [replace(o, elements=static_elements(graph.value[n])) for n, o in zip(names, weights, strict=True)]
        )
        return replace(work, inputs=tuple(next(whole) if o.role is Role.WEIGHT else o for o in work.inputs))
    if not op.attr("experts"):
        return work
    return whole_stack(work, dict(zip(names, weights, strict=True)).get(op.inputs[_STACK]))


def _reads(graph: Graph, seen: OpView, kind: str, sizes: Mapping[str, int]) -> dict[str, Operand]:
    """What the op reads of each value, by name: places among the operands count, whatever stays in a cluster."""
    tokens = tokens_rotated(seen)
    found = {name: _read(graph, name, seen.binding, tokens) for name in dict.fromkeys(seen.op.inputs) if name}
    if kind in PICKING_KINDS:
        found = {name: _picked(seen, i, operand) for i, (name, operand) in enumerate(found.items())}
    if seen.op.attr("experts"):
        stack = seen.op.inputs[_STACK]
        found[stack] = used_of_stack(_operand(graph, stack, seen.binding), sizes["experts"], sizes["active"])
    return found


def _writes(graph: Graph, seen: OpView, inside: frozenset[str]) -> list[Operand]:
    new_rows = (seen.size("q"), seen.size("kv")) if seen.op.kind == "attention" else (1, 1)
    return [
        _appended(graph, name, graph.pasts.get(name, ""), seen.binding, new_rows)
        for name in seen.op.outputs
        if name and name not in inside
    ]


def _makes_nothing(seen: OpView, kind: str) -> bool:
    """Whether no output has an element, as of an expert that no token goes to: then nothing is read either."""
    return bool(seen.outputs) and kind not in _SEARCHING and not any(map(prod, seen.outputs))


def _operand(graph: Graph, name: str, binding: Binding) -> Operand:
    value = graph.value[name]
    return Operand(_side(value.role), prod(bind(value.shape, binding)), value.dtype)


def _read(graph: Graph, name: str, binding: Binding, tokens: int) -> Operand:
    """The operand; of a table of angles only the rows of the tokens that are rotated."""
    whole = _operand(graph, name, binding)
    value = graph.value[name]
    rows = elements_read(bind(value.shape, binding), value.role, tokens)
    return whole if rows is None else replace(whole, elements=rows)


def _side(role: Role) -> Role:
    return Role.ACTIVATION if role in (Role.INPUT, Role.OUTPUT) else role


def _appended(graph: Graph, name: str, past: str, binding: Binding, new_rows: tuple[int, int]) -> Operand:
    """What is written of an output; of a state only what is new. new_rows: rows added to a buffer, and rows it has."""
    whole = _operand(graph, name, binding)
    before = prod(bind(graph.value[past].shape, binding)) if past else 0
    new = whole.elements - before if whole.elements > before else whole.elements
    if before == whole.elements and 0 < new_rows[0] < new_rows[1]:  # a buffer of fixed length, written in place
        new = whole.elements * new_rows[0] // new_rows[1]
    return replace(whole, elements=new)


def _picked(seen: OpView, position: int, operand: Operand) -> Operand:
    """What a look-up reads of an operand: of its table what it hands on, of the table's scales their share."""
    picked = prod(seen.outputs[0])
    if position == 0:
        return replace(operand, elements=min(operand.elements, picked))
    if operand.role is not Role.WEIGHT:
        return operand
    return replace(operand, elements=scales_read(seen, position, operand.elements, picked))


def _arithmetic(graph: Graph, op: Op, kind: str) -> DType:
    """The type the op states, else that of the first floating-point operand, else of the last output."""
    stated = op.attr("arithmetic")
    if isinstance(stated, str):
        return DType(stated)
    names = [n for n in (*op.inputs, *op.outputs) if n]
    types = [graph.value[n].dtype for n in names]
    if kind in _IN_FLOATS and not any(t.is_float for t in types):
        return DType.F32
    return next((t for t in types if t.is_float), types[-1] if types else DType.F32)
