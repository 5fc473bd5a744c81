"""Operators that are no op themselves: control flow, sequences and optionals, each resolved into other nodes."""

from __future__ import annotations

from collections.abc import Callable

from mapper.frontend.control import sequences
from mapper.frontend.control.branches import run_if
from mapper.frontend.control.loops import run_loop
from mapper.frontend.control.scans import run_scan
from mapper.frontend.facts import Node
from mapper.frontend.walk.walk import Walk

Handler = Callable[[Node, Walk], None]

_HANDLERS: dict[str, Handler] = {
    "If": run_if,
    "Loop": run_loop,
    "Scan": run_scan,
    "SequenceEmpty": sequences.construct,
    "SequenceConstruct": sequences.construct,
    "SequenceInsert": sequences.insert,
    "SequenceErase": sequences.erase,
    "SequenceAt": sequences.element_at,
    "SequenceLength": sequences.length,
    "SplitToSequence": sequences.split,
    "ConcatFromSequence": sequences.concat,
    "SequenceMap": sequences.map_elements,
    "Optional": sequences.optional,
    "OptionalHasElement": sequences.has_element,
    "OptionalGetElement": sequences.get_element,
}


def handler_of(node: Node, walk: Walk) -> Handler | None:
    """What resolves the node; None for a node that computes tensors from tensors."""
    if node.domain:
        return None
    if node.op_type == "Identity" and node.inputs and node.inputs[0] in walk.sequences:
        return sequences.alias
    return _HANDLERS.get(node.op_type)
