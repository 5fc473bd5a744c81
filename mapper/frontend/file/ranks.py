"""How many ranks share a model whose file leaves it to the launcher, as onnxruntime's AllReduce does."""

from __future__ import annotations

import onnx

from mapper.frontend.expect import Expectations
from mapper.frontend.facts import Node, Source
from mapper.frontend.file.nodes import make_node

DOMAIN = "com.microsoft"
EXCHANGES = ("AllReduce", "AllGather", "AllToAll")
ATTRIBUTE = "group_size"
NAME = "ranks"
"""What `--expect` calls the number."""
_ABOUT = "how many ranks share the model"


def state_ranks(source: Source, expectations: Expectations) -> None:
    """Gives every all-reduce without a group size that of the file's other exchanges, else the expected number."""
    silent = [node for node in source.nodes if node.op_type == "AllReduce" and _is_silent(node)]
    if not silent:
        return
    stated = {int(n.attr(ATTRIBUTE, 1)) for n in source.nodes if n.domain == DOMAIN and n.op_type in EXCHANGES} - {1}
    known = expectations.of(NAME) is None and len(stated) == 1
    ranks = stated.pop() if known else expectations.take(NAME, _ABOUT, 2, "the fewest")
    for node in silent:
        _state(node, max(1, ranks))


def _is_silent(node: Node) -> bool:
    return node.domain == DOMAIN and node.attr(ATTRIBUTE) is None


def _state(node: Node, ranks: int) -> None:
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    proto.attribute.append(onnx.helper.make_attribute(ATTRIBUTE, ranks))
    node.proto, node.key = proto, make_node(proto).key
