"""Rules of shapes: what each kind makes of its inputs is what the graph says, at every sample of every phase."""

from __future__ import annotations

from collections.abc import Iterator

from mapper.ir.graph import Binding, ops_in
from mapper.ir.kind import OpView, Shapes
from mapper.ir.kinds import elements, kind_of, view
from mapper.ir.plan import Plan
from mapper.ir.rule import rules

Seen = Iterator[tuple[str, OpView]]


def _seen(plan: Plan) -> Seen:
    """Every op at every sample, with the words that say where; equal bindings are looked at once."""
    bindings: dict[tuple[frozenset[str], tuple[tuple[str, int], ...]], tuple[str, Binding]] = {}
    for phase in plan.phases:
        running = ops_in(plan.graph, phase)
        for sizes in phase.bindings():
            bindings.setdefault((running, tuple(sorted(sizes.items()))), (phase.name, sizes))
    for (names, _), (phase_name, binding) in bindings.items():
        for op in plan.graph.ops:
            if op.name not in names:
                continue
            yield f"op '{op.name}' ({op.kind}) in phase '{phase_name}'", view(plan.graph, op, binding)


def graph_sizes(plan: Plan) -> Iterator[str]:
    """Each op has the operands that its kind is priced by, and sizes that are not negative."""
    for where, seen in _seen(plan):
        try:
            sizes = kind_of(seen.op).dims(seen)
        except (IndexError, ValueError) as error:
            yield f"{where}, inputs {_listed(seen.inputs)}: {_words(error)}"
        else:
            if any(size < 0 for _, size in sizes):
                yield f"{where} has sizes {dict(sizes)}"


def graph_shapes(plan: Plan) -> Iterator[str]:
    """Outputs have the shapes that the op's kind makes of its inputs; what only views conserves the elements."""
    for where, seen in _seen(plan):
        kind = kind_of(seen.op)
        try:
            implied = kind.outputs(seen)
        except (IndexError, ValueError) as error:
            yield f"{where}, inputs {_listed(seen.inputs)}: {_words(error)}"
            continue
        for expected, found in zip(implied or (), seen.outputs, strict=False):
            if expected != found:
                yield f"{where} makes {expected} of {_listed(seen.inputs)}, but its output is {found}"
        if kind.conserves == "elements" and seen.inputs and seen.outputs:
            before, after = elements(seen.inputs[0]), elements(seen.outputs[0])
            if before != after:
                yield f"{where} has {before} elements before and {after} after"


def graph_attention(plan: Plan) -> Iterator[str]:
    """The sizes by which attention is priced fit the result it leaves: batch x heads x queries x value width."""
    for where, seen in _seen(plan):
        if seen.op.kind == "attention" and seen.outputs:
            width = seen.size("v_dim", seen.size("head_dim"))
            expected = seen.size("batch") * seen.size("heads") * seen.size("q") * width
            found = elements(seen.outputs[0])
            if found != expected:
                yield f"{where} is priced for {expected} results, its output {seen.outputs[0]} has {found}"


def _listed(shapes: Shapes) -> str:
    return " and ".join(map(str, shapes)) or "none"


def _words(error: Exception) -> str:
    return "an operand or a dim is missing" if isinstance(error, IndexError) else str(error)


RULES = rules(graph_sizes, graph_shapes, graph_attention)
