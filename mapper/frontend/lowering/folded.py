"""Nodes of the file that no op stands for, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from mapper.frontend.facts import FileNode
from mapper.ir.graph import Op

CONSTANT = "constant"
SIZES = "sizes"
RENAMED = "renames"
RESOLVED = "control flow"
SKIPPED = "branch not taken"
INSIDE = "inside an op"
DEAD = "dead"
"""Reasons: computed from constants of the file; computed from sizes; hands its input on; resolved into other nodes;
did not run; stands in a loop or operator that is one op; makes what nothing needs."""

_RESOLVED = frozenset({"If", "Loop", "Scan", "SequenceMap", "Optional", "OptionalHasElement", "OptionalGetElement"})


def folded_nodes(
    nodes: Sequence[FileNode], ops: Iterable[Op], gone: Mapping[str, str], placed: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """The nodes without an op by reason. gone: reasons found in lowering; placed: homes of branches and bodies taken.

    Together with the ops' origins these are all nodes of the file, each once.
    """
    held = {name for op in ops for name in op.origin}
    owners = {node.name: node for node in nodes}
    found: dict[str, list[str]] = {}
    for node in nodes:
        if node.name not in held:
            reason = _why_absent(node, owners, held, placed) or gone.get(node.name) or _why(node)
            found.setdefault(reason, []).append(node.name)
    return {reason: tuple(found[reason]) for reason in sorted(found)}


def _why(node: FileNode) -> str:
    if node.op_type == "Constant":
        return CONSTANT
    return RESOLVED if node.op_type in _RESOLVED or "Sequence" in node.op_type else DEAD


def _why_absent(node: FileNode, owners: Mapping[str, FileNode], held: Collection[str], placed: Collection[str]) -> str:
    """Why a node of a branch or body did not run as a node of its own; "" for one that did."""
    reason = ""
    while node.home:
        owner = owners[node.owner]
        if node.home not in placed:
            reason = INSIDE if owner.name in held and owner.op_type != "If" else SKIPPED
        node = owner
    return reason
