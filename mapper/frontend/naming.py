"""Names of ops and of operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mapper.frontend.facts import Node


def label_type(node: Node) -> str:
    """The operator with its domain."""
    return f"{node.domain}::{node.op_type}" if node.domain else node.op_type


def unique_names(nodes: Sequence[Node]) -> list[str]:
    """The nodes' own names where they are unique, else operator and index."""
    count = Counter(node.name for node in nodes)
    taken = {name for name, times in count.items() if times == 1}
    names = []
    for index, node in enumerate(nodes):
        name = node.name
        if not name or count[name] > 1:
            name = f"{node.op_type}_{index}"
            while name in taken:
                name += "_"
            taken.add(name)
        names.append(name)
    return names


def opaque_warnings(opaque: Mapping[str, int]) -> list[str]:
    """One warning per operator without a kind."""
    return [
        f"{count} x {op_type}: no kind for this operator; it is costed by the bytes it touches"
        for op_type, count in sorted(opaque.items())
    ]
