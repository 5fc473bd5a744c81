"""Names of ops and of operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mapper.frontend.facts import Node
from mapper.frontend.vocabulary import why_opaque


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
    """One warning that lists every operator without a kind, the most frequent first, and why; none if all have one."""
    if not opaque:
        return []
    listed = [
        f"{count} x {operator} ({why_operator_is_opaque(operator)})"
        for operator, count in sorted(opaque.items(), key=lambda item: (-item[1], item[0]))
    ]
    total = sum(opaque.values())
    ops = "1 opaque op, costed by the bytes it touches" if total == 1 else f"{total} opaque ops, costed by their bytes"
    return [f"{ops}; only units that take opaque ops can run {'it' if total == 1 else 'them'}: {', '.join(listed)}"]


def why_operator_is_opaque(operator: str) -> str:
    """Why "domain::Type" has no kind."""
    domain, _, op_type = operator.rpartition("::")
    return why_opaque(op_type, domain)
